//! A real Kafka of two nodes on loopback, whose clients come by TLS and SCRAM.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The password, to be found nowhere.
pub const SECRET: &str = "canary-7f3a9c51";

const CLUSTER_ID: &str = "c3F1YWxsLWV4dGVybmFsMQ";
const NODES: [usize; 2] = [1, 2];
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Kafka {
    folder: tempfile::TempDir,
    jars: PathBuf,
    /// By node: where clients come in, where the other node does, where the controller is.
    ports: Vec<[u16; 3]>,
    nodes: Vec<Child>,
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

impl Kafka {
    pub fn start() -> Self {
        let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kafka-4.2.1/libs");
        let jars = std::env::var_os("SQUALL_KAFKA_JARS").map_or(usual, PathBuf::from);
        assert!(jars.is_dir(), "there are no jars in {}", jars.display());
        let mut kafka = Self {
            folder: tempfile::tempdir().unwrap(),
            jars,
            ports: NODES
                .map(|_| [free_port(), free_port(), free_port()])
                .to_vec(),
            nodes: Vec::new(),
        };
        kafka.certify();
        for node in NODES {
            let properties = kafka.properties(node);
            std::fs::write(kafka.file(node, "properties"), properties).unwrap();
            kafka.format(node);
        }
        for node in NODES {
            let mut command = kafka.java("kafka.Kafka");
            let log = std::fs::File::create(kafka.file(node, "log")).unwrap();
            command
                .arg(kafka.file(node, "properties"))
                .stderr(log.try_clone().unwrap())
                .stdout(log);
            kafka.nodes.push(command.spawn().unwrap());
        }
        kafka.wait("both nodes", || kafka.ask().is_some());
        kafka
    }

    /// `bootstrap.servers` by TLS.
    pub fn secure(&self) -> String {
        let ports = self.ports.iter();
        let all: Vec<String> = ports
            .map(|[port, ..]| format!("localhost:{port}"))
            .collect();
        all.join(",")
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Names of topics and groups that a run has made and not taken away.
    pub fn left(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| name.starts_with("squall-"));
        names
    }

    /// Topics and groups of everybody.
    pub fn names(&self) -> Vec<String> {
        self.ask().unwrap()
    }

    /// Writes records as somebody else, to a topic that the cluster makes by itself.
    pub fn write_as_others(&self, topic: &str, values: &[&str]) {
        let producer: BaseProducer = self.inside().create().unwrap();
        for value in values {
            let record = BaseRecord::<str, str>::to(topic).payload(value);
            producer.send(record).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// The first values of a topic of one partition, and how many there are.
    pub fn first_values(&self, topic: &str, count: usize) -> (Vec<String>, i64) {
        let consumer: BaseConsumer = self
            .inside()
            .set("group.id", "nobody")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let (first, end) = consumer.fetch_watermarks(topic, 0, PATIENCE).unwrap();
        let mut places = TopicPartitionList::new();
        let begin = Offset::Offset(first);
        places.add_partition_offset(topic, 0, begin).unwrap();
        consumer.assign(&places).unwrap();
        let read = || {
            let message = consumer.poll(PATIENCE).expect("a record").unwrap();
            String::from_utf8(message.payload().unwrap_or_default().to_vec()).unwrap()
        };
        ((0..count).map(|_| read()).collect(), end - first)
    }

    /// Past TLS and logins.
    fn inside(&self) -> ClientConfig {
        let inside = self.ports.iter().map(|[_, port, _]| port);
        let inside: Vec<String> = inside.map(|port| format!("127.0.0.1:{port}")).collect();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", inside.join(","));
        config
    }

    pub fn logs(&self) -> String {
        let log = |node| std::fs::read_to_string(self.file(node, "log")).unwrap_or_default();
        NODES.map(log).concat()
    }

    /// Topics and groups, once both nodes are there.
    fn ask(&self) -> Option<Vec<String>> {
        let inside = self.ports.iter().map(|[_, port, _]| *port);
        let listens = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
        if !inside.into_iter().all(listens) {
            return None;
        }
        let client: BaseConsumer = self.inside().create().unwrap();
        let within = Duration::from_secs(10);
        let metadata = client.fetch_metadata(None, within).ok()?;
        if metadata.brokers().len() < NODES.len() {
            return None;
        }
        let topics = metadata
            .topics()
            .iter()
            .map(|topic| topic.name().to_owned());
        let groups = client.fetch_group_list(None, within).ok()?;
        let groups = groups.groups().iter().map(|group| group.name().to_owned());
        Some(topics.chain(groups).collect())
    }

    fn wait(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "no {what}: {}", self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// An authority of our own, and a certificate for `localhost`.
    fn certify(&self) {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "an authority of our own");
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let own = own.signed_by(&key, &issuer).unwrap();
        let identity = format!("{}{}{}", key.serialize_pem(), own.pem(), issuer.pem());
        std::fs::write(self.folder.path().join("identity.pem"), identity).unwrap();
        std::fs::write(self.authority(), issuer.pem()).unwrap();
    }

    fn file(&self, node: usize, kind: &str) -> PathBuf {
        self.folder.path().join(format!("node-{node}.{kind}"))
    }

    fn properties(&self, node: usize) -> String {
        let [secure, inside, controller] = self.ports[node - 1];
        let first = node == 1;
        let data = self.file(node, "data").display().to_string();
        let identity = self.folder.path().join("identity.pem");
        let listeners = format!("SECURE://localhost:{secure},INSIDE://127.0.0.1:{inside}");
        let with_controller = format!("{listeners},CONTROLLER://127.0.0.1:{controller}");
        let mut text = String::new();
        for (name, value) in [
            (
                "process.roles",
                if first { "broker,controller" } else { "broker" },
            ),
            ("node.id", &node.to_string()),
            (
                "controller.quorum.voters",
                &format!("1@127.0.0.1:{}", self.ports[0][2]),
            ),
            ("controller.listener.names", "CONTROLLER"),
            ("inter.broker.listener.name", "INSIDE"),
            (
                "listener.security.protocol.map",
                "SECURE:SASL_SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            ),
            (
                "listeners",
                if first { &with_controller } else { &listeners },
            ),
            ("advertised.listeners", &listeners),
            ("sasl.enabled.mechanisms", "SCRAM-SHA-512"),
            (
                "listener.name.secure.scram-sha-512.sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            ),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", &identity.display().to_string()),
            ("log.dirs", &data),
            ("offsets.topic.num.partitions", "2"),
            ("offsets.topic.replication.factor", "1"),
            ("group.initial.rebalance.delay.ms", "200"),
            ("num.network.threads", "1"),
            ("num.io.threads", "2"),
        ] {
            let _ = writeln!(text, "{name}={value}");
        }
        text
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command
            .args([
                "-Xmx400m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
            ])
            .arg(format!("{}/*", self.jars.display()))
            .arg(class)
            .stdin(Stdio::null());
        command
    }

    fn format(&self, node: usize) {
        let secret = format!("SCRAM-SHA-512=[name=squall,password={SECRET}]");
        let output = self
            .java("kafka.tools.StorageTool")
            .args([
                "format",
                "--cluster-id",
                CLUSTER_ID,
                "--add-scram",
                &secret,
                "--config",
            ])
            .arg(self.file(node, "properties"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // One that has ended is what is wanted.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

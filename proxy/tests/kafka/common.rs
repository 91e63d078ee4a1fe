//! A cluster behind fronts, producers that remember what they were told, and a reader.

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use squall_proxy::engine::Engine;
use squall_proxy::kafka::{Address, FrontConfig, KafkaFront};
use squall_wire::kafka::{Cluster, ClusterConfig, TopicConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Generous: the machine may be busy with everything else.
pub const PATIENCE: Duration = Duration::from_secs(40);
pub const PARTITIONS: i32 = 6;

pub struct Fixture {
    pub cluster: Cluster,
    pub engine: Engine,
    _folder: TempDir,
}

/// Three brokers with the topic `t`.
pub fn start() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = ClusterConfig::new(3, folder.path().to_owned());
    let delay = "group.initial.rebalance.delay.ms".to_owned();
    config.broker_properties = [(delay, "0".to_owned())].into();
    config.topics = vec![TopicConfig::new("t", PARTITIONS, 3)];
    Fixture {
        cluster: Cluster::start(config).expect("a cluster"),
        engine: Engine::start(7).expect("an engine"),
        _folder: folder,
    }
}

impl Fixture {
    /// The way of a party to the cluster, with rules of its own.
    pub fn front(&self, party: &str) -> KafkaFront {
        let address =
            |socket: &std::net::SocketAddr| Address::new(&socket.ip().to_string(), socket.port());
        let bootstrap = self.cluster.addresses().iter().map(address).collect();
        KafkaFront::open(&self.engine, FrontConfig::new(party, bootstrap)).expect("a front")
    }
}

pub fn client(front: &KafkaFront, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", front.bootstrap())
        .set("reconnect.backoff.max.ms", "100");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

pub fn producer(front: &KafkaFront, settings: &[(&str, &str)]) -> BaseProducer<Deliveries> {
    client(front, settings)
        .set("acks", "all")
        .set("linger.ms", "1")
        .set("batch.num.messages", "20")
        .set("retry.backoff.ms", "10")
        .set("retry.backoff.max.ms", "50")
        .create_with_context(Deliveries::default())
        .expect("a producer")
}

/// What a producer was told of each value.
#[derive(Default)]
pub struct Deliveries(Mutex<BTreeMap<String, Result<(), RDKafkaErrorCode>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let (message, told) = match result {
            Ok(message) => (message, Ok(())),
            Err((error, message)) => {
                let code = error.rdkafka_error_code();
                (message, Err(code.expect("an error of librdkafka")))
            }
        };
        let told = self
            .0
            .lock()
            .expect("not poisoned")
            .insert(value(message), told);
        assert_eq!(told, None, "told twice");
    }
}

impl Deliveries {
    pub fn acknowledged(&self) -> BTreeSet<String> {
        let told = self.0.lock().expect("not poisoned");
        let acknowledged = told.iter().filter(|(_, told)| told.is_ok());
        acknowledged.map(|(value, _)| value.clone()).collect()
    }
}

fn value(message: &impl Message) -> String {
    String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned()
}

/// Produces `event-0`, `event-1`, ... and waits until all are told; those acknowledged.
pub fn produce(producer: &BaseProducer<Deliveries>, count: usize) -> BTreeSet<String> {
    for number in 0..count {
        let event = format!("event-{number}");
        let mut record = BaseRecord::to("t").payload(&event).key(&event);
        let deadline = Instant::now() + PATIENCE;
        while let Err((error, back)) = producer.send(record) {
            assert!(Instant::now() < deadline, "cannot be queued: {error}");
            producer.poll(Duration::from_millis(5));
            record = back;
        }
        producer.poll(Duration::ZERO);
    }
    producer.flush(PATIENCE).expect("told of all");
    producer.context().acknowledged()
}

/// Every value of `t`, how often it is there.
pub fn read_all(front: &KafkaFront) -> BTreeMap<String, usize> {
    let settings = [
        ("group.id", "reader"),
        ("enable.partition.eof", "true"),
        ("check.crcs", "true"),
    ];
    let consumer: BaseConsumer = client(front, &settings).create().expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let added = assignment.add_partition_offset("t", partition, Offset::Beginning);
        added.expect("a partition");
    }
    consumer.assign(&assignment).expect("assigned");
    let (mut values, mut ended) = (BTreeMap::new(), BTreeSet::new());
    let deadline = Instant::now() + PATIENCE;
    while ended.len() < assignment.count() {
        assert!(Instant::now() < deadline, "{} values read", values.len());
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => *values.entry(value(&message)).or_default() += 1,
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            _ => {}
        }
    }
    values
}

/// All are there; how many more than once.
pub fn duplicates(acknowledged: &BTreeSet<String>, read: &BTreeMap<String, usize>) -> usize {
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|value| !read.contains_key(*value))
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    read.values().filter(|count| **count > 1).count()
}

/// Waits for a condition.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

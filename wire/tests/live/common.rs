//! A cluster, producers that remember what was acknowledged, and readers that read to the end.

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use squall_wire::kafka::{Cluster, ClusterConfig, TopicConfig};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Generous: the machine may be busy with everything else.
pub const PATIENCE: Duration = Duration::from_secs(40);

pub struct Fixture {
    pub cluster: Cluster,
    _folder: TempDir,
}

/// Three brokers.
pub fn start(topics: &[(&str, i32)]) -> Fixture {
    start_with(topics, &[])
}

/// The same; a dead one is found in well under a second, and all of them are while the machine holds up the thread that they share.
pub fn start_watchful(topics: &[(&str, i32)]) -> Fixture {
    let properties = [
        ("broker.session.timeout.ms", "600"),
        ("broker.heartbeat.interval.ms", "100"),
    ];
    start_with(topics, &properties)
}

pub fn start_with(topics: &[(&str, i32)], properties: &[(&str, &str)]) -> Fixture {
    start_changed(topics, properties, |_| ())
}

pub fn start_changed(
    topics: &[(&str, i32)],
    properties: &[(&str, &str)],
    change: impl FnOnce(&mut ClusterConfig),
) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ClusterConfig::new(3, folder.path().to_owned());
    change(&mut config);
    config.broker_properties = [
        ("group.initial.rebalance.delay.ms", "0"),
        ("replica.lag.time.max.ms", "1000"),
        ("group.min.session.timeout.ms", "500"),
    ]
    .iter()
    .chain(properties)
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    config.topics = topics
        .iter()
        .map(|(name, partitions)| {
            let mut topic = TopicConfig::new(name, *partitions, 3);
            topic.configs = [("min.insync.replicas".to_owned(), "2".to_owned())].into();
            topic
        })
        .collect();
    Fixture {
        cluster: Cluster::start(config).unwrap(),
        _folder: folder,
    }
}

impl Fixture {
    pub fn client(&self, settings: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap());
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config
    }

    pub fn producer(&self, settings: &[(&str, &str)]) -> BaseProducer<Deliveries> {
        self.client(settings)
            .create_with_context(Deliveries::default())
            .unwrap()
    }

    /// Reads every partition of a topic from its beginning to its end.
    pub fn read_all(&self, topic: &str) -> Vec<String> {
        let consumer: BaseConsumer = self
            .client(&[
                ("group.id", "reader"),
                ("enable.partition.eof", "true"),
                ("enable.auto.commit", "false"),
                ("auto.offset.reset", "earliest"),
                ("check.crcs", "true"),
            ])
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let partitions = metadata.topics()[0].partitions().len();
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            let partition = i32::try_from(partition).unwrap();
            assignment
                .add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let (mut values, mut ended) = (Vec::new(), std::collections::BTreeSet::new());
        let deadline = Instant::now() + PATIENCE;
        while ended.len() < partitions {
            assert!(
                Instant::now() < deadline,
                "{} of {topic} read",
                values.len()
            );
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => values.push(payload(&message)),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    ended.insert(partition);
                }
                _ => {}
            }
        }
        values
    }
}

pub fn payload(message: &impl Message) -> String {
    String::from_utf8(message.payload().unwrap().to_vec()).unwrap()
}

/// Partition and offset of an acknowledged event, or the error.
type Told = Result<(i32, i64), RDKafkaErrorCode>;

/// What a producer was told of each value.
#[derive(Default)]
pub struct Deliveries {
    told: Mutex<BTreeMap<String, Told>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let (value, told) = match result {
            Ok(message) => (
                payload(message),
                Ok((message.partition(), message.offset())),
            ),
            Err((error, message)) => (payload(message), Err(error.rdkafka_error_code().unwrap())),
        };
        let before = self.told.lock().unwrap().insert(value, told);
        assert_eq!(before, None, "told twice");
    }
}

impl Deliveries {
    pub fn acknowledged(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter()
            .filter(|(_, r)| r.is_ok())
            .map(|(v, _)| v.clone())
            .collect()
    }

    pub fn errors(&self) -> Vec<RDKafkaErrorCode> {
        let told = self.told.lock().unwrap();
        told.values().filter_map(|r| r.err()).collect()
    }

    pub fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }
}

/// Produces `name-0`, `name-1`, ... and waits until all are told.
pub fn produce(producer: &BaseProducer<Deliveries>, topic: &str, name: &str, count: usize) {
    for number in 0..count {
        send(producer, topic, &format!("{name}-{number}"));
    }
    producer.flush(PATIENCE).unwrap();
}

pub fn send(producer: &BaseProducer<Deliveries>, topic: &str, value: &str) {
    let mut record = BaseRecord::to(topic).payload(value).key(value);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match producer.send(record) {
            Ok(()) => break,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                assert!(Instant::now() < deadline, "the producer's queue stays full");
                record = back;
                producer.poll(Duration::from_millis(10));
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
    producer.poll(Duration::ZERO);
}

/// Waits for a condition.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values
}

pub fn names(name: &str, count: usize) -> Vec<String> {
    sorted((0..count).map(|n| format!("{name}-{n}")).collect())
}

//! What is produced is what is read.

use crate::common::{PATIENCE, names, produce, sorted, start};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaErrorCode;

#[test]
fn everything_acknowledged_comes_back_with_any_compression() {
    let fixture = start(&[("none", 3), ("gzip", 3), ("lz4", 3), ("snappy", 3)]);
    for codec in ["none", "gzip", "lz4", "snappy"] {
        let producer = fixture.producer(&[("compression.codec", codec), ("acks", "all")]);
        produce(&producer, codec, "event", 2000);
        assert_eq!(producer.context().errors(), []);
        assert_eq!(
            sorted(fixture.read_all(codec)),
            names("event", 2000),
            "{codec}"
        );
    }
    // librdkafka does not compress when the broker's Produce versions look wrong to it (KAFKA-18659).
    let counters = fixture.cluster.snapshot().unwrap().counters;
    assert_eq!((counters.malformed, counters.refused_batches), (0, 0));
}

#[test]
fn compression_is_really_used() {
    let fixture = start(&[("plain", 1), ("packed", 1)]);
    let value = "x".repeat(50_000);
    let sizes = [("plain", "none"), ("packed", "gzip")].map(|(topic, codec)| {
        let before = fixture.cluster.snapshot().unwrap().counters.appended_bytes;
        let producer = fixture.producer(&[("compression.codec", codec)]);
        produce(&producer, topic, &value, 3);
        assert_eq!(producer.context().errors(), []);
        fixture.cluster.snapshot().unwrap().counters.appended_bytes - before
    });
    assert!(sizes[1] * 10 < sizes[0], "{sizes:?}");
}

#[test]
fn an_idempotent_producer_and_every_kind_of_acks_work() {
    let fixture = start(&[("all", 2), ("one", 2), ("zero", 2)]);
    let settings: [(&str, &[(&str, &str)]); 3] = [
        ("all", &[("enable.idempotence", "true")]),
        ("one", &[("acks", "1")]),
        ("zero", &[("acks", "0")]),
    ];
    for (topic, settings) in settings {
        let producer = fixture.producer(settings);
        produce(&producer, topic, "event", 500);
        assert_eq!(producer.context().errors(), []);
        crate::common::wait_for("all 500", || fixture.read_all(topic).len() == 500);
    }
}

#[test]
fn a_batch_that_is_too_large_is_refused_and_the_rest_goes_on() {
    let fixture = crate::common::start_with(&[("t", 1)], &[("message.max.bytes", "2000")]);
    let producer = fixture.producer(&[("linger.ms", "0")]);
    produce(&producer, "t", &"x".repeat(5000), 1);
    assert_eq!(
        producer.context().errors(),
        [RDKafkaErrorCode::MessageSizeTooLarge]
    );
    produce(&producer, "t", "small", 1);
    assert_eq!(producer.context().errors().len(), 1);
}

#[test]
fn metadata_tells_brokers_leaders_and_replicas() {
    let fixture = start(&[("t", 6)]);
    let consumer: BaseConsumer = fixture.client(&[]).create().unwrap();
    let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
    assert_eq!(metadata.brokers().len(), 3);
    let topic = metadata.topics().iter().find(|t| t.name() == "t").unwrap();
    assert_eq!(topic.partitions().len(), 6);
    for partition in topic.partitions() {
        assert_eq!((partition.isr().len(), partition.replicas().len()), (3, 3));
        assert!((1..=3).contains(&partition.leader()));
    }
}

#[test]
fn what_is_no_longer_in_memory_comes_back_from_the_files() {
    let cache_bytes_max = 256 << 10;
    let fixture = crate::common::start_changed(&[("t", 2)], &[], |config| {
        config.cache_bytes_max = cache_bytes_max;
    });
    let producer = fixture.producer(&[("batch.size", "200000"), ("linger.ms", "5")]);
    // Small batches are read while a fetch is encoded, large ones when the socket takes them.
    for (name, size, count) in [("small", 100, 5000), ("large", 60_000, 200)] {
        produce(
            &producer,
            "t",
            &format!("{name}-{}", "x".repeat(size)),
            count,
        );
    }
    assert_eq!(producer.context().errors(), []);
    let counters = fixture.cluster.snapshot().unwrap().counters;
    assert!(counters.appended_bytes > 12_000_000, "{counters:?}");
    assert!(
        counters.cached_bytes <= cache_bytes_max as u64,
        "{counters:?}"
    );
    let read = sorted(fixture.read_all("t"));
    assert_eq!(read, sorted(producer.context().acknowledged()));
    assert_eq!(read.len(), 5200);
}

#[test]
fn a_snapshot_shows_leaders_log_ends_and_lag() {
    let fixture = start(&[("t", 1)]);
    produce(&fixture.producer(&[("acks", "all")]), "t", "event", 50);
    let snapshot = fixture.cluster.snapshot().unwrap();
    assert_eq!(snapshot.running, [1, 2, 3]);
    let (name, partition) = snapshot
        .partitions
        .iter()
        .find(|(n, _)| n.to_string() == "t/0")
        .unwrap();
    assert_eq!((&*name.topic, partition.isr.len()), ("t", 3));
    assert_eq!((partition.high_watermark, partition.log_start), (50, 0));
    assert!(partition.log_ends.values().all(|end| *end == 50) && partition.log_ends.len() == 3);
    assert!(partition.leader.is_some());
}

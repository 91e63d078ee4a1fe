//! How long a cluster takes to its first acknowledged event: `cargo run --release -p squall-wire --example first_ack`.

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use squall_wire::kafka::{Cluster, ClusterConfig, TopicConfig};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for _ in 0..5 {
        let folder = tempfile::tempdir()?;
        let mut config = ClusterConfig::new(3, folder.path().to_owned());
        config.topics = vec![TopicConfig::new("t", 6, 3)];
        let began = Instant::now();
        let cluster = Cluster::start(config)?;
        let ready = began.elapsed();
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap())
            .set("acks", "all")
            .create()?;
        let record = BaseRecord::<(), str>::to("t").payload("event");
        producer.send(record).map_err(|(error, _)| error)?;
        // Not `flush`, which looks every 100 ms.
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::from_micros(200));
        }
        println!(
            "ready {:.1} ms, first acknowledged {:.1} ms",
            1e3 * ready.as_secs_f64(),
            1e3 * began.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

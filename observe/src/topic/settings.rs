//! Settings of the clients that only look.

use rdkafka::ClientConfig;
use std::collections::BTreeMap;

/// Settings of a scenario's clients that say how to reach the brokers; the others are for the system's own clients.
const OF_THE_CONNECTION: &[&str] = &[
    "bootstrap.servers",
    "metadata.broker.list",
    "security.",
    "sasl.",
    "ssl.",
    "enable.ssl.",
    "broker.address.family",
];

/// How to reach the brokers.
pub(crate) fn client_config(settings: &BTreeMap<String, String>) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in settings {
        if OF_THE_CONNECTION
            .iter()
            .any(|known| name.starts_with(known))
        {
            config.set(name, value);
        }
    }
    // Back at a broker soon after it is back.
    config
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200");
    config
}

/// A consumer that reads all and leaves no trace.
pub(super) fn tap_config(settings: &BTreeMap<String, String>, sink: &str) -> ClientConfig {
    let mut config = client_config(settings);
    config
        .set("client.id", format!("squall-tap-{sink}"))
        // The client wants one, and never joins it: partitions are assigned by hand.
        .set("group.id", format!("squall-tap-{sink}"))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("topic.metadata.refresh.interval.ms", "2000")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "50")
        // Whoever has records waiting in the client fetches no more for a moment: a dense stream then comes by the hundreds, and not by
        // the few that came while the last answer was under way. By default the moment is a second, which halves the rate.
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "64")
        .set("queued.max.messages.kbytes", "32768");
    config
}

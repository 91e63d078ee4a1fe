//! A broker's container: what it is told.

use super::engine::Spec;
use super::images::Image;
use super::layout::Layout;
use squall_plan::scenario;
use std::collections::BTreeMap;

/// Between brokers.
const INTERNAL: u16 = 9090;
const CONTROLLER: u16 = 9091;
/// For Squall's own clients.
const DIRECT: u16 = 9092;
/// Any that is well-formed; the cluster is the run's own.
const CLUSTER_ID: &str = "c3F1YWxsLWNsdXN0ZXItMQ";

/// Its name is its host name on the run's network, too.
pub fn name(run: &str, broker: u32) -> String {
    format!("{run}-kafka-{broker}")
}

/// Every node is broker and controller at once.
pub fn spec(run: &str, broker: u32, plan: &scenario::Cluster, layout: &Layout) -> Spec {
    let mut environment = settings(run, broker, plan, layout);
    environment.push(("CLUSTER_ID".to_owned(), CLUSTER_ID.to_owned()));
    environment.push(("KAFKA_HEAP_OPTS".to_owned(), "-Xms256m -Xmx512m".to_owned()));
    let direct = layout
        .direct(broker)
        .map(|address| (address.port(), DIRECT));
    Spec {
        name: name(run, broker),
        image: Image::Kafka,
        environment,
        command: Vec::new(),
        ports: direct.into_iter().collect(),
        beside: None,
    }
}

fn settings(
    run: &str,
    broker: u32,
    plan: &scenario::Cluster,
    layout: &Layout,
) -> Vec<(String, String)> {
    let voters = layout.brokers().into_iter();
    let voters = voters.map(|id| format!("{id}@{}:{CONTROLLER}", name(run, id)));
    let own = name(run, broker);
    let direct = layout.direct(broker).map(|at| at.to_string());
    let mut listeners = vec![
        ("INTERNAL".to_owned(), INTERNAL, format!("{own}:{INTERNAL}")),
        ("DIRECT".to_owned(), DIRECT, direct.unwrap_or_default()),
    ];
    for (number, way) in layout.ways_to(broker).iter().enumerate() {
        listeners.push((
            format!("PARTY{number}"),
            way.port,
            way.address().to_string(),
        ));
    }
    let joined = |one: &dyn Fn(&(String, u16, String)) -> String| {
        listeners.iter().map(one).collect::<Vec<_>>().join(",")
    };
    let bound = joined(&|(name, port, _)| format!("{name}://0.0.0.0:{port}"));
    let protocols = joined(&|(name, ..)| format!("{name}:PLAINTEXT"));
    // As many as hold the least that Kafka's own topics want.
    let replicas = plan.brokers.min(3).to_string();
    let in_sync = plan.brokers.min(2).to_string();
    let ours = [
        ("node.id", broker.to_string()),
        ("process.roles", "broker,controller".to_owned()),
        (
            "controller.quorum.voters",
            voters.collect::<Vec<_>>().join(","),
        ),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("inter.broker.listener.name", "INTERNAL".to_owned()),
        (
            "listeners",
            format!("{bound},CONTROLLER://0.0.0.0:{CONTROLLER}"),
        ),
        (
            "advertised.listeners",
            joined(&|(name, _, told)| format!("{name}://{told}")),
        ),
        (
            "listener.security.protocol.map",
            format!("{protocols},CONTROLLER:PLAINTEXT"),
        ),
        ("num.network.threads", "1".to_owned()),
        ("log.dirs", "/tmp/kraft-combined-logs".to_owned()),
        ("offsets.topic.replication.factor", replicas.clone()),
        // Each is a log on each node; Kafka's usual 50 cost seconds.
        ("offsets.topic.num.partitions", "5".to_owned()),
        ("transaction.state.log.replication.factor", replicas),
        ("transaction.state.log.min.isr", in_sync),
        ("transaction.state.log.num.partitions", "5".to_owned()),
        // As in the embedded environment, where the reason stands.
        ("group.initial.rebalance.delay.ms", "200".to_owned()),
    ];
    let ours = ours.map(|(name, value)| (name.to_owned(), value));
    let mut theirs = plan.broker.clone();
    heartbeats(&mut theirs);
    let all = ours
        .into_iter()
        .filter(|(name, _)| !theirs.contains_key(name));
    all.chain(theirs.clone())
        .map(|(name, value)| (variable(&name), value))
        .collect()
}

/// Kafka wants two heartbeats in a session at least, and its usual one is every 2 s.
fn heartbeats(settings: &mut BTreeMap<String, String>) {
    let session = settings.get("broker.session.timeout.ms");
    if let Some(session_ms) = session.and_then(|text| text.parse::<u32>().ok()) {
        let interval = settings.entry("broker.heartbeat.interval.ms".to_owned());
        interval.or_insert_with(|| (session_ms / 3).clamp(1, 2000).to_string());
    }
}

/// As the image reads settings: `KAFKA_LOG_DIRS` is `log.dirs`.
fn variable(setting: &str) -> String {
    let mut name = "KAFKA_".to_owned();
    for c in setting.chars() {
        match c {
            '.' => name.push('_'),
            '_' => name.push_str("__"),
            '-' => name.push_str("___"),
            c => name.extend(c.to_uppercase()),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_session_has_heartbeats_enough() {
        let with = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let mut settings: BTreeMap<String, String> = pairs.collect();
            heartbeats(&mut settings);
            settings.remove("broker.heartbeat.interval.ms")
        };
        let session = ("broker.session.timeout.ms", "3000");
        assert_eq!(with(&[session]), Some("1000".to_owned()));
        let own = ("broker.heartbeat.interval.ms", "700");
        assert_eq!(with(&[session, own]), Some("700".to_owned()));
        assert_eq!(with(&[]), None);
    }

    #[test]
    fn settings_are_named_as_the_image_reads_them() {
        assert_eq!(variable("log.dirs"), "KAFKA_LOG_DIRS");
        assert_eq!(variable("a.b_c-d"), "KAFKA_A_B__C___D");
    }
}

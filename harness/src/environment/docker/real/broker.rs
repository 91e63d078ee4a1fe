//! A broker's container: what it is told.

use super::engine::Spec;
use super::images::Image;
use super::layout::Layout;
use crate::environment::network::End;
use squall_plan::scenario;
use std::collections::BTreeMap;

/// Between brokers.
const INTERNAL: u16 = 9090;
const CONTROLLER: u16 = 9091;
/// For Squall's own clients.
const DIRECT: u16 = 9092;
/// Any that is well-formed; the cluster is the run's own.
const CLUSTER_ID: &str = "c3F1YWxsLWNsdXN0ZXItMQ";

const HEAP: &str = "-Xms256m -Xmx512m";
/// Three nodes that start on a few cores: the second compiler and G1's threads cost them two thirds of their start, and earn it back
/// only at rates that no scenario of faults has.
const JVM: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.awt.headless=true";

/// Its name is its host name on the run's network, too.
pub fn name(run: &str, broker: u32) -> String {
    format!("{run}-kafka-{broker}")
}

/// The controller's name.
pub fn controller_name(run: &str) -> String {
    format!("{run}-controller")
}

pub fn spec(run: &str, broker: u32, plan: &scenario::Cluster, layout: &Layout) -> Spec {
    let direct = layout.direct(broker);
    let port = direct.map(|address| (address.port(), DIRECT));
    let ours = settings(run, broker, plan, layout);
    node(name(run, broker), ours, plan, port)
}

/// The controller is a node of its own: what is done to brokers leaves it alone, and two of three may be down.
pub fn controller_spec(run: &str, plan: &scenario::Cluster, layout: &Layout) -> Spec {
    let name = controller_name(run);
    let ours = vec![
        ("node.id", layout.controller().to_string()),
        ("process.roles", "controller".to_owned()),
        ("listeners", format!("CONTROLLER://0.0.0.0:{CONTROLLER}")),
        (
            "advertised.listeners",
            format!("CONTROLLER://{name}:{CONTROLLER}"),
        ),
        (
            "listener.security.protocol.map",
            "CONTROLLER:PLAINTEXT".to_owned(),
        ),
    ];
    let ours = [ours, of_all_nodes(run, layout)].concat();
    let port = (layout.controller_direct().port(), CONTROLLER);
    node(name, ours, plan, Some(port))
}

type Settings = Vec<(&'static str, String)>;

fn node(name: String, ours: Settings, plan: &scenario::Cluster, port: Option<(u16, u16)>) -> Spec {
    let mut theirs = plan.broker.clone();
    heartbeats(&mut theirs);
    let ours = ours.into_iter().map(|(key, value)| (key.to_owned(), value));
    let ours: Vec<_> = ours.filter(|(key, _)| !theirs.contains_key(key)).collect();
    let all = ours.into_iter().chain(theirs);
    let mut environment: Vec<_> = all.map(|(key, value)| (variable(&key), value)).collect();
    let fixed = [
        ("CLUSTER_ID", CLUSTER_ID),
        ("KAFKA_HEAP_OPTS", HEAP),
        ("KAFKA_JVM_PERFORMANCE_OPTS", JVM),
    ];
    environment.extend(fixed.map(|(key, value)| (key.to_owned(), value.to_owned())));
    Spec {
        name,
        image: Image::Kafka,
        environment,
        command: Vec::new(),
        ports: port.into_iter().collect(),
        beside: None,
    }
}

fn of_all_nodes(run: &str, layout: &Layout) -> Settings {
    let voter = format!(
        "{}@{}:{CONTROLLER}",
        layout.controller(),
        controller_name(run)
    );
    vec![
        ("controller.quorum.voters", voter),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("log.dirs", "/tmp/kraft-combined-logs".to_owned()),
    ]
}

fn settings(run: &str, broker: u32, plan: &scenario::Cluster, layout: &Layout) -> Settings {
    let own = name(run, broker);
    let direct = layout.direct(broker).map(|at| at.to_string());
    let mut listeners = vec![
        ("INTERNAL".to_owned(), INTERNAL, format!("{own}:{INTERNAL}")),
        ("DIRECT".to_owned(), DIRECT, direct.unwrap_or_default()),
    ];
    for (number, way) in layout.ways_to(&End::Broker(broker)).iter().enumerate() {
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
    let ours = vec![
        ("node.id", broker.to_string()),
        ("process.roles", "broker".to_owned()),
        ("inter.broker.listener.name", "INTERNAL".to_owned()),
        ("listeners", bound),
        (
            "advertised.listeners",
            joined(&|(name, _, told)| format!("{name}://{told}")),
        ),
        (
            "listener.security.protocol.map",
            format!("{protocols},CONTROLLER:PLAINTEXT"),
        ),
        ("num.network.threads", "1".to_owned()),
        ("offsets.topic.replication.factor", replicas.clone()),
        // Each is a log on each node; Kafka's usual 50 cost seconds.
        ("offsets.topic.num.partitions", "5".to_owned()),
        ("transaction.state.log.replication.factor", replicas),
        ("transaction.state.log.min.isr", in_sync),
        ("transaction.state.log.num.partitions", "5".to_owned()),
        // As in the embedded environment, where the reason stands.
        ("group.initial.rebalance.delay.ms", "200".to_owned()),
    ];
    [ours, of_all_nodes(run, layout)].concat()
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

//! `bus`: brokers, topics, settings and links, and what cannot be together.

use crate::problem::Problems;
use crate::scenario::{Cluster, Links};
use crate::shape::mistaken_for;
use crate::system::read::{text_map, topic};
use crate::system::{SystemSpec, TopicSettings, TopicSpec};
use crate::units::parse_bandwidth;
use crate::yaml::{Node, Place};

const BROKERS: u32 = 3;
const PARTITIONS: u32 = 6;
const REPLICAS: u32 = 3;

pub(super) fn read(bus: Option<&Node>, system: &SystemSpec, problems: &mut Problems) -> Cluster {
    let kafka = bus.and_then(|bus| bus.get("kafka"));
    let get = |key: &str| kafka.and_then(|kafka| kafka.get(key));
    let brokers = get("brokers").and_then(Node::count).unwrap_or(BROKERS);
    let written = get("topics").map_or(&[][..], Node::entries);
    let mut settings = system.topics.clone();
    for entry in written {
        let own = topic(entry);
        match settings.iter_mut().find(|topic| topic.name == own.name) {
            Some(topic) => lay_over(topic, own),
            None => {
                check_name(&own.name, &entry.place, system, problems);
                settings.push(own);
            }
        }
    }
    let topics: Vec<TopicSpec> = settings
        .into_iter()
        .map(|topic| complete(topic, brokers))
        .collect();
    let client = text_map(get("client"));
    for topic in &topics {
        let entry = written.iter().find(|entry| entry.key == topic.name);
        let node = entry.map(|entry| &entry.value);
        let fallback = get("brokers").or(kafka).or(bus).map(|node| &node.place);
        check_topic(topic, node, fallback, brokers, problems);
    }
    check_client(get("client"), problems);
    check_external(get("external"), problems);
    Cluster {
        brokers,
        topics,
        broker: text_map(get("broker")),
        client,
        links: links(get("links")),
        external: text_map(get("external")),
        prefix: String::new(),
        may_disturb: false,
    }
}

/// A scenario is kept with every run of it.
fn check_external(external: Option<&Node>, problems: &mut Problems) {
    let secrets = ["sasl.password", "ssl.key.password"];
    let entries = external.map_or(&[][..], Node::entries).iter();
    for entry in entries.filter(|entry| secrets.contains(&entry.key.as_str())) {
        problems.at(
            &entry.place,
            format!("`{}` stands in a scenario, which every run keeps", entry.key),
            "give it by the environment variable SQUALL_KAFKA_SASL_PASSWORD, or in the file that `file` names",
        );
    }
}

/// Settings for a topic that nobody uses would be settings for none.
fn check_name(name: &str, place: &Place, system: &SystemSpec, problems: &mut Problems) {
    let known = system.topics.iter().map(|topic| topic.name.as_str());
    if let Some(near) = mistaken_for(name, known) {
        problems.at(
            place,
            format!("`{name}` is no topic of the system"),
            format!("did you mean `{near}`? If both are meant, add it to the system's topics"),
        );
    }
}

fn lay_over(topic: &mut TopicSettings, own: TopicSettings) {
    topic.partitions = own.partitions.or(topic.partitions);
    topic.replicas = own.replicas.or(topic.replicas);
    topic.min_insync_replicas = own.min_insync_replicas.or(topic.min_insync_replicas);
    topic.config.extend(own.config);
}

fn complete(topic: TopicSettings, brokers: u32) -> TopicSpec {
    TopicSpec {
        name: topic.name,
        partitions: topic.partitions.unwrap_or(PARTITIONS),
        replicas: topic.replicas.unwrap_or(REPLICAS.min(brokers)),
        min_insync_replicas: topic.min_insync_replicas.unwrap_or(1),
        config: topic.config,
    }
}

/// Copies that have no broker to live on, and writes that could never be accepted.
fn check_topic(
    topic: &TopicSpec,
    node: Option<&Node>,
    fallback: Option<&Place>,
    brokers: u32,
    problems: &mut Problems,
) {
    let place = |key: &str| {
        let own = node
            .and_then(|node| node.get(key))
            .map(|value| &value.place);
        own.or_else(|| node.map(|node| &node.place)).or(fallback)
    };
    if topic.replicas > brokers
        && let Some(place) = place("replicas")
    {
        let what = format!(
            "topic `{}` wants {} replicas of {brokers} brokers",
            topic.name, topic.replicas
        );
        problems.at(
            place,
            what,
            format!("at most {brokers} replicas, or more `brokers`"),
        );
    }
    if topic.min_insync_replicas > topic.replicas
        && let Some(place) = place("min.insync.replicas")
    {
        let (minimum, replicas) = (topic.min_insync_replicas, topic.replicas);
        let what = format!(
            "topic `{}` wants {minimum} in-sync replicas of {replicas}: no write with acks=all is ever accepted",
            topic.name
        );
        problems.at(
            place,
            what,
            match replicas {
                0 | 1 => "at most 1".to_owned(),
                more => format!("at most {more}; {} survives the loss of a broker", more - 1),
            },
        );
    }
}

/// What librdkafka refuses when the client is made.
fn check_client(client: Option<&Node>, problems: &mut Problems) {
    let Some(client) = client else { return };
    let acks = client
        .get("acks")
        .or_else(|| client.get("request.required.acks"));
    if let Some(acks) = acks {
        let text = acks.text().unwrap_or_default();
        if !matches!(text, "all" | "-1" | "0" | "1") {
            problems.at(
                &acks.place,
                format!("`acks`: `{text}` is not one of the choices"),
                "known choices: all, 0, 1",
            );
        } else if client.get("enable.idempotence").and_then(Node::flag) == Some(true)
            && matches!(text, "0" | "1")
        {
            problems.at(
                &acks.place,
                "an idempotent producer needs acks=all",
                "set acks: all, or enable.idempotence: false",
            );
        }
    }
    for entry in client.entries() {
        if entry
            .value
            .text()
            .is_some_and(|text| text.contains('=') || text.contains('\n'))
        {
            problems.at(
                &entry.value.place,
                format!("`{}` has a value that cannot be handed on", entry.key),
                "leave out `=` and line breaks",
            );
        }
    }
}

fn links(node: Option<&Node>) -> Links {
    let default = Links::default();
    let bandwidth = node
        .and_then(|node| node.get("bandwidth"))
        .and_then(Node::text);
    Links {
        latency_ns: node
            .and_then(|node| node.get("latency"))
            .and_then(Node::duration)
            .unwrap_or(default.latency_ns),
        bandwidth_bytes_per_s: bandwidth
            .and_then(|text| parse_bandwidth(text).ok())
            .unwrap_or(default.bandwidth_bytes_per_s),
    }
}

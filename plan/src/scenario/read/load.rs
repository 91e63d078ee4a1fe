//! `load`: entry, body, keys, and what becomes of the events.

mod id;
mod stage;

use crate::problem::Problems;
use crate::scenario::{Arrival, Cluster, Keys, Load, LoadEntry, Outcome};
use crate::system::cross::known;
use crate::system::read::text_map;
use crate::system::{IdPlace, SystemSpec};
use crate::units::{SECOND_NS, parse_size};
use crate::yaml::{Node, Place, Value};
use std::collections::BTreeMap;

/// A stream is 15 bits at most, and one more is for probes.
const LOADS_MAX: usize = 256;
const KEYS: u32 = 1_000;
/// Events that wait for a slow system's answer hold one each: with 64 of them, a real cluster that answers after 100 ms would get
/// 640 events a second, and the load rather than the system would be what is slow.
const CONNECTIONS: u32 = 512;

/// All loads; `found`: whether names of the system can be checked.
pub(super) fn read(
    root: &Node,
    system: &SystemSpec,
    cluster: &Cluster,
    found: bool,
    problems: &mut Problems,
) -> Vec<Load> {
    let Some(node) = root.get("load") else {
        return Vec::new();
    };
    let nodes = nodes(node);
    if nodes.is_empty() || nodes.len() > LOADS_MAX {
        problems.at(
            &node.place,
            format!("there are {} loads", nodes.len()),
            format!("write 1 to {LOADS_MAX} of them"),
        );
    }
    let reader = Reader {
        system,
        cluster,
        found,
    };
    let mut loads: Vec<Load> = Vec::new();
    for node in nodes
        .iter()
        .take(LOADS_MAX)
        .filter(|node| node.kind() == "a mapping")
    {
        let load = reader.load(node, problems);
        if loads.iter().any(|other| other.name == load.name) && node.get("name").is_some() {
            problems.at(
                &node.place,
                format!("two loads are called `{}`", load.name),
                "give each a name of its own",
            );
        }
        loads.push(load);
    }
    loads
}

fn nodes(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    }
}

/// End of the longest load; 0 when a stage was not understood, so that nothing can be said of it.
pub(super) fn end_ns(root: &Node, loads: &[Load]) -> u64 {
    let written = root.get("load").map_or(&[][..], nodes).iter();
    let written: usize = written
        .filter_map(|load| load.get("stages"))
        .map(|stages| stages.items().len())
        .sum();
    let understood: usize = loads.iter().map(|load| load.stages.len()).sum();
    if written == understood {
        loads.iter().map(Load::length_ns).max().unwrap_or(0)
    } else {
        0
    }
}

struct Reader<'a> {
    system: &'a SystemSpec,
    cluster: &'a Cluster,
    found: bool,
}

impl Reader<'_> {
    fn load(&self, node: &Node, problems: &mut Problems) -> Load {
        let (entry, mut headers) = self.entry(node, problems);
        headers.extend(text_map(node.get("headers")));
        let body = node
            .get("body")
            .map(Node::to_json)
            .or_else(|| self.system.entry.body.clone());
        if body.is_none() && self.found {
            problems.at(
                &node.place,
                "the load has no body, and the system brings none",
                "add a `body`",
            );
        }
        let body = body.unwrap_or_default();
        id::check(node, entry.id(), &body, problems);
        let seconds = |key: &str| node.get(key).and_then(Node::duration);
        let arrival = node.get("arrival").and_then(Node::text);
        Load {
            name: node
                .get("name")
                .and_then(Node::text)
                .map_or_else(|| entry.to_string(), str::to_owned),
            outcomes: self.outcomes(node, &body, problems),
            entry,
            headers,
            body,
            size_bytes: node
                .get("size")
                .and_then(Node::text)
                .and_then(|text| parse_size(text).ok()),
            key: node
                .get("key")
                .and_then(Node::text)
                .unwrap_or("{{key}}")
                .to_owned(),
            keys: keys(node.get("keys"), problems),
            arrival: if arrival == Some("poisson") {
                Arrival::Poisson
            } else {
                Arrival::Uniform
            },
            stages: stage::read(node.get("stages"), problems),
            timeout_ns: seconds("timeout").unwrap_or(5 * SECOND_NS),
            connections: node
                .get("connections")
                .and_then(Node::count)
                .unwrap_or(CONNECTIONS),
            odd: None,
        }
    }

    /// The entry with its headers: the load's own words, or the system's default.
    fn entry(&self, node: &Node, problems: &mut Problems) -> (LoadEntry, BTreeMap<String, String>) {
        if let Some(text) = node.get("http") {
            return self.http(text, problems);
        }
        if let Some(name) = node.get("topic") {
            return self.topic(name, problems);
        }
        let default = &self.system.entry;
        if let Some(http) = &default.http {
            return (
                self.http_entry(&http.method, &http.service, &http.path),
                http.headers.clone(),
            );
        }
        match &default.topic {
            Some(topic) => (
                LoadEntry::Topic {
                    topic: topic.name.clone(),
                    id: topic.id.clone(),
                },
                topic.headers.clone(),
            ),
            None => {
                if self.found {
                    problems.at(
                        &node.place,
                        "neither the load nor the system says how events get in",
                        "add `http` or `topic`",
                    );
                }
                (
                    LoadEntry::Topic {
                        topic: String::new(),
                        id: IdPlace::Key,
                    },
                    BTreeMap::new(),
                )
            }
        }
    }

    fn http(&self, node: &Node, problems: &mut Problems) -> (LoadEntry, BTreeMap<String, String>) {
        const METHODS: [&str; 3] = ["POST", "PUT", "PATCH"];
        let text = node.text().unwrap_or_default().trim();
        let headers = self
            .system
            .entry
            .http
            .as_ref()
            .map(|http| http.headers.clone())
            .unwrap_or_default();
        let (method, target) = text.split_once(' ').unwrap_or(("", text));
        let (service, path) = target.trim().split_once('/').unwrap_or((target.trim(), ""));
        if !METHODS.contains(&method) || service.is_empty() || path.contains(char::is_whitespace) {
            if !text.is_empty() {
                problems.at(
                    &node.place,
                    format!("`{text}` is no HTTP entry"),
                    "write METHOD service/path with POST, PUT or PATCH: POST producer/event",
                );
            }
        } else if self.found {
            let name = Node {
                place: node.place.clone(),
                value: Value::Scalar {
                    text: service.to_owned(),
                    plain: false,
                },
            };
            let services = self
                .system
                .services
                .iter()
                .map(|service| service.name.as_str());
            if known(&name, services, "service", problems) {
                self.check_port(service, &node.place, problems);
            }
        }
        (
            self.http_entry(method, service, &format!("/{path}")),
            headers,
        )
    }

    fn check_port(&self, service: &str, place: &Place, problems: &mut Problems) {
        if self
            .system
            .service(service)
            .is_some_and(|service| service.ports.is_empty())
        {
            problems.at(
                place,
                format!("service `{service}` has no port to take requests"),
                "add `ports: 3000` to it in the system file",
            );
        }
    }

    fn http_entry(&self, method: &str, service: &str, path: &str) -> LoadEntry {
        let own = self.system.entry.http.as_ref();
        let declared = own
            .filter(|http| http.service == service && !http.port.is_empty())
            .map(|http| http.port.clone());
        let first = || {
            self.system
                .service(service)?
                .ports
                .first()
                .map(|port| port.name.clone())
        };
        LoadEntry::Http {
            method: method.to_owned(),
            service: service.to_owned(),
            port: declared.or_else(first).unwrap_or_default(),
            path: path.to_owned(),
            id: own.map_or_else(|| IdPlace::Header("ce-id".into()), |http| http.id.clone()),
        }
    }

    fn topic(&self, node: &Node, problems: &mut Problems) -> (LoadEntry, BTreeMap<String, String>) {
        if self.found {
            known(
                node,
                self.cluster.topics.iter().map(|topic| topic.name.as_str()),
                "topic",
                problems,
            );
        }
        let topic = node.text().unwrap_or_default().to_owned();
        let own = self.system.entry.topic.as_ref();
        let id = own.map_or_else(|| IdPlace::Header("ce_id".into()), |entry| entry.id.clone());
        (
            LoadEntry::Topic { topic, id },
            own.map(|entry| entry.headers.clone()).unwrap_or_default(),
        )
    }

    /// One outcome a sink: as written, else `nothing` where the sink is not for this type of event, else `effect`.
    fn outcomes(
        &self,
        node: &Node,
        body: &serde_json::Value,
        problems: &mut Problems,
    ) -> Vec<Outcome> {
        let kind = body
            .get("type")
            .and_then(serde_json::Value::as_str)
            .filter(|kind| !kind.contains("{{"));
        let expect = node.get("expect");
        if let Some(entries) = expect.map(Node::entries).filter(|_| self.found) {
            for entry in entries
                .iter()
                .filter(|entry| self.system.sink(&entry.key).is_none())
            {
                let names = self.system.sinks.iter().map(|sink| sink.name.as_str());
                problems.at(
                    &entry.place,
                    format!("unknown sink `{}`", entry.key),
                    crate::shape::did_you_mean(&entry.key, names, "sinks"),
                );
            }
        }
        let mut outcomes = Vec::new();
        for sink in &self.system.sinks {
            let written = expect.and_then(|expect| {
                expect
                    .get(&sink.name)
                    .or(Some(expect))
                    .filter(|node| node.text().is_some())
            });
            let concerned = sink.events.is_empty()
                || kind.is_none_or(|kind| sink.events.iter().any(|event| event == kind));
            let outcome = match written.and_then(Node::text) {
                Some("dead-letter") => Outcome::DeadLetter,
                Some("nothing") => Outcome::Nothing,
                None if !concerned => Outcome::Nothing,
                _ => Outcome::Effect,
            };
            if let Some(written) =
                written.filter(|_| outcome == Outcome::DeadLetter && sink.dead_letters.is_none())
            {
                problems.at(
                    &written.place,
                    format!("sink `{}` has no dead letters", sink.name),
                    "expect `nothing` of it, or give it `dead_letters` in the system file",
                );
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

fn keys(node: Option<&Node>, problems: &mut Problems) -> Keys {
    let Some(node) = node else {
        return Keys::Uniform { count: KEYS };
    };
    let count = |key: &str| node.get(key).and_then(Node::count);
    if let Some(place) = node.entry("count").filter(|_| node.get("zipf").is_none()) {
        problems.at(
            &place.place,
            "`count` belongs to zipf",
            "write `uniform: COUNT` or `sequential: COUNT`",
        );
    }
    if let Some(exponent) = node.get("zipf").and_then(Node::number) {
        return Keys::Zipf {
            exponent,
            count: count("count").unwrap_or(KEYS),
        };
    }
    match count("sequential") {
        Some(count) => Keys::Sequential { count },
        None => Keys::Uniform {
            count: count("uniform").unwrap_or(KEYS),
        },
    }
}

impl std::fmt::Display for LoadEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http {
                method,
                service,
                path,
                ..
            } => write!(f, "{method} {service}{path}"),
            Self::Topic { topic, .. } => write!(f, "topic {topic}"),
        }
    }
}

impl LoadEntry {
    /// Where the event's id travels.
    #[must_use]
    pub const fn id(&self) -> &IdPlace {
        match self {
            Self::Http { id, .. } | Self::Topic { id, .. } => id,
        }
    }
}

impl Load {
    /// Sum of its stages.
    #[must_use]
    pub fn length_ns(&self) -> u64 {
        self.stages
            .iter()
            .fold(0_u64, |sum, stage| sum.saturating_add(stage.for_ns()))
    }
}

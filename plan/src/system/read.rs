//! System file to [`SystemSpec`]. The shape is checked before; here is what the shape cannot say.
//!
//! Readers return what they can and report the rest: a value that the shape check has already found wrong is passed over
//! in silence.

use super::{
    BugSpec, Catcher, DeadLetterSpec, EntrySpec, HttpEntry, IdPlace, PortSpec, Ready, Semantics,
    Served, ServiceSpec, SinkSpec, SinkStore, SystemSpec, TopicEntry, TopicSettings,
};
use crate::problem::Problems;
use crate::shape;
use crate::units::SECOND_NS;
use crate::yaml::{Entry, Node, Value};
use std::collections::BTreeMap;

/// Checks a tree and makes a system of it. `file` and `folder` are recorded as they are.
///
/// Always yields a system, perhaps with gaps; it is good when no problem was added.
pub fn read(node: &Node, file: &str, folder: &str, problems: &mut Problems) -> SystemSpec {
    shape::check(node, shape::system(), "the system", problems);
    let entries = |key: &str| node.get(key).map_or(&[][..], Node::entries);
    let system = SystemSpec {
        name: text(node, "name"),
        description: text(node, "description"),
        file: file.to_owned(),
        folder: folder.to_owned(),
        services: entries("services")
            .iter()
            .map(|entry| service(entry, problems))
            .collect(),
        entry: entry(node.get("entry")),
        topics: entries("topics").iter().map(topic).collect(),
        sinks: entries("sinks")
            .iter()
            .map(|entry| sink(entry, problems))
            .collect(),
        servers: text_map(node.get("servers")),
    };
    super::cross::check(node, &system, problems);
    system
}

fn service(entry: &Entry, problems: &mut Problems) -> ServiceSpec {
    let node = &entry.value;
    let ports = ports(node.get("ports"));
    let command = texts(node.get("command"));
    if let Some(place) = node
        .get("command")
        .filter(|list| matches!(&list.value, Value::List(items) if items.is_empty()))
    {
        problems.at(
            &place.place,
            format!("service `{}` has an empty command", entry.key),
            "name the program: command: [python3, app.py]",
        );
    }
    ServiceSpec {
        name: entry.key.clone(),
        command,
        environment: text_map(node.get("environment")),
        working_directory: node
            .get("directory")
            .and_then(Node::text)
            .map(str::to_owned),
        ready: ready(node.get("ready"), &ports),
        ready_within_ns: node.get("ready_within").and_then(Node::duration),
        ports,
        replicas: node.get("replicas").and_then(Node::count).unwrap_or(1),
        group: node.get("group").and_then(Node::text).map(str::to_owned),
        bugs: bugs(node.get("bugs")),
        stop_timeout_ns: node
            .get("stop_timeout")
            .and_then(Node::duration)
            .unwrap_or(5 * SECOND_NS),
    }
}

fn ports(node: Option<&Node>) -> Vec<PortSpec> {
    let Some(node) = node else { return Vec::new() };
    let port = |name: &str, node: &Node| {
        Some(PortSpec {
            name: name.to_owned(),
            number: u16::try_from(node.count()?).ok()?,
        })
    };
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .filter_map(|entry| port(&entry.key, &entry.value))
            .collect(),
        _ => port("http", node).into_iter().collect(),
    }
}

fn ready(node: Option<&Node>, ports: &[PortSpec]) -> Ready {
    let first = || {
        ports
            .first()
            .map_or_else(|| "http".to_owned(), |port| port.name.clone())
    };
    let Some(node) = node else {
        return Ready::Running;
    };
    let named = node.get("port").and_then(Node::text).map(str::to_owned);
    if let Some(path) = node.get("http").and_then(Node::text) {
        return Ready::Http {
            port: named.unwrap_or_else(first),
            path: path.to_owned(),
        };
    }
    if let Some(text) = node.get("log").and_then(Node::text) {
        return Ready::Log {
            text: text.to_owned(),
        };
    }
    if let Some(port) = named {
        return Ready::Port { port };
    }
    if node.text() == Some("port") {
        Ready::Port { port: first() }
    } else {
        Ready::Running
    }
}

fn bugs(node: Option<&Node>) -> Vec<BugSpec> {
    let Some(node) = node else { return Vec::new() };
    let listed = node
        .items()
        .iter()
        .filter_map(Node::text)
        .map(|name| (name, None));
    let mapped = node
        .entries()
        .iter()
        .map(|entry| (entry.key.as_str(), Some(&entry.value)));
    listed
        .chain(mapped)
        .map(|(name, bug)| BugSpec {
            name: name.to_owned(),
            description: bug.map(|bug| text(bug, "description")).unwrap_or_default(),
            environment: text_map(bug.and_then(|bug| bug.get("environment"))),
            arguments: texts(bug.and_then(|bug| bug.get("arguments"))),
        })
        .collect()
}

fn entry(node: Option<&Node>) -> EntrySpec {
    let http = node
        .and_then(|node| node.get("http"))
        .map(|http| HttpEntry {
            method: http
                .get("method")
                .and_then(Node::text)
                .unwrap_or("POST")
                .to_owned(),
            path: text(http, "path"),
            service: text(http, "service"),
            port: text(http, "port"),
            id: id(http.get("id")).unwrap_or_else(|| IdPlace::Header("ce-id".into())),
            headers: text_map(http.get("headers")),
        });
    let topic = node
        .and_then(|node| node.get("topic"))
        .map(|topic| TopicEntry {
            name: text(topic, "name"),
            id: record_id(topic.get("id")),
            headers: text_map(topic.get("headers")),
        });
    EntrySpec {
        http,
        topic,
        body: node.and_then(|node| node.get("body")).map(Node::to_json),
    }
}

/// A topic, as systems and scenarios write it.
pub(crate) fn topic(entry: &Entry) -> TopicSettings {
    const OWN: [&str; 3] = ["partitions", "replicas", "min.insync.replicas"];
    let others = entry
        .value
        .entries()
        .iter()
        .filter(|entry| !OWN.contains(&entry.key.as_str()));
    TopicSettings {
        name: entry.key.clone(),
        partitions: entry.value.get(OWN[0]).and_then(Node::count),
        replicas: entry.value.get(OWN[1]).and_then(Node::count),
        min_insync_replicas: entry.value.get(OWN[2]).and_then(Node::count),
        config: others
            .filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned())))
            .collect(),
    }
}

fn sink(entry: &Entry, problems: &mut Problems) -> SinkSpec {
    let node = &entry.value;
    let dead_letters = node.get("dead_letters").map(|dead| DeadLetterSpec {
        topic: text(dead, "topic"),
        id: record_id(dead.get("id")),
    });
    SinkSpec {
        name: entry.key.clone(),
        store: store(entry, problems),
        served: served(node),
        dead_letters,
        group: node.get("group").and_then(Node::text).map(str::to_owned),
        events: texts(node.get("events")),
        semantics: node
            .get("semantics")
            .and_then(Node::text)
            .and_then(semantics)
            .unwrap_or(Semantics::AtLeastOnce),
    }
}

fn served(node: &Node) -> Option<Served> {
    if let Some(path) = node.get("http").and_then(Node::text) {
        let path = path.to_owned();
        return Some(Served::Http { path });
    }
    (node.get("serve").and_then(Node::text) == Some("smtp")).then_some(Served::Smtp)
}

fn store(entry: &Entry, problems: &mut Problems) -> SinkStore {
    let node = &entry.value;
    if node.get("http").is_some() {
        let id = id_of(node, IdPlace::Header("ce-id".into()), problems);
        return SinkStore::Directory {
            path: format!("{{{{run}}}}/http/{}", entry.key),
            id,
        };
    }
    if let Some(path) = node.get("directory").and_then(Node::text) {
        let id = id_of(node, IdPlace::FileName, problems);
        return SinkStore::Directory {
            path: path.to_owned(),
            id,
        };
    }
    if let Some(path) = node.get("sqlite").and_then(Node::text) {
        return sqlite(entry, path, problems);
    }
    if let Some(database) = node.get("postgres").and_then(Node::text) {
        let (table, column) = table(entry, "", problems);
        return SinkStore::Postgres {
            database: database.to_owned(),
            table,
            column,
        };
    }
    if node.get("mails").is_some() {
        return SinkStore::Mails(Catcher::Mailpit);
    }
    let id = id_of(node, IdPlace::Header("ce_id".into()), problems);
    SinkStore::Topic {
        name: text(node, "topic"),
        id,
    }
}

fn sqlite(entry: &Entry, path: &str, problems: &mut Problems) -> SinkStore {
    let node = &entry.value;
    let query = node.get("query").and_then(Node::text).map(str::to_owned);
    let (table, column) = match query {
        Some(_) => (text(node, "table"), text(node, "id")),
        None => table(entry, ", or a `query` that yields (position, id)", problems),
    };
    SinkStore::Sqlite {
        path: path.to_owned(),
        table,
        column,
        query,
    }
}

/// The table and the column of it that has the ids.
fn table(entry: &Entry, or: &str, problems: &mut Problems) -> (String, String) {
    let (table, column) = (text(&entry.value, "table"), text(&entry.value, "id"));
    if table.is_empty() || column.is_empty() {
        problems.at(
            &entry.value.place,
            format!("sink `{}` does not say where the ids are", entry.key),
            format!("add `table: NAME` and `id: COLUMN`{or}"),
        );
    }
    (table, column)
}

fn id_of(node: &Node, default: IdPlace, problems: &mut Problems) -> IdPlace {
    let Some(given) = node.get("id") else {
        return default;
    };
    id(Some(given)).unwrap_or_else(|| {
        if let Some(text) = given.text() {
            let fix = "known places: file-name, key, body, {header: NAME}, {json: /pointer}";
            problems.at(&given.place, format!("`{text}` is no place of an id"), fix);
        }
        default
    })
}

fn id(node: Option<&Node>) -> Option<IdPlace> {
    let node = node?;
    if let Some(header) = node.get("header").and_then(Node::text) {
        return Some(IdPlace::Header(header.to_owned()));
    }
    if let Some(pointer) = node.get("json").and_then(Node::text) {
        return Some(IdPlace::Json(pointer.to_owned()));
    }
    match node.text()? {
        "file-name" => Some(IdPlace::FileName),
        "key" => Some(IdPlace::Key),
        "body" => Some(IdPlace::Body),
        _ => None,
    }
}

fn record_id(node: Option<&Node>) -> IdPlace {
    id(node).unwrap_or_else(|| IdPlace::Header("ce_id".into()))
}

pub(crate) fn semantics(name: &str) -> Option<Semantics> {
    [
        Semantics::AtMostOnce,
        Semantics::AtLeastOnce,
        Semantics::ExactlyOnce,
    ]
    .into_iter()
    .find(|one| one.name() == name)
}

fn text(node: &Node, key: &str) -> String {
    node.get(key)
        .and_then(Node::text)
        .unwrap_or_default()
        .to_owned()
}

pub(crate) fn texts(node: Option<&Node>) -> Vec<String> {
    node.map_or(&[][..], Node::items)
        .iter()
        .filter_map(Node::text)
        .map(str::to_owned)
        .collect()
}

pub(crate) fn text_map(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map_or(&[][..], Node::entries).iter();
    entries
        .filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned())))
        .collect()
}

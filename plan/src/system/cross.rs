//! References within a system file, and combinations that cannot be.

use super::{IdPlace, Ready, ServiceSpec, SinkSpec, SinkStore, SystemSpec};
use crate::problem::Problems;
use crate::shape::did_you_mean;
use crate::template::{SYSTEM_SLOTS, Template};
use crate::yaml::Node;

pub(super) fn check(node: &Node, system: &SystemSpec, problems: &mut Problems) {
    check_entry(node, system, problems);
    check_servers(node, system, problems);
    for entry in node.get("services").map_or(&[][..], Node::entries) {
        if let Some(service) = system.service(&entry.key) {
            check_service(&entry.value, service, system, problems);
        }
    }
    for entry in node.get("sinks").map_or(&[][..], Node::entries) {
        check_sink(&entry.value, &entry.key, system, problems);
    }
    // Where the topics that events enter by are the sinks, nobody need do anything.
    let sinks = &system.sinks;
    let alone = sinks
        .iter()
        .all(|sink| matches!(sink.store, SinkStore::Topic { .. }))
        && system.entry.http.is_none();
    let nouns = [("services", "service", alone), ("sinks", "sink", false)];
    for (key, noun, may_lack) in nouns {
        if !may_lack
            && let Some(map) = node
                .get(key)
                .filter(|map| map.kind() == "a mapping" && map.entries().is_empty())
        {
            problems.at(
                &map.place,
                format!("the system has no {noun}"),
                format!("add at least one {noun}"),
            );
        }
    }
}

fn check_entry(node: &Node, system: &SystemSpec, problems: &mut Problems) {
    let Some(entry) = node.get("entry") else {
        return;
    };
    if let Some(http) = entry.get("http") {
        if let Some(name) = http.get("service") {
            known(
                name,
                system.services.iter().map(|service| service.name.as_str()),
                "service",
                problems,
            );
        }
        let service = http
            .get("service")
            .and_then(Node::text)
            .and_then(|name| system.service(name));
        if let Some(service) = service {
            check_entry_port(http, service, problems);
        }
        if let Some(path) = http
            .get("path")
            .filter(|path| path.text().is_some_and(|text| !text.starts_with('/')))
        {
            problems.at(
                &path.place,
                "the path does not begin with `/`",
                "write it as /event",
            );
        }
        check_id(http.get("id"), problems);
    }
    if let Some(topic) = entry.get("topic") {
        if let Some(name) = topic.get("name") {
            known_topic(name, system, problems);
        }
        check_id(topic.get("id"), problems);
    }
    if entry.kind() == "a mapping" && entry.get("http").is_none() && entry.get("topic").is_none() {
        problems.at(
            &entry.place,
            "the entry is neither `http` nor `topic`",
            "add at least one of them",
        );
    }
}

fn check_entry_port(http: &Node, service: &ServiceSpec, problems: &mut Problems) {
    let ports = service.ports.iter().map(|port| port.name.as_str());
    if let Some(port) = http.get("port") {
        known(port, ports, "port", problems);
    } else if service.ports.is_empty() {
        problems.at(
            &http.place,
            format!("service `{}` has no port to take requests", service.name),
            "add `ports: 3000` to the service",
        );
    }
}

fn check_service(node: &Node, service: &ServiceSpec, system: &SystemSpec, problems: &mut Problems) {
    let ready = node.get("ready");
    if let (Some(ready), Ready::Http { .. } | Ready::Port { .. }) = (ready, &service.ready) {
        if service.ports.is_empty() {
            problems.at(
                &ready.place,
                format!("service `{}` has no port to ask", service.name),
                "add `ports: 3000` to the service",
            );
        } else if let Some(port) = ready.get("port") {
            known(
                port,
                service.ports.iter().map(|port| port.name.as_str()),
                "port",
                problems,
            );
        }
    }
    if let Some(ready) =
        ready.filter(|ready| ready.kind() == "a mapping" && ready.entries().is_empty())
    {
        problems.at(
            &ready.place,
            "readiness says nothing of what it is",
            "add one of `http`, `port`, `log`",
        );
    }
    if let Some(port) = ready
        .filter(|ready| ready.get("log").is_some())
        .and_then(|ready| ready.entry("port"))
    {
        problems.at(
            &port.place,
            "a line of the output has no port",
            "leave `port` out",
        );
    }
    let command = node.get("command").map_or(&[][..], Node::items).iter();
    let environment = node
        .get("environment")
        .map_or(&[][..], Node::entries)
        .iter()
        .map(|entry| &entry.value);
    for value in command.chain(environment) {
        check_slots(value, service, problems);
        check_named_slots(value, system, problems);
    }
}

/// Each has an address, and a name that no sink has.
fn check_servers(node: &Node, system: &SystemSpec, problems: &mut Problems) {
    for entry in node.get("servers").map_or(&[][..], Node::entries) {
        let address = entry.value.text().unwrap_or_default();
        let port = address
            .rsplit_once(':')
            .map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(1..))) {
            let what = format!("server `{}` has no address: `{address}`", entry.key);
            problems.at(
                &entry.value.place,
                what,
                "write HOST:PORT, as in 127.0.0.1:5432",
            );
        }
        if system.sink(&entry.key).is_some() {
            let what = format!("`{}` is a sink and a server", entry.key);
            problems.at(
                &entry.value.place,
                what,
                "give the server a name of its own",
            );
        }
    }
}

/// `{{sink.NAME}}` needs a sink of that name that Squall serves, or a server, `{{topic.NAME}}` a topic of that name.
pub(crate) fn check_named_slots(value: &Node, system: &SystemSpec, problems: &mut Problems) {
    let parsed = value
        .text()
        .and_then(|text| Template::parse(text, SYSTEM_SLOTS).ok());
    let Some(template) = parsed else { return };
    let topics = || system.topics.iter().map(|topic| topic.name.as_str());
    let named = template.slots();
    for name in named.filter_map(|slot| slot.strip_prefix("topic.")) {
        if !topics().any(|topic| topic == name) {
            let fix = did_you_mean(name, topics(), "topics of the system");
            problems.at(&value.place, format!("unknown topic `{name}`"), fix);
        }
    }
    let named = template.slots();
    for name in named.filter_map(|slot| slot.strip_prefix("sink.")) {
        let what = match system.sink(name) {
            Some(sink) if sink.is_reached() => continue,
            None if system.servers.contains_key(name) => continue,
            Some(_) => format!("sink `{name}` is not served by Squall, so it has no address"),
            None => format!("unknown sink `{name}`"),
        };
        let served = system.sinks.iter().filter(|sink| sink.is_reached());
        let fix = match system.sink(name) {
            Some(_) => "add `serve: smtp` to the sink".to_owned(),
            None => did_you_mean(name, served.map(|sink| sink.name.as_str()), "served sinks"),
        };
        problems.at(&value.place, what, fix);
    }
}

/// `{{port}}` needs a port, `{{port.NAME}}` one of that name, `{{group}}` a group.
fn check_slots(value: &Node, service: &ServiceSpec, problems: &mut Problems) {
    let Some(template) = value
        .text()
        .and_then(|text| Template::parse(text, SYSTEM_SLOTS).ok())
    else {
        return;
    };
    for slot in template.slots() {
        if slot == "group" && service.group.is_none() {
            problems.at(
                &value.place,
                format!("service `{}` has no group", service.name),
                "add `group: NAME` to the service",
            );
        }
        if slot == "port" && service.ports.is_empty() {
            problems.at(
                &value.place,
                format!("service `{}` has no port", service.name),
                "add `ports: 3000` to the service",
            );
        }
        if let Some(name) = slot.strip_prefix("port.")
            && !service.ports.iter().any(|port| port.name == name)
        {
            let fix = did_you_mean(
                name,
                service.ports.iter().map(|port| port.name.as_str()),
                "ports",
            );
            problems.at(
                &value.place,
                format!("service `{}` has no port `{name}`", service.name),
                fix,
            );
        }
    }
}

fn check_sink(node: &Node, name: &str, system: &SystemSpec, problems: &mut Problems) {
    check_sources(node, system, problems);
    let Some(sink) = system.sink(name) else {
        return;
    };
    check_ids(node, sink, problems);
    if let Some(path) = node
        .get("http")
        .filter(|path| path.text().is_some_and(|text| !text.starts_with('/')))
    {
        problems.at(
            &path.place,
            "the path does not begin with `/`",
            "write it as /effects",
        );
    }
    if let Some(serve) = node
        .entry("serve")
        .filter(|_| node.get("directory").is_none())
    {
        problems.at(
            &serve.place,
            "only a `directory` can be served",
            "write `directory: \"{{run}}/mail\"`, or leave `serve` out",
        );
    }
    for (key, stores) in [
        ("table", &["sqlite", "postgres"][..]),
        ("query", &["sqlite"]),
    ] {
        let belongs = stores.iter().any(|store| node.get(store).is_some());
        if let Some(entry) = node.entry(key).filter(|_| !belongs) {
            problems.at(
                &entry.place,
                format!("`{key}` belongs to {} sinks", stores.join(" and ")),
                "leave it out",
            );
        }
    }
}

/// Topics and group that a sink is read by.
fn check_sources(node: &Node, system: &SystemSpec, problems: &mut Problems) {
    if let Some(topic) = node.get("topic") {
        known_topic(topic, system, problems);
    }
    if let Some(dead) = node.get("dead_letters") {
        if let Some(topic) = dead.get("topic") {
            known_topic(topic, system, problems);
        }
        check_id(dead.get("id"), problems);
    }
    if let Some(group) = node.get("group") {
        known(
            group,
            system
                .services
                .iter()
                .filter_map(|service| service.group.as_deref()),
            "group",
            problems,
        );
    }
}

/// Whether an id can stand where the sink is said to have it.
fn check_ids(node: &Node, sink: &SinkSpec, problems: &mut Problems) {
    let unreadable = match &sink.store {
        SinkStore::Directory { id, .. } => matches!(id, IdPlace::Key),
        SinkStore::Topic { id, .. } => matches!(id, IdPlace::FileName),
        SinkStore::Sqlite { .. } | SinkStore::Postgres { .. } => false,
        SinkStore::Mails(_) => true,
    };
    if let Some(id) = node.get("id").filter(|_| unreadable) {
        problems.at(
            &id.place,
            format!("sink `{}` has nothing of that kind", sink.name),
            "files have a file-name, records a key; both have headers and a body; of a mail that is caught it is in the Message-ID, so leave `id` out",
        );
    }
    if node.get("http").is_some()
        && matches!(&sink.store, SinkStore::Directory { id, .. } if *id == IdPlace::FileName)
    {
        problems.at(
            &node.get("id").unwrap_or(node).place,
            "a request has no file-name",
            "known places: body, {header: NAME}, {json: /pointer}",
        );
    }
}

fn check_id(node: Option<&Node>, problems: &mut Problems) {
    let Some(node) = node else { return };
    if let Some(pointer) = node
        .get("json")
        .filter(|json| json.text().is_some_and(|text| !text.starts_with('/')))
    {
        problems.at(
            &pointer.place,
            "a JSON pointer begins with `/`",
            "write it as /data/id",
        );
    }
    if let Some(text) = node.text().filter(|text| !matches!(*text, "key" | "body")) {
        problems.at(
            &node.place,
            format!("`{text}` is no place of an id"),
            "known places: key, body, {header: NAME}, {json: /pointer}",
        );
    }
}

fn known_topic(node: &Node, system: &SystemSpec, problems: &mut Problems) {
    known(
        node,
        system.topics.iter().map(|topic| topic.name.as_str()),
        "topic",
        problems,
    );
}

/// Reports a name that is not among those that are there.
pub(crate) fn known<'a>(
    node: &Node,
    names: impl Iterator<Item = &'a str>,
    noun: &str,
    problems: &mut Problems,
) -> bool {
    let Some(name) = node.text() else {
        return false;
    };
    let names: Vec<&str> = names.collect();
    if names.contains(&name) {
        return true;
    }
    problems.at(
        &node.place,
        format!("unknown {noun} `{name}`"),
        did_you_mean(name, names, &format!("{noun}s")),
    );
    false
}

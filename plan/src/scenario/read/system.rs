//! `system`: the file it names and what the scenario changes in it.

use crate::problem::Problems;
use crate::scenario::SystemUse;
use crate::scenario::files::Files;
use crate::shape::did_you_mean;
use crate::system::cross::{check_named_slots, known};
use crate::system::read as system_file;
use crate::system::{EntrySpec, SystemSpec};
use crate::yaml::{self, Entry, Node};
use std::collections::BTreeMap;

mod sinks;

pub(super) struct Read {
    pub(super) used: SystemUse,
    pub(super) found: bool,
}

pub(super) fn read(node: Option<&Node>, files: &dyn Files, problems: &mut Problems) -> Read {
    let get = |key: &str| node.and_then(|node| node.get(key));
    let over = get("sinks").map_or(&[][..], Node::entries);
    let spec = get("use").and_then(|place| spec(place, over, files, problems));
    let found = spec.is_some();
    let spec = spec.unwrap_or_else(nothing);
    if found {
        check_names(node, &spec, problems);
    }
    let mut scale: BTreeMap<String, u32> = spec
        .services
        .iter()
        .map(|service| (service.name.clone(), service.replicas))
        .collect();
    for entry in get("scale").map_or(&[][..], Node::entries) {
        if let (Some(count), Some(place)) = (entry.value.count(), scale.get_mut(&entry.key)) {
            *place = count;
        }
    }
    let environment = get("env").map_or(&[][..], Node::entries).iter();
    let environment = environment
        .map(|entry| (entry.key.clone(), system_file::text_map(Some(&entry.value))))
        .collect();
    let bugs = system_file::texts(get("bugs"));
    Read {
        used: SystemUse {
            spec,
            scale,
            bugs,
            environment,
        },
        found,
    }
}

/// The system from its file or from within the scenario, with the scenario's sinks laid `over` its own. `None` when there is no tree to
/// read.
fn spec(
    place: &Node,
    over: &[Entry],
    files: &dyn Files,
    problems: &mut Problems,
) -> Option<SystemSpec> {
    let Some(path) = place.text() else {
        let is_map = place.kind() == "a mapping";
        return is_map.then(|| {
            let root = sinks::laid_over(place.clone(), over, problems);
            system_file::read(&root, "", ".", problems)
        });
    };
    match files.find(path) {
        Ok((text, folder)) => {
            let root = yaml::parse(path, &text, problems)?;
            let root = sinks::laid_over(root, over, problems);
            Some(system_file::read(&root, path, &folder, problems))
        }
        Err(error) => {
            problems.at(
                &place.place,
                format!("system file `{path}` cannot be read: {error}"),
                "name an existing file, such as systems/signup.yaml",
            );
            None
        }
    }
}

fn check_names(node: Option<&Node>, spec: &SystemSpec, problems: &mut Problems) {
    let get = |key: &str| node.and_then(|node| node.get(key));
    for key in ["scale", "env"] {
        for entry in get(key).map_or(&[][..], Node::entries) {
            if spec.service(&entry.key).is_none() {
                let fix = did_you_mean(
                    &entry.key,
                    spec.services.iter().map(|service| service.name.as_str()),
                    "services",
                );
                problems.at(
                    &entry.place,
                    format!("unknown service `{}`", entry.key),
                    fix,
                );
            }
        }
    }
    for service in get("env").map_or(&[][..], Node::entries) {
        for entry in service.value.entries() {
            check_named_slots(&entry.value, spec, problems);
        }
    }
    for bug in get("bugs").map_or(&[][..], Node::items) {
        let declared = spec
            .services
            .iter()
            .flat_map(|service| &service.bugs)
            .map(|bug| bug.name.as_str());
        known(bug, declared, "bug", problems);
    }
    let entry = spec.entry.http.as_ref().map(|http| http.service.as_str());
    for scaled in get("scale").map_or(&[][..], Node::entries) {
        if scaled.value.count() == Some(0) && entry == Some(scaled.key.as_str()) {
            problems.at(
                &scaled.value.place,
                format!(
                    "`{}` takes the requests, and there would be none of it",
                    scaled.key
                ),
                "give it at least 1",
            );
        }
    }
}

fn nothing() -> SystemSpec {
    SystemSpec {
        name: String::new(),
        description: String::new(),
        file: String::new(),
        folder: String::new(),
        services: Vec::new(),
        entry: EntrySpec {
            http: None,
            topic: None,
            body: None,
        },
        topics: Vec::new(),
        sinks: Vec::new(),
        servers: BTreeMap::new(),
    }
}

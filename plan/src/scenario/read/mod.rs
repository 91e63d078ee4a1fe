//! The typed readers, one file a section. Each returns what it can and reports the rest.

mod abort;
mod cluster;
mod expect;
mod fault;
mod load;
mod nemesis;
mod system;
mod timing;

use super::files::Files;
use super::{Load, Scenario, Sweep};
use crate::problem::Problems;
use crate::shape;
use crate::yaml::Node;
use std::sync::Arc;

/// Checks a tree and makes a scenario of it, perhaps with gaps; it is good when no problem was added.
pub(super) fn scenario(
    root: &Node,
    file: &str,
    files: &dyn Files,
    problems: &mut Problems,
) -> Scenario {
    shape::check(root, shape::scenario(), "the file", problems);
    let text = |key: &str| {
        root.get(key)
            .and_then(Node::text)
            .unwrap_or_default()
            .to_owned()
    };
    let system = system::read(root.get("system"), files, problems);
    let found = system.found;
    let cluster = cluster::read(root.get("bus"), &system.used.spec, problems);
    let timing = timing::read(root.get("timing"), problems);
    let loads = load::read(root, &system.used.spec, &cluster, found, problems);
    let load_ends_ns = load::end_ns(root, &loads);
    let context = Context {
        system: &system.used,
        cluster: &cluster,
        loads: &loads,
        load_ends_ns,
        found,
    };
    let (faults, fault_places) = fault::read(root.get("faults"), &context, problems);
    let nemesis = nemesis::read(root.get("nemesis"), problems);
    let expect = expect::read(root.get("expect"), &context, &faults, problems);
    let abort_if = abort::read(root.get("abort_if"), &context, problems);
    Scenario {
        name: text("name"),
        description: text("description"),
        file: file.to_owned(),
        tree: Arc::new(Node::empty_map(root.place.clone())),
        text: String::new(),
        variant: None,
        sets: Vec::new(),
        variants: root
            .get("variants")
            .map_or(&[][..], Node::entries)
            .iter()
            .map(|entry| entry.key.clone())
            .collect(),
        system: system.used,
        cluster,
        loads,
        faults,
        fault_places,
        nemesis,
        expect,
        abort_if,
        timing,
        sim: sim(root.get("sim")),
        scaled_to: None,
    }
}

fn sim(node: Option<&Node>) -> Sweep {
    let events = node
        .and_then(|node| node.get("events"))
        .and_then(Node::integer)
        .and_then(|events| u64::try_from(events).ok());
    let jitter_ns = node
        .and_then(|node| node.get("jitter"))
        .and_then(Node::duration);
    let usual = Sweep::default();
    Sweep {
        events: events.unwrap_or(usual.events),
        jitter_ns: jitter_ns.unwrap_or(usual.jitter_ns),
    }
}

/// What later sections refer to.
struct Context<'a> {
    system: &'a super::SystemUse,
    cluster: &'a super::Cluster,
    loads: &'a [Load],
    /// 0 when some stage was not understood.
    load_ends_ns: u64,
    /// Whether the system was found; else nothing can be said about its names.
    found: bool,
}

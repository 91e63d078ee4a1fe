//! `faults`: what, at what, when; and whether it can do what it is asked to prove.

mod events;
mod frames;
mod sink;
mod terms;

use super::Context;
use crate::fault::{Aims, Fault, KINDS, KindRow, Proof, Target, TargetError, Terms};
use crate::problem::Problems;
use crate::shape::did_you_mean;
use crate::units::show_duration;
use crate::yaml::{Node, Place};

/// By time; and which entry of the list each is.
pub(super) fn read(
    node: Option<&Node>,
    context: &Context<'_>,
    problems: &mut Problems,
) -> (Vec<Fault>, Vec<usize>) {
    let mut faults: Vec<(Fault, &Node)> = Vec::new();
    for item in node.map_or(&[][..], Node::items) {
        let Some(fault) = fault(item, context, problems) else {
            continue;
        };
        if let Some((other, _)) = faults.iter().find(|(other, _)| other.name == fault.name) {
            problems.at(
                &item.place,
                format!("two faults are called `{}`", other.name),
                "give each a name of its own",
            );
        }
        if let Some((other, _)) = faults
            .iter()
            .find(|(other, _)| overlap(other, &fault, context.load_ends_ns))
        {
            let what = format!(
                "faults `{}` and `{}` are at `{}` at the same time",
                other.name, fault.name, fault.target
            );
            problems.at(&item.place, what, "let one end before the other begins");
        }
        faults.push((fault, item));
    }
    let faults = faults.into_iter().map(|(fault, _)| fault);
    let mut faults: Vec<(Fault, usize)> = faults.zip(0..).collect();
    faults.sort_by_key(|(fault, _)| fault.at_ns);
    faults.into_iter().unzip()
}

fn fault(node: &Node, context: &Context<'_>, problems: &mut Problems) -> Option<Fault> {
    let mut kinds = KINDS
        .iter()
        .filter_map(|row| Some((row, node.get(row.key)?)));
    let (row, aim) = kinds.next()?;
    let read = (row.read)(aim, &mut |node, aims| target(node, aims, context, problems));
    let (target, mut terms) = read.unzip();
    if let Some(Terms::Events { topic, .. }) = &mut terms {
        events::settle(topic, row, aim, context, problems);
    }
    if let Some(target) = &target {
        check_aim(row, target, aim, problems);
    }
    if let (Some(target), Some(terms)) = (&target, &terms) {
        terms::check(target, terms, aim, context, problems);
    }
    let prove = proofs(row, node, target.as_ref(), context, problems);
    let at = node.get("at")?;
    let at_ns = at.duration()?;
    let for_ns = length(row, node, problems);
    check_window(at, at_ns, node.get("for"), for_ns, context, problems);
    let name = node.get("name").and_then(Node::text)?.to_owned();
    Some(Fault {
        name,
        at_ns,
        for_ns,
        kind: row.kind,
        target: target?,
        terms: terms?,
        prove,
        drawn: false,
    })
}

/// `None` until the load ends; 0 for kinds that do not last.
fn length(row: &KindRow, node: &Node, problems: &mut Problems) -> Option<u64> {
    let given = node.get("for");
    if !row.lasts {
        if let Some(given) = given {
            problems.at(
                &given.place,
                format!("`{}` does not last", row.key),
                "leave `for` out",
            );
        }
        return Some(0);
    }
    let length = given?.duration()?;
    if length == 0 {
        problems.at(
            &given?.place,
            "the fault has no length",
            "write a longer `for`",
        );
    }
    Some(length)
}

fn check_window(
    at: &Node,
    at_ns: u64,
    long: Option<&Node>,
    for_ns: Option<u64>,
    context: &Context<'_>,
    problems: &mut Problems,
) {
    let end = context.load_ends_ns;
    if end == 0 {
        return;
    }
    if at_ns >= end {
        let what = format!(
            "the fault begins at {}, when the load has ended",
            show_duration(at_ns)
        );
        problems.at(
            &at.place,
            what,
            format!("begin before {}, or lengthen the load", show_duration(end)),
        );
    } else if let Some(long) = long.filter(|_| at_ns.saturating_add(for_ns.unwrap_or(0)) > end) {
        let what = format!(
            "the fault lasts until {}, and the load ends at {}",
            show_duration(at_ns.saturating_add(for_ns.unwrap_or(0))),
            show_duration(end)
        );
        problems.at(
            &long.place,
            what,
            format!(
                "at most {}, or lengthen the load",
                show_duration(end - at_ns)
            ),
        );
    }
}

fn target(
    node: &Node,
    aims: Aims,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<Target> {
    let parsed = match node.text()? {
        // Where only sinks may stand, a bare name is one.
        name if aims == Aims::SINKS && !name.contains('(') => Ok(Target::Sink(name.to_owned())),
        text => Target::parse(text),
    };
    let target = match parsed {
        Ok(target) => target,
        Err(TargetError { what, fix }) => {
            problems.at(&node.place, what, fix);
            return None;
        }
    };
    if !aims.fit(&target) {
        let what = format!("`{target}` cannot stand here");
        problems.at(&node.place, what, "name a service or a broker");
    }
    check_target(&target, &node.place, context, problems);
    if let Target::Sink(sink) = &target {
        let to_trouble = aims == Aims::SINKS;
        sink::check(sink, to_trouble, &node.place, context, problems);
    }
    Some(target)
}

/// Whether the kind can do anything to its target.
fn check_aim(row: &KindRow, target: &Target, node: &Node, problems: &mut Problems) {
    if row.aims.fit(target) {
        return;
    }
    let others = KINDS.iter().filter(|other| other.aims.fit(target));
    let others: Vec<&str> = others.map(|other| other.key).collect();
    let wrong = match target {
        Target::Service { .. } => "a service".to_owned(),
        Target::Broker(_) | Target::Leader { .. } | Target::Coordinator { .. } => {
            "a broker".to_owned()
        }
        Target::Sink(_) => "a sink".to_owned(),
        Target::Controller => "the controller, a node of its own".to_owned(),
        other => format!("`{other}`"),
    };
    let fix = match target {
        Target::Controller => "aim at broker(N), or cut it off with isolate".to_owned(),
        _ => format!("for {wrong}: {}", others.join(", ")),
    };
    problems.at(
        &node.place,
        format!("`{}` cannot aim at {wrong}", row.key),
        fix,
    );
}

fn check_target(target: &Target, place: &Place, context: &Context<'_>, problems: &mut Problems) {
    match target {
        Target::Service { service, replica } => {
            check_service(service, *replica, place, context, problems)
        }
        Target::Broker(id) if *id == 0 || *id > context.cluster.brokers => {
            let brokers = context.cluster.brokers;
            problems.at(
                place,
                format!("there is no broker {id}"),
                format!("brokers are numbered 1 to {brokers}"),
            );
        }
        Target::Leader { topic, partition } | Target::Followers { topic, partition }
            if context.found =>
        {
            let topics = &context.cluster.topics;
            match topics.iter().find(|known| known.name == *topic) {
                Some(known) if *partition >= known.partitions => {
                    let last = known.partitions - 1;
                    problems.at(
                        place,
                        format!("topic `{topic}` has no partition {partition}"),
                        format!("its partitions are 0 to {last}"),
                    );
                }
                Some(_) => {}
                None => {
                    let fix = did_you_mean(
                        topic,
                        topics.iter().map(|topic| topic.name.as_str()),
                        "topics",
                    );
                    problems.at(place, format!("unknown topic `{topic}`"), fix);
                }
            }
        }
        Target::Coordinator { group } if context.found => {
            let groups: Vec<&str> = context
                .system
                .spec
                .services
                .iter()
                .filter_map(|service| service.group.as_deref())
                .collect();
            if !groups.contains(&group.as_str()) {
                problems.at(
                    place,
                    format!("unknown group `{group}`"),
                    did_you_mean(group, groups, "groups"),
                );
            }
        }
        _ => {}
    }
}

fn check_service(
    service: &str,
    replica: Option<u32>,
    place: &Place,
    context: &Context<'_>,
    problems: &mut Problems,
) {
    if !context.found {
        return;
    }
    let Some(count) = context.system.scale.get(service) else {
        let fix = did_you_mean(
            service,
            context.system.scale.keys().map(String::as_str),
            "services",
        );
        return problems.at(place, format!("unknown service `{service}`"), fix);
    };
    if *count == 0 {
        problems.at(
            place,
            format!("no process of `{service}` runs"),
            "scale it to at least 1",
        );
    } else if let Some(replica) = replica.filter(|replica| replica >= count) {
        problems.at(
            place,
            format!("`{service}` has no replica {replica}"),
            format!("its replicas are 0 to {}", count - 1),
        );
    }
}

fn proofs(
    row: &KindRow,
    node: &Node,
    target: Option<&Target>,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for item in node.get("prove").map_or(&[][..], Node::items) {
        let Some(proof) = Proof::ALL
            .iter()
            .copied()
            .find(|proof| Some(proof.name()) == item.text())
        else {
            continue;
        };
        if !row.provable.contains(&proof) {
            let can: Vec<&str> = row.provable.iter().map(|proof| proof.name()).collect();
            problems.at(
                &item.place,
                format!("`{}` never causes {}", row.key, proof.name()),
                format!("it can prove: {}", can.join(", ")),
            );
        }
        if proof == Proof::GroupRebalanced && without_group(target, context) {
            problems.at(
                &item.place,
                "the target is in no consumer group",
                "leave group-rebalanced out, or give the service its `group` in the system file",
            );
        }
        if context.cluster.brokers == 1 && matches!(proof, Proof::LeaderMoved | Proof::IsrShrank) {
            problems.at(
                &item.place,
                format!("one broker alone: {} cannot happen", proof.name()),
                "set bus.kafka.brokers to 3",
            );
        }
        proofs.push(proof);
    }
    proofs
}

fn without_group(target: Option<&Target>, context: &Context<'_>) -> bool {
    let Some(Target::Service { service, .. }) = target else {
        return false;
    };
    context
        .system
        .spec
        .service(service)
        .is_some_and(|service| service.group.is_none())
}

fn overlap(one: &Fault, other: &Fault, load_ends_ns: u64) -> bool {
    let end = |fault: &Fault| {
        fault
            .for_ns
            .map_or(load_ends_ns, |length| fault.at_ns.saturating_add(length))
    };
    let apart = end(one) <= other.at_ns && one.at_ns < other.at_ns
        || end(other) <= one.at_ns && other.at_ns < one.at_ns;
    let exclusive = one.kind.row().exclusive && other.kind.row().exclusive;
    exclusive && one.target.covers(&other.target) && !apart
}

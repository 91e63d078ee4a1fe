//! One event told step by step, from the history and the logs of the services.

use squall_check::{EventId, Kind, Op};
use squall_history::{
    Batch, FaultState, HistoryError, LogEnd, Note, Phase, Reader, ServiceState, What,
};
use squall_plan::Plan;
use squall_render::report::{Step, Story};
use std::path::Path;

/// Steps of one story at most: a retry loop must not fill a screen.
const STEPS_MAX: usize = 24;

/// Where and when an event was, as far as its operations tell.
struct Track<'a> {
    event: EventId,
    /// Index of the sink that the story is about.
    sink: usize,
    ops: &'a [Op],
}

/// What a history has about an event.
pub struct Collected {
    pub ops: Vec<Op>,
    pub notes: Vec<Note>,
}

/// Tells the way of `event` to sink number `sink`.
pub fn tell(
    folder: &Path,
    plan: &Plan,
    event: EventId,
    sink: usize,
) -> Result<Story, HistoryError> {
    let collected = collect(folder, event)?;
    Ok(tell_collected(folder, plan, event, sink, &collected))
}

/// As [`tell`], from what was collected already.
pub fn tell_collected(
    folder: &Path,
    plan: &Plan,
    event: EventId,
    sink: usize,
    collected: &Collected,
) -> Story {
    let notes = collected.notes.as_slice();
    let track = Track {
        event,
        sink,
        ops: &collected.ops,
    };
    let mut steps: Vec<(u64, Step)> = track
        .ops
        .iter()
        .filter_map(|op| op_step(plan, &track, op, notes))
        .collect();
    steps.extend(commit_steps(plan, &track, notes));
    steps.extend(surrounding_steps(plan, &track, notes));
    steps.extend(super::logs::steps(
        folder,
        &event_text(plan, event),
        &services(plan, sink),
        notes,
    ));
    steps.sort_by_key(|(at, _)| *at);
    steps.dedup_by(|a, b| a.1.what == b.1.what && a.1.detail == b.1.detail);
    steps.truncate(STEPS_MAX);
    // Stories count on the load clock, as faults do.
    let epoch = notes.iter().find_map(|note| {
        matches!(
            note.what,
            What::Phase {
                name: Phase::Load,
                began: true
            }
        )
        .then_some(note.at)
    });
    for (_, step) in &mut steps {
        step.at_ms -= epoch.unwrap_or(0) as f64 / 1e6;
    }
    Story {
        event: event_text(plan, event),
        steps: steps.into_iter().map(|(_, step)| step).collect(),
    }
}

/// The services that bring events to a sink: those of its consumer group, or all where it has none.
fn services(plan: &Plan, sink: usize) -> Vec<String> {
    let group = plan
        .system
        .spec
        .sinks
        .get(sink)
        .and_then(|sink| sink.group.as_deref());
    let brings = |service: &&squall_plan::system::ServiceSpec| {
        group.is_none() || service.group.as_deref() == group
    };
    plan.system
        .spec
        .services
        .iter()
        .filter(brings)
        .map(|service| service.name.clone())
        .collect()
}

/// `7421-0-9874`: run (the seed), stream, sequence.
#[must_use]
pub fn event_text(plan: &Plan, event: EventId) -> String {
    if event == EventId::UNREADABLE {
        return "an id that is not of this run".to_owned();
    }
    format!("{}-{}-{}", plan.seed, event.stream(), event.sequence())
}

/// Reads the history once for everything that it has about an event.
pub fn collect(folder: &Path, event: EventId) -> Result<Collected, HistoryError> {
    let mut reader = Reader::open(folder)?;
    let (mut ops, mut notes) = (Vec::new(), Vec::new());
    while let Some(batch) = reader.next_batch()? {
        match batch {
            Batch::Ops(rows) => ops.extend(rows.iter().filter(|op| op.event == event)),
            Batch::Notes(rows) => notes.extend(
                rows.iter()
                    .filter(|note| !matches!(note.what, What::Sample { .. }))
                    .cloned(),
            ),
        }
    }
    Ok(Collected { ops, notes })
}

fn step(at: u64, what: &str, detail: String) -> (u64, Step) {
    (
        at,
        Step {
            at_ms: at as f64 / 1e6,
            what: what.to_owned(),
            detail,
        },
    )
}

fn op_step(plan: &Plan, track: &Track<'_>, op: &Op, notes: &[Note]) -> Option<(u64, Step)> {
    let sink = || {
        plan.system
            .spec
            .sinks
            .get(usize::from(op.place))
            .map_or("?", |sink| sink.name.as_str())
    };
    let here = usize::from(op.place) == track.sink;
    match op.kind {
        Kind::Offered => Some(step(op.at, "offered", format!("key k{}", op.offset))),
        Kind::Accepted => Some(step(op.at, "accepted", accepted_detail(plan, op, notes))),
        Kind::Rejected => Some(step(op.at, "rejected", String::new())),
        Kind::Indeterminate => Some(step(
            op.at,
            "unknown",
            "no answer that tells whether it was taken".to_owned(),
        )),
        Kind::Effect => Some(step(op.at, "effect", format!("seen in {}", sink()))),
        Kind::Final if here => Some(step(
            op.at,
            "found",
            format!("in {} by the final read", sink()),
        )),
        Kind::DeadLettered => Some(step(op.at, "dead", format!("letter of {}", sink()))),
        Kind::Stored | Kind::Final => None,
    }
}

/// The topic on which the load's events travel: the entry's, or the only one of the system's that is no sink or dead letter.
pub fn input_topic(plan: &Plan, event: EventId) -> Option<String> {
    use squall_plan::scenario::LoadEntry;
    use squall_plan::system::SinkStore;
    if let Some(LoadEntry::Topic { topic, .. }) = plan
        .loads
        .get(usize::from(event.stream()))
        .map(|load| &load.load.entry)
    {
        return Some(topic.clone());
    }
    let sinks = &plan.system.spec.sinks;
    let is_output = |name: &str| {
        sinks.iter().any(|sink| {
            matches!(&sink.store, SinkStore::Topic { name: topic, .. } if topic == name)
                || sink
                    .dead_letters
                    .as_ref()
                    .is_some_and(|letters| letters.topic == name)
        })
    };
    let mut inputs = plan
        .cluster
        .topics
        .iter()
        .filter(|topic| !is_output(&topic.name));
    match (inputs.next(), inputs.next()) {
        (Some(topic), None) => Some(topic.name.clone()),
        _ => None,
    }
}

fn accepted_detail(plan: &Plan, op: &Op, notes: &[Note]) -> String {
    let topic = input_topic(plan, op.event);
    let (Some(topic), true) = (topic, op.partition >= 0) else {
        return "by the entry".to_owned();
    };
    let elected = notes.iter().rfind(|note| {
        note.at <= op.at
            && matches!(&note.what, What::Fact(fact) if fact.kind == "elected" && fact.topic.as_deref() == Some(&topic) && fact.partition == Some(op.partition))
    });
    let leader = match elected.map(|note| &note.what) {
        Some(What::Fact(fact)) => format!(" ({}, epoch {})", fact.text, fact.epoch.unwrap_or(-1)),
        _ => String::new(),
    };
    format!("{topic}/{}@{}{leader}", op.partition, op.offset)
}

fn group_of<'a>(plan: &'a Plan, track: &Track<'_>) -> Option<&'a str> {
    let sink = plan.system.spec.sinks.get(track.sink)?;
    sink.group.as_deref()
}

/// The first commit beyond the event by the sink's group.
fn commit_steps(plan: &Plan, track: &Track<'_>, notes: &[Note]) -> Vec<(u64, Step)> {
    let accepted = track
        .ops
        .iter()
        .find(|op| op.kind == Kind::Accepted && op.partition >= 0);
    let group = group_of(plan, track);
    let (Some(accepted), Some(group), Some(topic)) =
        (accepted, group, input_topic(plan, track.event))
    else {
        return Vec::new();
    };
    let beyond = notes.iter().find_map(|note| match &note.what {
        What::Commit {
            group: of,
            member,
            topic: on,
            partition,
            offset,
        } if of == group
            && *on == topic
            && *partition == accepted.partition
            && *offset > accepted.offset =>
        {
            Some(step(
                note.at,
                "committed",
                format!(
                    "{offset} for {group} by {member}: beyond {}",
                    accepted.offset
                ),
            ))
        }
        _ => None,
    });
    beyond.into_iter().collect()
}

/// Faults, deaths, elections and rebalances from just before the event until it was settled.
fn surrounding_steps(plan: &Plan, track: &Track<'_>, notes: &[Note]) -> Vec<(u64, Step)> {
    const BEFORE_NS: u64 = 1_000_000_000;
    const AFTER_NS: u64 = 15_000_000_000;
    let Some(first) = track.ops.first().map(|op| op.at) else {
        return Vec::new();
    };
    let settled = track
        .ops
        .iter()
        .find(|op| op.kind == Kind::Effect && usize::from(op.place) == track.sink);
    // What the end of the run does to the services is no part of the event's way.
    let ends = notes.iter().find(|note| {
        let (name, began) = (Phase::FinalRead, true);
        note.what == What::Phase { name, began }
    });
    let ends = ends.map_or(u64::MAX, |note| note.at);
    let until = settled.map_or(first + AFTER_NS, |op| op.at).min(ends);
    let window = first.saturating_sub(BEFORE_NS)..=until;
    let group = group_of(plan, track);
    let partition = track
        .ops
        .iter()
        .find(|op| op.kind == Kind::Accepted)
        .map(|op| op.partition);
    let topic = input_topic(plan, track.event);
    notes
        .iter()
        .filter(|note| window.contains(&note.at))
        .filter_map(|note| match &note.what {
            What::Fault {
                name,
                state,
                detail,
            } if *state != FaultState::Evidence => Some(step(
                note.at,
                "fault",
                format!("{name} {}: {detail}", state_text(*state)),
            )),
            What::Service {
                name,
                replica,
                state: ServiceState::Killed | ServiceState::Exited,
                detail,
                ..
            } => Some(step(note.at, "crash", format!("{name}/{replica} {detail}"))),
            What::Fact(fact)
                if fact.kind == "rebalanced"
                    && group.is_some_and(|group| fact.text.contains(group)) =>
            {
                Some(step(note.at, "rebalanced", fact.text.clone()))
            }
            What::Fact(fact) if fact.topic == topic && fact.partition == partition => {
                holder_step(note.at, fact, track)
            }
            _ => None,
        })
        .collect()
}

/// What befell the log of the event's partition: who had the event when somebody began to lead, and where it went.
fn holder_step(at: u64, fact: &squall_history::Fact, track: &Track<'_>) -> Option<(u64, Step)> {
    let accepted = track.ops.iter().find(|op| op.kind == Kind::Accepted);
    let offset = accepted.filter(|op| op.at <= at).map(|op| op.offset);
    let offset = offset.filter(|offset| *offset >= 0);
    let epoch = fact
        .epoch
        .map_or_else(String::new, |epoch| format!(", epoch {epoch}"));
    match fact.kind.as_str() {
        "elected" => Some(step(at, "elected", format!("{}{epoch}", fact.text))),
        "truncated" | "power-lost" => {
            let gone = offset.filter(|offset| fact.offset.is_some_and(|from| *offset >= from));
            let gone = gone.map_or_else(String::new, |offset| format!(": {offset} is gone there"));
            let told = format!("broker {}: {}{epoch}{gone}", fact.node, fact.text);
            Some(step(at, &fact.kind, told))
        }
        "ends" => {
            let offset = offset?;
            let (with, without): (Vec<&LogEnd>, Vec<&LogEnd>) =
                fact.ends.iter().partition(|log| log.end > offset);
            let name = |log: &&LogEnd| {
                let down = if log.is_down { " (down)" } else { "" };
                format!("{}{down}", log.node)
            };
            let list = |logs: &[&LogEnd]| match logs {
                [] => "nobody".to_owned(),
                _ => logs.iter().map(name).collect::<Vec<_>>().join(", "),
            };
            let (with, without) = (list(&with), list(&without));
            let told = format!("{offset} by {with}; not by {without}; {} leads", fact.node);
            Some(step(at, "held", told))
        }
        _ => None,
    }
}

const fn state_text(state: FaultState) -> &'static str {
    match state {
        FaultState::Injected => "injected",
        FaultState::Evidence => "evidence",
        FaultState::Healed => "healed",
        FaultState::Failed => "failed",
    }
}

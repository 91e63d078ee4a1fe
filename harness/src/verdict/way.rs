//! The whole way of any event of a stored run, healthy or not: to every sink on one time line, and what came of it in each.

use super::survey::Survey;
use super::{health, read_plan, spec, story, unreadable};
use crate::exit::Failure;
use squall_check::{Anomaly, EventId, Judge, Kind, Op, SinkLedger, Standing};
use squall_plan::Plan;
use squall_render::report::{Step, Story};
use std::path::Path;

/// What became of one event.
#[derive(Clone, PartialEq, Debug)]
pub struct Way {
    pub scenario: String,
    /// To all sinks, by time on the load clock.
    pub story: Story,
    pub ends: Vec<WayEnd>,
}

/// What came of an event in one sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WayEnd {
    pub sink: String,
    /// `exactly-once`, `at-least-once` or `at-most-once`.
    pub semantics: &'static str,
    /// Whether the scenario allows it.
    pub ok: bool,
    pub text: String,
}

/// Tells the way of the event that `text` names: `7421-0-4896` (run, stream, sequence), or `0-4896`.
///
/// # Errors
/// When the run cannot be read, `text` is no event id, or the run has no such event.
pub fn way(folder: &Path, text: &str) -> Result<Way, Failure> {
    let plan = read_plan(folder)?;
    let event = event_of(&plan, text)?;
    let collected = story::collect(folder, event).map_err(|error| unreadable(folder, &error))?;
    if collected.ops.is_empty() {
        let name = story::event_text(&plan, event);
        return Err(Failure::bad_input(format!(
            "the history of {} has nothing about event {name}: the run ended before it was offered",
            folder.display()
        )));
    }
    let sinks = &plan.system.spec.sinks;
    let mut steps: Vec<Step> = (0..sinks.len())
        .flat_map(|sink| story::tell_collected(folder, &plan, event, sink, &collected).steps)
        .collect();
    steps.sort_by(|a, b| {
        a.at_ms
            .total_cmp(&b.at_ms)
            .then_with(|| told(a).cmp(&told(b)))
    });
    steps.dedup();
    Ok(Way {
        scenario: plan.name.clone(),
        story: Story {
            event: story::event_text(&plan, event),
            steps,
        },
        ends: ends(folder, &plan, &collected.ops)?,
    })
}

/// Equal steps of several sinks stand beside each other in this order.
fn told(step: &Step) -> (&str, &str) {
    (&step.what, &step.detail)
}

/// The event that a user's text means, if the plan has it.
fn event_of(plan: &Plan, text: &str) -> Result<EventId, Failure> {
    let numbers: Option<Vec<u64>> = text.split('-').map(number).collect();
    let (stream, sequence) = match numbers.as_deref() {
        Some([run, stream, sequence]) if *run == plan.seed => (*stream, *sequence),
        Some([run, ..]) if numbers.as_ref().is_some_and(|parts| parts.len() == 3) => {
            return Err(Failure::bad_input(format!(
                "event {text} is of run {run}, and this run's number (its seed) is {}",
                plan.seed
            ))
            .hint("`squall runs` lists the stored runs with their seeds"));
        }
        Some([stream, sequence]) => (*stream, *sequence),
        _ => {
            return Err(
                Failure::bad_input(format!("`{text}` is no event id")).hint(format!(
                    "write run-stream-sequence, as in {}-0-17, or stream-sequence, as in 0-17",
                    plan.seed
                )),
            );
        }
    };
    known(plan, stream, sequence)
}

/// Digits only: `+7` and ` 7` are no part of an id.
fn number(part: &str) -> Option<u64> {
    let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| part.parse().ok()).flatten()
}

fn known(plan: &Plan, stream: u64, sequence: u64) -> Result<EventId, Failure> {
    let index = usize::try_from(stream).ok();
    let Some(load) = index.and_then(|index| plan.loads.get(index)) else {
        let named: Vec<String> = plan
            .loads
            .iter()
            .enumerate()
            .map(|(index, load)| format!("{index} ({})", load.load.name))
            .collect();
        return Err(Failure::bad_input(format!(
            "this run has no stream {stream}; its streams are {}",
            named.join(", ")
        )));
    };
    if sequence >= load.events {
        let range = match load.events.checked_sub(1) {
            Some(last) => format!("its events are {stream}-0 to {stream}-{last}"),
            None => "it has no events".to_owned(),
        };
        return Err(Failure::bad_input(format!(
            "stream {stream} ({}) has no event {sequence}; {range}",
            load.load.name
        )));
    }
    let stream = u16::try_from(stream)
        .map_err(|_| Failure::bad_input(format!("there is no stream {stream}")))?;
    Ok(EventId::new(stream, sequence))
}

/// What the run's own judge says of this event alone.
fn ends(folder: &Path, plan: &Plan, ops: &[Op]) -> Result<Vec<WayEnd>, Failure> {
    let survey = Survey::read(folder).map_err(|error| unreadable(folder, &error))?;
    let mut judge = Judge::new(spec::derive(plan, &survey)?);
    judge.ops(ops);
    let judgement = judge.finish(health::derive(plan, &survey));
    let end = |ledger: &SinkLedger| {
        let here = |anomaly: &&Anomaly| anomaly.sink == ledger.name;
        let worst = judgement.anomalies.iter().filter(here);
        let standings: Vec<Standing> = worst.map(|anomaly| anomaly.standing).collect();
        let ok = standings.iter().all(|is| *is == Standing::Allowed);
        let allowed = if ok && !standings.is_empty() {
            " (allowed)"
        } else {
            ""
        };
        WayEnd {
            sink: ledger.name.clone(),
            semantics: ledger.semantics.name(),
            ok,
            text: format!("{}{allowed}", became(ledger, ops)),
        }
    };
    Ok(judgement.sinks.iter().map(end).collect())
}

fn became(ledger: &SinkLedger, ops: &[Op]) -> &'static str {
    let was = |kind: Kind| ops.iter().any(|op| op.kind == kind);
    match ledger {
        SinkLedger { lost: 1.., .. } => "lost: accepted, yet no effect and no dead letter",
        SinkLedger {
            duplicated: 1.., ..
        } => "more than one effect",
        SinkLedger {
            dead_lettered: 1..,
            effects: 1..,
            ..
        } => "one effect, and among the dead letters",
        SinkLedger {
            dead_lettered: 1.., ..
        } => "among the dead letters",
        SinkLedger { in_flight: 1.., .. } => "still on its way when the run ended",
        SinkLedger { effects: 1.., .. } if was(Kind::Rejected) => "one effect, though rejected",
        SinkLedger { effects: 1.., .. } => "one effect",
        _ if was(Kind::Rejected) => "no effect: it was rejected",
        _ if was(Kind::Accepted) => "no effect, and none was due",
        _ => "no effect; nobody was told that it was accepted",
    }
}

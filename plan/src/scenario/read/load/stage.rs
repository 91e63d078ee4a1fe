//! `stages`: each says what its rate is, and for how long.

use crate::problem::Problems;
use crate::scenario::Stage;
use crate::units::{Rate, SECOND_NS};
use crate::yaml::Node;

const LONGEST_NS: u64 = 24 * 3_600 * SECOND_NS;
const EVENTS_MAX: u64 = 10_000_000_000;
const RATE_MAX: Rate = Rate::from_per_second(5_000_000);

pub(super) fn read(node: Option<&Node>, problems: &mut Problems) -> Vec<Stage> {
    let Some(node) = node else { return Vec::new() };
    let stages: Vec<Stage> = node
        .items()
        .iter()
        .filter_map(|item| stage(item, problems))
        .collect();
    let complete = stages.len() == node.items().len();
    let length = stages
        .iter()
        .fold(0_u64, |sum, stage| sum.saturating_add(stage.for_ns()));
    let events = stages
        .iter()
        .fold(0_u64, |sum, stage| sum.saturating_add(stage.events()));
    if length > LONGEST_NS {
        problems.at(
            &node.place,
            "the load lasts longer than a day",
            "shorten its stages",
        );
    }
    if events > EVENTS_MAX {
        problems.at(
            &node.place,
            format!("the load has {events} events"),
            format!("at most {EVENTS_MAX}: lower the rates or shorten the stages"),
        );
    }
    if events == 0 && complete && node.kind() == "a list" {
        problems.at(
            &node.place,
            "the load offers no event at all",
            "add a stage such as {rate: 200/s, for: 5s}",
        );
    }
    stages
}

fn stage(node: &Node, problems: &mut Problems) -> Option<Stage> {
    let rate = |key: &str| node.get(key).and_then(Node::rate);
    if let Some(rated) = ["rate", "ramp", "sine"]
        .into_iter()
        .find(|key| node.get(key).is_some())
    {
        let for_ns = length(node, rated, problems)?;
        let stage = match rated {
            "rate" => Stage::Constant {
                rate: rate("rate")?,
                for_ns,
            },
            "ramp" => {
                let ramp = node.get("ramp")?;
                Stage::Ramp {
                    from: ramp.get("from")?.rate()?,
                    to: ramp.get("to")?.rate()?,
                    for_ns,
                }
            }
            _ => sine(node.get("sine")?, for_ns, problems)?,
        };
        return bounded(stage, node, problems);
    }
    if let Some(entry) = node
        .entry("for")
        .filter(|_| node.get("burst").is_some() || node.get("pause").is_some())
    {
        problems.at(
            &entry.place,
            "`for` belongs to rate, ramp and sine",
            "a burst is all at once; a pause is written `pause: 5s`: leave `for` out",
        );
    }
    if let Some(count) = node.get("burst") {
        return Some(Stage::Burst {
            count: u64::from(count.count()?),
        });
    }
    let pause = node.get("pause")?;
    Some(Stage::Pause {
        for_ns: pause.duration()?,
    })
}

fn length(node: &Node, kind: &str, problems: &mut Problems) -> Option<u64> {
    let Some(length) = node.get("for") else {
        if node.entries().iter().all(|entry| entry.key != "for") {
            problems.at(
                &node.place,
                format!("the stage with `{kind}` lacks `for`"),
                "say how long: for: 5s",
            );
        }
        return None;
    };
    let ns = length.duration()?;
    if ns == 0 {
        problems.at(
            &length.place,
            "the stage has no length",
            "write a longer `for`, or `burst: COUNT` for events at once",
        );
    }
    Some(ns)
}

fn sine(node: &Node, for_ns: u64, problems: &mut Problems) -> Option<Stage> {
    let (mean, amplitude) = (node.get("mean")?.rate()?, node.get("amplitude")?.rate()?);
    let period = node.get("period")?;
    let period_ns = period.duration()?;
    if amplitude > mean {
        let place = node
            .get("amplitude")
            .map_or(&node.place, |amplitude| &amplitude.place);
        problems.at(
            place,
            format!("the rate would fall below zero: amplitude {amplitude} over mean {mean}"),
            format!("at most {mean}"),
        );
        return None;
    }
    if period_ns < SECOND_NS / 1_000 {
        problems.at(
            &period.place,
            "the period is shorter than 1ms",
            "write a longer one, such as 10s",
        );
        return None;
    }
    Some(Stage::Sine {
        mean,
        amplitude,
        period_ns,
        for_ns,
    })
}

fn bounded(stage: Stage, node: &Node, problems: &mut Problems) -> Option<Stage> {
    let peak = stage.peak_rate().unwrap_or_default();
    if peak > RATE_MAX || stage.for_ns() > LONGEST_NS {
        let what = if peak > RATE_MAX {
            format!("a rate of {peak}")
        } else {
            "a stage longer than a day".into()
        };
        problems.at(&node.place, what, format!("at most {RATE_MAX} and 24h"));
        return None;
    }
    Some(stage)
}

//! The verdict in one English sentence.

use crate::words::{count, digits, listed};
use squall_render::Report;
use squall_render::report::{Anomaly, Verdict};

/// The sentence, without the verdict's name.
pub fn of(report: &Report) -> String {
    match report.verdict {
        Verdict::Held => held(report),
        Verdict::Violated => violated(report),
        Verdict::Inconclusive => inconclusive(report),
    }
}

fn held(report: &Report) -> String {
    let promises: Vec<String> = report
        .sinks
        .iter()
        .map(|sink| format!("{} {}", sink.name, sink.semantics.replace('-', " ")))
        .collect();
    let kept = match report.thresholds.len() {
        0 => (" and", ""),
        1 => (",", " and stayed within its limit"),
        _ => (",", " and stayed within its limits"),
    };
    format!(
        "{}, the system accepted {} of {} events{} kept its promises ({}){}.",
        capitalised(&through(report)),
        count(report.load.accepted),
        count(report.load.offered),
        kept.0,
        promises.join(", "),
        kept.1
    )
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn through(report: &Report) -> String {
    match report.faults.len() {
        0 => "without any fault".to_owned(),
        1 => "through one fault".to_owned(),
        more => format!("through {more} faults"),
    }
}

fn violated(report: &Report) -> String {
    let mut parts: Vec<String> = report.anomalies.iter().map(case).collect();
    let limits = report.thresholds.iter();
    let missed = limits.filter(|limit| !limit.ok && limit.weight.is_empty());
    parts.extend(missed.map(|limit| match limit.observed {
        Some(value) => format!(
            "{} was {}{} where {} is asked",
            limit.metric,
            if limit.over { "more than " } else { "" },
            digits(value),
            limit.expression
        ),
        None => format!("{} was never measured", limit.metric),
    }));
    let invariants = report.invariants.iter();
    let broken = invariants.filter(|one| one.met == Some(false) && one.weight.is_empty());
    parts.extend(broken.map(|one| format!("the invariant {} was broken", one.name)));
    if parts.is_empty() {
        parts.push(match &report.stopped {
            Some(why) => format!("the run was stopped: {}", why.trim_end_matches('.')),
            None => report.headline.clone(),
        });
    }
    let parts = match parts.len() {
        0..=4 => parts,
        more => {
            parts.truncate(3);
            parts.push(format!("{} more violations", more - 3));
            parts
        }
    };
    let of = match report.anomalies.is_empty() {
        true => String::new(),
        false => format!("of {} accepted events ", count(report.load.accepted)),
    };
    format!("{}, {of}{}.", capitalised(&through(report)), listed(&parts))
}

fn case(anomaly: &Anomaly) -> String {
    let sink = anomaly.sink.as_deref().unwrap_or("a sink");
    let (one, more) = match anomaly.name.as_str() {
        "lost-write" => ("was lost on its way to", "were lost on their way to"),
        "unseen" => ("was never seen in", "were never seen in"),
        "duplicate-effect" => (
            "took effect more than once in",
            "took effect more than once in",
        ),
        "phantom" => ("that nobody sent showed in", "that nobody sent showed in"),
        "rejected-effect" => (
            "took effect though rejected in",
            "took effect though rejected in",
        ),
        "unexpected-effect" => (
            "took effect against the plan in",
            "took effect against the plan in",
        ),
        "unexpected-dead-letter" => ("became a dead letter of", "became dead letters of"),
        "order" => ("came out of order in", "came out of order in"),
        "stuck" => (
            "was still stuck on its way to",
            "were still stuck on their way to",
        ),
        other => return format!("{} of {other} in {sink}", cases(anomaly.count)),
    };
    format!(
        "{} {} {sink}",
        count(anomaly.count),
        if anomaly.count == 1 { one } else { more }
    )
}

fn cases(cases: u64) -> String {
    squall_check::counted(cases, "case")
}

fn inconclusive(report: &Report) -> String {
    let first = report.inconclusive.first();
    let why = first.map_or(
        "the run did not show what a verdict rests upon.",
        String::as_str,
    );
    let more = match report.inconclusive.len() {
        0 | 1 => String::new(),
        more => format!(
            " And {} more, below.",
            squall_check::counted(more as u64 - 1, "reason")
        ),
    };
    format!("This run proves nothing. {why}{more}")
}

//! `summary.md`: the result for a pull request or a CI step summary.

use crate::report::{FaultSummary, Measure, Report, Stretch, Verdict};
use crate::text::number;
use std::fmt::Write;

/// The summary as GitHub-flavoured Markdown.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    let mark = match report.verdict {
        Verdict::Held => "✅",
        Verdict::Violated => "❌",
        Verdict::Inconclusive => "⚠️",
    };
    let headline = if report.headline.is_empty() {
        String::new()
    } else {
        format!(" ({})", cell(&report.headline))
    };
    let _ = writeln!(
        text,
        "## {mark} {}: {}{headline}\n",
        cell(&report.title()),
        report.verdict.shout()
    );
    let _ = writeln!(text, "{}\n", cell(&report.description));
    let _ = writeln!(
        text,
        "Environment {}, seed {}, {:.1} s. Offered {}, accepted {}, rejected {}, indeterminate {}.\n",
        report.environment,
        report.seed,
        report.duration_s,
        report.load.offered,
        report.load.accepted,
        report.load.rejected,
        report.load.indeterminate
    );
    sinks(&mut text, report);
    faults(&mut text, report);
    measures(&mut text, report);
    limits(&mut text, report);
    invariants(&mut text, report);
    if let Some(why) = &report.stopped {
        let _ = writeln!(text, "**{}**\n", cell(why));
    }
    anomalies(&mut text, report);
    for reason in &report.inconclusive {
        let _ = writeln!(text, "- not proven: {}", cell(reason));
    }
    let _ = writeln!(
        text,
        "\nAgain: `{}`\n\n{}",
        report.again.replace('`', "'"),
        cell(&report.scope)
    );
    text
}

fn sinks(text: &mut String, report: &Report) {
    let _ = writeln!(
        text,
        "| sink | semantics | effects | lost | duplicated | dead-lettered | in flight |\n|---|---|--:|--:|--:|--:|--:|"
    );
    for sink in &report.sinks {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            cell(&sink.name),
            sink.semantics,
            sink.effects,
            sink.lost,
            sink.duplicated,
            sink.dead_lettered,
            sink.in_flight
        );
    }
    let _ = writeln!(text);
}

fn faults(text: &mut String, report: &Report) {
    if report.faults.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "| fault | target | bit | evidence |\n|---|---|---|---|"
    );
    for fault in &report.faults {
        let _ = writeln!(
            text,
            "| {} | {} {} | {} | {} |",
            cell(&fault.name),
            fault.kind,
            cell(&fault.target),
            match (fault.bit, fault.required) {
                (true, _) => "yes",
                (false, true) => "**no**",
                (false, false) => "no",
            },
            cell(&fault.shown())
        );
    }
    let _ = writeln!(text);
}

fn measures(text: &mut String, report: &Report) {
    let measured =
        |fault: &'_ FaultSummary| fault.measures.clone().map(|it| (fault.name.clone(), it));
    let measured: Vec<_> = report.faults.iter().filter_map(measured).collect();
    if measured.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "| around | detected | recovered | after heal | no leader | effect p99, ms | errors | lag peak | drained |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for (name, fault) in &measured {
        let stretches = [&fault.before, &fault.during, &fault.after];
        let told = |of: &dyn Fn(&Stretch) -> Option<String>| {
            let told = stretches.map(|stretch| stretch.as_ref().and_then(of));
            told.map(|it| it.unwrap_or_else(|| "-".to_owned()))
                .join(" → ")
        };
        let time = |measure: Option<Measure>| measure.map_or("-".to_owned(), |it| it.to_string());
        let ms = |ms| Measure { ms, over: false };
        let peak = fault
            .lag
            .values()
            .map(|lag| lag.peak)
            .max_by(f64::total_cmp);
        let drained = fault.lag.values().map(|lag| lag.drained);
        let slowest = drained.max_by(|a, b| a.over.cmp(&b.over).then(a.ms.total_cmp(&b.ms)));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            cell(name),
            time(fault.detect_ms.map(ms)),
            time(fault.recovery),
            time(fault.heal_recovery),
            time(fault.leaderless.as_ref().map(|lost| lost.longest)),
            told(&|stretch| stretch.effect_p99_ms().map(number)),
            told(&|stretch| Some(format!("{} %", number(stretch.error_share() * 100.0)))),
            peak.map_or("-".to_owned(), number),
            time(slowest),
        );
    }
    let _ = writeln!(text);
}

fn limits(text: &mut String, report: &Report) {
    if report.thresholds.is_empty() {
        return;
    }
    let _ = writeln!(text, "| limit | expected | observed | |\n|---|---|--:|---|");
    for limit in &report.thresholds {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            cell(&limit.metric),
            cell(&limit.expression),
            limit.told(),
            mark(limit.ok, &limit.weight)
        );
    }
    let _ = writeln!(text);
}

const fn mark(ok: bool, weight: &str) -> &'static str {
    match (ok, weight.is_empty()) {
        (true, _) => "✓",
        (false, true) => "✗",
        (false, false) => "⚠",
    }
}

fn invariants(text: &mut String, report: &Report) {
    if report.invariants.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "| invariant | asked | observed | |\n|---|---|---|---|"
    );
    for one in &report.invariants {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            cell(&one.name),
            cell(&one.asked),
            cell(&one.told()),
            mark(one.ok(), &one.weight)
        );
    }
    let _ = writeln!(text);
}

fn anomalies(text: &mut String, report: &Report) {
    for anomaly in &report.anomalies {
        let sink = anomaly
            .sink
            .as_ref()
            .map(|sink| format!(" in {}", cell(sink)))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "### {} ×{}{sink}\n\n{}\n",
            anomaly.name,
            anomaly.count,
            cell(&anomaly.cure)
        );
        if let Some(story) = &anomaly.story {
            let _ = writeln!(
                text,
                "One event, {}:\n\n| ms | what | |\n|--:|---|---|",
                cell(&story.event)
            );
            for step in &story.steps {
                let _ = writeln!(
                    text,
                    "| {:.1} | {} | {} |",
                    step.at_ms,
                    step.what,
                    cell(&step.detail)
                );
            }
            let _ = writeln!(text);
        }
    }
}

/// Text from outside, inert in a table cell: no markup, no HTML, one line.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' => {
                safe.push('\\');
                safe.push(c);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

//! The end of a run on the terminal: four blocks, one story, and a last line that scripts can rely on.

use crate::report::{Anomaly, FaultMeasures, Report, SinkSummary, Story, Verdict};
use crate::text::{Glyphs, inert, number, seconds};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The closing summary, ending in the stable last line.
#[must_use]
pub fn summary(report: &Report, folder: &str, glyphs: Glyphs) -> String {
    let mut text = String::new();
    header(&mut text, report);
    load_block(&mut text, report, glyphs);
    fault_block(&mut text, report, glyphs);
    sink_block(&mut text, report, glyphs);
    limit_block(&mut text, report, glyphs);
    invariant_block(&mut text, report, glyphs);
    if let Some(why) = &report.stopped {
        let _ = writeln!(text, "STOPPED   {}", inert(why));
    }
    anomalies(&mut text, report);
    reasons(&mut text, report);
    let _ = writeln!(text, "SCOPE     {}", report.scope);
    if let Some(trace) = &report.trace {
        let _ = writeln!(text, "TRACE     {trace}");
    }
    let _ = writeln!(text);
    let _ = writeln!(text, "again   {}", report.again);
    let _ = writeln!(text, "report  {folder}/report.html");
    let _ = writeln!(text, "{}", last_line(report));
    text
}

/// `HELD  scenario=burst env=embedded seed=7421 lost=0 anomalies=0 exit=0`
///
/// `lost` counts events, each once however many sinks lack it. `anomalies` counts cases, an event in a sink, by kind in the order
/// of the alphabet, each kind once: `lost-write:43,unseen:2`.
#[must_use]
pub fn last_line(report: &Report) -> String {
    let headline = match report.verdict {
        Verdict::Held => String::new(),
        _ => format!(" ({})", report.headline),
    };
    format!(
        "{}{headline}  scenario={} env={} seed={} lost={} anomalies={} exit={}",
        report.verdict.shout(),
        named(&report.scenario, report.variant.as_deref()),
        report.environment,
        report.seed,
        report.lost,
        cases(&report.anomalies),
        report.exit
    )
}

/// A scenario in the fields of a last line: `burst`, or `burst variant=acks-1`.
#[must_use]
pub fn named(scenario: &str, variant: Option<&str>) -> String {
    match variant {
        Some(variant) => format!("{scenario} variant={variant}"),
        None => scenario.to_owned(),
    }
}

/// Cases by kind, over all sinks.
fn cases(anomalies: &[Anomaly]) -> String {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for anomaly in anomalies {
        *kinds.entry(&anomaly.name).or_default() += anomaly.count;
    }
    let parts: Vec<String> = kinds
        .into_iter()
        .map(|(name, count)| format!("{name}:{count}"))
        .collect();
    match parts.is_empty() {
        true => "0".to_owned(),
        false => parts.join(","),
    }
}

fn header(text: &mut String, report: &Report) {
    let _ = writeln!(
        text,
        "squall {}  {}  {}  seed {}  {:.1} s\n",
        report.version,
        report.title(),
        report.setting,
        report.seed,
        report.duration_s
    );
}

fn load_block(text: &mut String, report: &Report, glyphs: Glyphs) {
    let load = &report.load;
    let _ = writeln!(
        text,
        "LOAD    {} {} of {} offered, {} on time (pacing p99.9 {} ms)",
        glyphs.mark(load.ok()),
        load.offered,
        load.planned,
        percent(load.on_time),
        number(load.pacing_p999_ms)
    );
    let _ = writeln!(
        text,
        "          accepted {}, rejected {}{}, indeterminate {}",
        load.accepted,
        load.rejected,
        load.told_unsent(),
        load.indeterminate
    );
}

fn percent(share: f64) -> String {
    if share >= 1.0 {
        "all".to_owned()
    } else {
        format!("{:.2} %", share * 100.0)
    }
}

fn fault_block(text: &mut String, report: &Report, glyphs: Glyphs) {
    if report.faults.is_empty() {
        let _ = writeln!(text, "FAULTS    none planned");
    }
    for (index, fault) in report.faults.iter().enumerate() {
        let mark = fault.ok().map_or("-", |ok| glyphs.mark(ok));
        let until = fault.healed_ms.map_or_else(|| "end".to_owned(), seconds);
        let evidence = inert(&fault.shown());
        let _ = writeln!(
            text,
            "{} {} {}  {} {}  {} to {until}  {evidence}",
            label("FAULTS", index),
            mark,
            fault.name,
            fault.kind,
            fault.target,
            seconds(fault.at_ms),
        );
        let measured = fault.measures.as_ref().map(FaultMeasures::line);
        if let Some(line) = measured.filter(|line| !line.is_empty()) {
            let _ = writeln!(text, "          {}", inert(&line));
        }
        for demand in fault.demanded.iter() {
            let _ = writeln!(
                text,
                "          {} {}: {}",
                glyphs.mark(demand.met),
                demand.consequence,
                inert(&demand.detail)
            );
        }
    }
}

fn label(name: &'static str, index: usize) -> String {
    if index == 0 {
        format!("{name:<7}")
    } else {
        " ".repeat(7)
    }
}

fn sink_block(text: &mut String, report: &Report, glyphs: Glyphs) {
    let width = report
        .sinks
        .iter()
        .map(|sink| sink.name.len())
        .max()
        .unwrap_or(0);
    for (index, sink) in report.sinks.iter().enumerate() {
        let _ = writeln!(
            text,
            "{} {} {:<width$}  {:<13}  lost {}, duplicated {}{}, dead-lettered {}, in flight {}, effects {}",
            label("SINKS", index),
            glyphs.mark(sink.ok),
            sink.name,
            sink.semantics,
            sink.lost,
            sink.duplicated,
            allowed(sink),
            sink.dead_lettered,
            sink.in_flight,
            sink.effects,
        );
        if sink.indeterminate_effects > 0 {
            let _ = writeln!(
                text,
                "          of {} indeterminate, {} took effect (legal)",
                report.load.indeterminate, sink.indeterminate_effects
            );
        }
    }
}

fn allowed(sink: &SinkSummary) -> &'static str {
    if sink.duplicated > 0 && sink.semantics == "at-least-once" {
        " (allowed)"
    } else {
        ""
    }
}

fn limit_block(text: &mut String, report: &Report, glyphs: Glyphs) {
    if report.thresholds.is_empty() {
        let _ = writeln!(text, "LIMITS    none set");
    }
    let metric = report
        .thresholds
        .iter()
        .map(|limit| limit.metric.len())
        .max()
        .unwrap_or(0);
    let expression = report
        .thresholds
        .iter()
        .map(|limit| limit.expression.len())
        .max()
        .unwrap_or(0);
    for (index, limit) in report.thresholds.iter().enumerate() {
        let observed = limit.told();
        let _ = writeln!(
            text,
            "{} {} {:<metric$}  {:<expression$}  {observed}",
            label("LIMITS", index),
            weighed_mark(limit.ok, &limit.weight, glyphs),
            limit.metric,
            limit.expression,
        );
    }
}

/// What does not bear on the verdict has a mark that says so.
fn weighed_mark(ok: bool, weight: &str, glyphs: Glyphs) -> &'static str {
    match (ok, weight.is_empty()) {
        (false, false) => "!",
        _ => glyphs.mark(ok),
    }
}

fn invariant_block(text: &mut String, report: &Report, glyphs: Glyphs) {
    let names = report.invariants.iter().map(|one| one.name.len());
    let width = names.max().unwrap_or(0);
    for (index, one) in report.invariants.iter().enumerate() {
        let _ = writeln!(
            text,
            "{} {} {:<width$}  {}",
            label("RULES", index),
            weighed_mark(one.ok(), &one.weight, glyphs),
            one.name,
            inert(&one.told()),
        );
    }
}

fn anomalies(text: &mut String, report: &Report) {
    for anomaly in &report.anomalies {
        let _ = writeln!(text);
        anomaly_block(text, anomaly);
    }
    if !report.anomalies.is_empty() {
        let _ = writeln!(text);
    }
}

fn anomaly_block(text: &mut String, anomaly: &Anomaly) {
    let sink = anomaly
        .sink
        .as_ref()
        .map(|sink| format!(" in {sink}"))
        .unwrap_or_default();
    let places = if anomaly.places.is_empty() {
        String::new()
    } else {
        format!("  {}", inert(&anomaly.places.join(", ")))
    };
    let _ = write!(text, "{} x{}{sink}{places}", anomaly.name, anomaly.count);
    match &anomaly.story {
        Some(story) => {
            let _ = writeln!(text, ". One, {}:", inert(&story.event));
            text.push_str(&steps(story));
        }
        None => {
            let _ = writeln!(text);
        }
    }
    if !anomaly.cure.is_empty() {
        let _ = writeln!(text, "Usual cause and cure: {}", anomaly.cure);
    }
}

/// The steps of a story, one a line.
#[must_use]
pub fn steps(story: &Story) -> String {
    let mut text = String::new();
    for step in &story.steps {
        let _ = writeln!(
            text,
            "  {:>10}  {:<10} {}",
            seconds(step.at_ms),
            step.what,
            inert(&step.detail)
        );
    }
    text
}

fn reasons(text: &mut String, report: &Report) {
    for reason in &report.inconclusive {
        let _ = writeln!(text, "UNPROVEN  {}", inert(reason));
    }
}

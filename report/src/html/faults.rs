//! Each fault: what shows that it bit, and what was measured before, during and after it.

use super::mark;
use crate::Material;
use crate::chart::svg;
use crate::series::{Distribution, FaultPhases, Mark, PhaseFigures, Recovery};
use crate::words::{at, count, inert, time};
use maud::{Markup, html};
use squall_render::report::{FaultMeasures, FaultSummary, Measure};

/// Marks that are listed at most.
const MARKS_SHOWN: usize = 60;

pub fn content(material: Material<'_>) -> Markup {
    let report = material.report;
    html! {
        @if report.faults.is_empty() { p { "None was planned." } }
        @for fault in &report.faults {
            @let phases = material.series.faults.iter().find(|phases| phases.name == fault.name);
            (article(material, fault, phases))
        }
        (happenings(&material.series.marks.marks))
    }
}

fn article(material: Material<'_>, fault: &FaultSummary, phases: Option<&FaultPhases>) -> Markup {
    let until = fault.healed_ms.map_or_else(|| "the end".to_owned(), at);
    html! {
        article.fault {
            h3 { (inert(&fault.name)) }
            p {
                (inert(&fault.kind)) " " code { (inert(&fault.target)) } ", from " (at(fault.at_ms)) " to " (until) ". "
                @if fault.bit { "It bit" } @else if fault.required { strong.bad { "Nothing shows that it bit" } }
                @else { "Nothing shows that it bit; it did not have to" }
                @if !fault.evidence.is_empty() { ": " (inert(&fault.evidence.join("; "))) } "."
            }
            @if !fault.demanded.is_empty() {
                ul { @for demand in &fault.demanded {
                    li { (mark(demand.met)) " " (inert(&demand.consequence)) ": " (inert(&demand.detail)) }
                } }
            }
            @if let Some(measures) = &fault.measures { (around(measures)) }
            @if let Some(phases) = phases { (table(material, phases)) }
        }
    }
}

/// What it did to the system: docs/measures.md defines each.
fn around(measures: &FaultMeasures) -> Markup {
    let detected = measures.detect_ms.map(|ms| {
        let by = measures.detected_by.as_deref().unwrap_or("an unnamed sign");
        format!("{} after the injection, by {by}", time(ms))
    });
    let lost = measures.leaderless.as_ref();
    let leaderless = lost.map(|lost| match (lost.partitions, &lost.worst) {
        (0, _) => "no partition lost its leader".to_owned(),
        (count, worst) => {
            let worst = worst
                .as_ref()
                .map_or_else(String::new, |worst| format!(", {worst}"));
            format!("{count} partitions, longest {}{worst}", lost.longest)
        }
    });
    let when = |measure: Option<Measure>, since: &str| {
        measure.map(|measure| format!("{measure} after the {since}"))
    };
    let rows = [
        ("Detected", detected),
        ("Recovered", when(measures.recovery, "injection")),
        ("Recovered", when(measures.heal_recovery, "heal")),
        ("Without a leader", leaderless),
    ];
    html! {
        dl.facts {
            @for (name, told) in rows { @if let Some(told) = told {
                dt { (name) } dd { (inert(&told)) }
            } }
            @for (group, lag) in &measures.lag {
                dt { "Lag of " (inert(group)) }
                dd { "at most " (count(lag.before as u64)) " before, " (count(lag.peak as u64)) " at its peak, drained "
                    (lag.drained) " after the heal" }
            }
        }
    }
}

fn table(material: Material<'_>, phases: &FaultPhases) -> Markup {
    let columns = [
        ("before", &phases.before),
        ("during", &phases.during),
        ("after", &phases.after),
    ];
    let sinks = material.series.sinks.iter().enumerate();
    html! {
        p { strong { "Backlog: " } (recovery(phases.recovery)) }
        div.scroll { table {
            caption { "By intended send time; other faults may lie within" }
            thead { tr { th scope="col" { "" } @for (name, _) in columns { th scope="col" { (name) } } } }
            tbody {
                tr { th scope="row" { "offered" } @for (_, phase) in columns { td { (count(phase.offered)) } } }
                tr { th scope="row" { "accepted" } @for (_, phase) in columns { td { (accepted(phase)) } } }
                tr { th scope="row" { "until accepted, p50 / p99" } @for (_, phase) in columns { td { (spread(&phase.accept)) } } }
                @for (index, sink) in sinks { tr {
                    th scope="row" { "until in " (inert(&sink.name)) ", p50 / p99" }
                    @for (_, phase) in columns { td { (phase.effects.get(index).map(spread).unwrap_or_default()) } }
                } }
            }
        } }
    }
}

fn recovery(recovery: Recovery) -> String {
    match recovery {
        Recovery::Ms(ms) if ms <= 0.0 => {
            "all that was offered before the healing was in effect by then.".to_owned()
        }
        Recovery::Ms(ms) => format!(
            "{} after the healing all that was offered before it was in effect.",
            time(ms)
        ),
        Recovery::Never(missing) => {
            format!(
                "never: {} due in a sink, offered before the healing, did not show.",
                squall_check::counted(missing, "effect")
            )
        }
        Recovery::NotMeasured => "not measured: nothing was offered before the healing.".to_owned(),
    }
}

fn accepted(phase: &PhaseFigures) -> String {
    if phase.offered == 0 {
        return "–".to_owned();
    }
    let share = phase.accepted as f64 / phase.offered as f64 * 100.0;
    let share = if phase.accepted == phase.offered {
        "all".to_owned()
    } else {
        format!("{share:.2} %")
    };
    format!("{} ({share})", count(phase.accepted))
}

fn spread(times: &Distribution) -> String {
    match (times.percentile_ms(50.0), times.percentile_ms(99.0)) {
        (Some(p50), Some(p99)) => format!("{} / {}", time(p50), time(p99)),
        _ => "–".to_owned(),
    }
}

/// Elections, rebalances and restarts as a list: the glyphs of the charts in words.
fn happenings(marks: &[Mark]) -> Markup {
    if marks.is_empty() {
        return html! {};
    }
    html! {
        details {
            summary { "Elections, rebalances and restarts (" (marks.len()) ")" }
            div.scroll { table {
                thead { tr { th scope="col" { "At" } th scope="col" { "What" } th scope="col" { "Detail" } } }
                tbody { @for mark in marks.iter().take(MARKS_SHOWN) { tr {
                    td { (at(mark.at_ms)) } td.text { (svg::name(mark.kind)) }
                    td.text { (inert(&mark.text)) @if mark.count > 1 { " and " (mark.count - 1) " more at once" } }
                } } }
            } }
            @if marks.len() > MARKS_SHOWN { p.note { "The first " (MARKS_SHOWN) " are shown." } }
        }
    }
}

//! Each fault: what shows that it bit, and what was measured before, during and after it, as docs/measures.md defines it.

use super::mark;
use crate::Material;
use crate::chart::svg;
use crate::series::Mark;
use crate::words::{at, count, digits, inert, time};
use maud::{Markup, html};
use squall_render::report::{FaultMeasures, FaultSummary, Stretch, Times};
use std::collections::BTreeSet;

/// Marks that are listed at most.
const MARKS_SHOWN: usize = 60;

pub fn content(material: Material<'_>) -> Markup {
    let report = material.report;
    html! {
        @if report.faults.is_empty() { p { "None was planned." } }
        @for fault in &report.faults { (article(fault)) }
        (happenings(&material.series.marks.marks))
    }
}

fn article(fault: &FaultSummary) -> Markup {
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
            @if let Some(measures) = &fault.measures { (around(measures)) (table(measures)) }
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
    let recovered = [
        measures.recovery.map(|it| it.recovered("the injection")),
        measures.heal_recovery.map(|it| it.recovered("the heal")),
    ];
    let recovered: Vec<String> = recovered.into_iter().flatten().collect();
    let recovered = (!recovered.is_empty()).then(|| recovered.join("; "));
    let rows = [
        ("Detected", detected),
        ("Recovery", recovered),
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
            @if let Some(accepted) = measures.accepted {
                dt { "Accepted, before and during" } dd { (inert(&accepted.to_string())) }
            }
            @for (sink, effects) in &measures.effects {
                dt { "Effects in " (inert(sink)) ", before and during" } dd { (inert(&effects.to_string())) }
            }
        }
    }
}

fn table(measures: &FaultMeasures) -> Markup {
    let columns = [
        ("before", &measures.before),
        ("during", &measures.during),
        ("after", &measures.after),
    ];
    let stretches = columns.map(|(_, stretch)| stretch.as_ref());
    let sinks: BTreeSet<&String> = stretches
        .into_iter()
        .flatten()
        .flat_map(|stretch| stretch.effect.keys())
        .collect();
    let row = |name: &str, cell: &dyn Fn(&Stretch) -> String| {
        html! { tr {
            th scope="row" { (inert(name)) }
            @for stretch in stretches { td { (stretch.map_or_else(nothing, cell)) } }
        } }
    };
    html! {
        div.scroll { table {
            caption {
                "By intended send time. Before: until a second before the first fault. During: from the injection to the heal. "
                "After: until the next fault or the end of the load."
            }
            thead { tr { th scope="col" { "" } @for (name, _) in columns { th scope="col" { (name) } } } }
            tbody {
                (row("offered", &|stretch| count(stretch.offered)))
                (row("offered a second", &|stretch| digits(stretch.rate)))
                (row("answered with an error", &errors))
                (row("until accepted, p50 / p99 / max", &|stretch| spread(stretch.accept)))
                @for sink in sinks {
                    (row(&format!("until in {sink}, p50 / p99 / max"), &|stretch| spread(stretch.effect.get(sink).copied())))
                }
            }
        } }
    }
}

fn nothing() -> String {
    "–".to_owned()
}

fn errors(stretch: &Stretch) -> String {
    match stretch.rejected + stretch.indeterminate {
        0 => "0".to_owned(),
        errors => format!("{} ({:.2} %)", count(errors), stretch.error_share() * 100.0),
    }
}

fn spread(times: Option<Times>) -> String {
    times.map_or_else(nothing, |times| {
        let all = [times.p50_ms, times.p99_ms, times.max_ms].map(time);
        all.join(" / ")
    })
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

//! What the scenario expects, with what was observed.

use super::weighed_mark;
use crate::Material;
use crate::words::{digits, inert, time};
use maud::{Markup, html};
use squall_render::report::{HarnessSummary, Invariant, Limit, Report};

pub fn content(material: Material<'_>) -> Markup {
    let report = material.report;
    html! {
        div.scroll { table {
            caption { "Limits of the scenario" }
            thead { tr { th scope="col" { "Metric" } th.text scope="col" { "Limit" } th scope="col" { "Observed" } th.text scope="col" { "Kept" } } }
            tbody {
                @if report.thresholds.is_empty() { tr { td.text colspan="4" { "None set." } } }
                @for limit in &report.thresholds { (row(limit)) }
            }
        } }
        (invariants(report))
        (harness(&report.harness))
    }
}

fn row(limit: &Limit) -> Markup {
    let milliseconds = limit
        .metric
        .split('{')
        .next()
        .is_some_and(|name| name.ends_with("_ms"));
    let observed = match limit.observed {
        Some(value) if milliseconds => time(value),
        Some(value) => digits(value),
        None => "never measured".to_owned(),
    };
    let weight = (!limit.weight.is_empty()).then(|| format!(" ({})", limit.weight));
    html! {
        tr {
            th scope="row" { code { (inert(&limit.metric)) } }
            td.text { code { (inert(&limit.expression)) } }
            td { (observed) @if let Some(weight) = &weight { (inert(weight)) } }
            td.text { (weighed_mark(limit.ok, &limit.weight)) }
        }
    }
}

fn invariants(report: &Report) -> Markup {
    html! {
        @if let Some(why) = &report.stopped { p { strong { (inert(why)) } } }
        @if !report.invariants.is_empty() {
            div.scroll { table {
                caption { "Business invariants, asked when the system had come to rest" }
                thead { tr { th scope="col" { "Invariant" } th.text scope="col" { "Asked" } th.text scope="col" { "Observed" } th.text scope="col" { "Met" } } }
                tbody { @for one in &report.invariants { (invariant(one)) } }
            } }
        }
    }
}

fn invariant(one: &Invariant) -> Markup {
    html! {
        tr {
            th scope="row" { (inert(&one.name)) }
            td.text { code { (inert(&one.asked)) } }
            td.text { (inert(&one.told())) }
            td.text { (weighed_mark(one.ok(), &one.weight)) }
        }
    }
}

fn harness(harness: &HarnessSummary) -> Markup {
    html! {
        h3 { "The harness itself" }
        dl.facts {
            dt { "CPU, embedded brokers included" } dd { (digits(harness.cpu_s)) " s" }
            dt { "Memory at most" } dd { (digits(harness.memory_max_mib)) " MiB" }
            dt { "Time beyond the plan" } dd { (digits(harness.overhead_s)) " s" }
            dt { "Drain" } dd { (digits(harness.drain_s)) " s" }
            dt { "History" } dd { (harness.operations) " operations, " (harness.notes) " notes" }
            @for (sink, ms) in &harness.tap_resolution_ms {
                dt { "Longest time nobody looked at " (inert(sink)) } dd { (time(*ms)) }
            }
        }
    }
}

//! What the scenario expects, with what was observed.

use super::mark;
use crate::Material;
use crate::words::{digits, inert, time};
use maud::{Markup, html};
use squall_render::report::{HarnessSummary, Limit};

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
    html! {
        tr {
            th scope="row" { code { (inert(&limit.metric)) } }
            td.text { code { (inert(&limit.expression)) } }
            td { (observed) }
            td.text { (mark(limit.ok)) }
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

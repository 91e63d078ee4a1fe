//! The first screen: verdict, ledgers, one timeline, one event's story, the command to repeat, what is not proven.

use super::{mark, sentence, sequence};
use crate::Material;
use crate::chart::{self, svg};
use crate::words::{count, inert, time};
use maud::{Markup, html};
use squall_render::Report;
use squall_render::report::{Anomaly, SinkSummary, Story, Verdict};

pub fn header(material: Material<'_>) -> Markup {
    let report = material.report;
    html! {
        header {
            p.run {
                strong { (inert(&report.scenario)) }
                @if let Some(variant) = &report.variant { " · variant " strong { (inert(variant)) } }
                " · seed " (report.seed) " · " (inert(&report.setting)) " · " (time(report.duration_s * 1e3))
                " · " (inert(&report.started))
            }
            h1 {
                span.verdict { (shout(report.verdict)) @if let Some(kind) = headline(material) { " (" (kind) ")" } }
                " " (inert(&sentence::of(report)))
            }
            div.under {
                @if !report.description.is_empty() { p.description { (inert(&report.description)) } }
                nav aria-label="Parts of this report" {
                    a href="#faults" { "Faults" } a href="#charts" { "Over time" } a href="#expectations" { "Expectations" }
                    a href="#anomalies" { "Anomalies" } a href="#setup" { "What ran" }
                }
            }
        }
    }
}

const fn shout(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "Held",
        Verdict::Violated => "Violated",
        Verdict::Inconclusive => "Inconclusive",
    }
}

fn headline(material: Material<'_>) -> Option<String> {
    let headline = &material.report.headline;
    (!headline.is_empty()).then(|| inert(headline))
}

pub fn screen(material: Material<'_>) -> Markup {
    let report = material.report;
    html! {
        section id="result" aria-label="Result" {
            @if is_told_beside(report) { (unproven(&report.inconclusive)) }
            (ledger(material))
            div.pair {
                div {
                    h2 { "Repeat it" }
                    (again(&report.again))
                }
                div {
                    h2 { "What this run does not prove" }
                    p { (inert(&report.scope)) }
                    @if let Some(note) = left_out(material) { p { (note) } }
                }
            }
            div.pair {
                (svg::figure(&chart::rates(material)))
                (story(material))
            }
        }
    }
}

/// The command in a box of its own, broken between its words only, the caveat behind it in words.
fn again(again: &str) -> Markup {
    let (command, caveat) = again.split_once("   (").unwrap_or((again, ""));
    let words: Vec<&str> = command.split(' ').collect();
    html! {
        pre.command { code {
            @for (index, word) in words.iter().enumerate() { @if index > 0 { " " } span { (inert(word)) } }
        } }
        @if !caveat.is_empty() { p.note { (inert(caveat.trim_end_matches(')'))) } }
    }
}

/// The only reason of an inconclusive run is its headline already.
fn is_told_beside(report: &Report) -> bool {
    match report.verdict {
        Verdict::Inconclusive => report.inconclusive.len() > 1,
        _ => !report.inconclusive.is_empty(),
    }
}

fn unproven(reasons: &[String]) -> Markup {
    html! {
        div.reasons role="note" {
            strong { "Not proven" }
            ul { @for reason in reasons { li { (inert(reason)) } } }
        }
    }
}

/// What the drawings leave out, if anything.
fn left_out(material: Material<'_>) -> Option<String> {
    let series = material.series;
    let mut parts = Vec::new();
    if series.bytes_dropped > 0 {
        parts.push(format!(
            "The history lacks its last {} bytes.",
            count(series.bytes_dropped)
        ));
    }
    if series.forgotten > 0 {
        parts.push(format!(
            "{} events waited so long that the drawings of latency leave them out; the verdict does not.",
            count(series.forgotten)
        ));
    }
    if series.marks.marks_left_out > 0 {
        parts.push(format!(
            "{} elections and restarts are not drawn.",
            count(series.marks.marks_left_out)
        ));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn ledger(material: Material<'_>) -> Markup {
    let report = material.report;
    let load = &report.load;
    html! {
        h2 { "Ledger" }
        p.counts {
            strong { (count(load.offered)) } " of " (count(load.planned)) " events offered: "
            (count(load.accepted)) " accepted, " (count(load.rejected)) " rejected" (load.told_unsent()) ", " (count(load.indeterminate)) " of unknown outcome. "
            (on_time(load.on_time)) ", pacing p99.9 " (time(load.pacing_p999_ms)) "."
        }
        div.scroll { table.ledger role="table" {
            caption { "Distinct events by sink" }
            thead role="rowgroup" { tr role="row" {
                @for name in ["Sink", "Promise", "Kept", "In effect", "Lost", "Duplicated", "Dead-lettered", "In flight",
                    "Of unknown outcome, in effect"] {
                    th.text[matches!(name, "Promise" | "Kept")] role="columnheader" scope="col" { (name) }
                }
            } }
            tbody role="rowgroup" { @for sink in &report.sinks { (row(sink)) } }
        } }
    }
}

fn on_time(share: f64) -> String {
    if share >= 1.0 {
        "All went out on time".to_owned()
    } else {
        format!("{:.2} % went out on time", share * 100.0)
    }
}

/// On a phone each cell tells whose value it is, for the head is not seen there; roles keep it a table for those who listen.
fn row(sink: &SinkSummary) -> Markup {
    let lost_is_bad = sink.lost > 0 && sink.semantics != "at-most-once";
    let double_is_bad = sink.duplicated > 0 && sink.semantics != "at-least-once";
    html! {
        tr role="row" {
            th role="rowheader" scope="row" { (inert(&sink.name)) }
            td.text role="cell" data-of="Promise" { (inert(&sink.semantics)) }
            td.text role="cell" data-of="Kept" { (mark(sink.ok)) }
            td role="cell" data-of="In effect" { (count(sink.effects)) }
            td.bad[lost_is_bad] role="cell" data-of="Lost" { (count(sink.lost)) }
            td.bad[double_is_bad] role="cell" data-of="Duplicated" {
                (count(sink.duplicated))
                @if sink.duplicated > 0 && !double_is_bad { " (allowed)" }
            }
            td role="cell" data-of="Dead-lettered" { (count(sink.dead_lettered)) }
            td.bad[sink.in_flight > 0] role="cell" data-of="In flight" { (count(sink.in_flight)) }
            td role="cell" data-of="Of unknown outcome, in effect" { (count(sink.indeterminate_effects)) }
        }
    }
}

/// The story of the first anomaly that has one, or of an ordinary event.
fn story(material: Material<'_>) -> Markup {
    let told = |anomaly: &Anomaly| anomaly.story.clone().map(|story| (anomaly.clone(), story));
    match material.report.anomalies.iter().find_map(told) {
        Some((anomaly, story)) => html! {
            div {
                h2 { "One of " (count(anomaly.count)) " " (inert(&anomaly.name)) ": " code { (inert(&story.event)) } }
                (sequence::drawing(&story, anomaly.sink.as_deref()))
                @if !anomaly.cure.is_empty() { p { strong { "Usual cause and cure: " } (inert(&anomaly.cure)) } }
            }
        },
        None => slowest(material, material.story),
    }
}

fn slowest(material: Material<'_>, story: Option<&Story>) -> Markup {
    let (Some(story), Some((_, sink, ms))) = (story, material.series.slowest) else {
        return html! {
            div { h2 { "One event" } p { "No event's way could be followed." } }
        };
    };
    let sink = material
        .series
        .sinks
        .get(sink)
        .map(|sink| sink.name.as_str());
    html! {
        div {
            h2 { "The slowest event: " code { (inert(&story.event)) } }
            p { "It took " (time(ms)) " from its intended send to its effect in " (inert(sink.unwrap_or("its sink"))) "." }
            (sequence::drawing(story, sink))
        }
    }
}

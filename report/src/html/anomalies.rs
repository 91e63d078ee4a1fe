//! Every anomaly with its places, its events and one story.

use super::sequence;
use crate::Material;
use crate::words::{count, inert};
use maud::{Markup, html};
use squall_render::report::Anomaly;

pub fn content(material: Material<'_>) -> Markup {
    html! {
        @if material.report.anomalies.is_empty() { p { "None." } }
        @for anomaly in &material.report.anomalies { (article(anomaly)) }
    }
}

fn article(anomaly: &Anomaly) -> Markup {
    html! {
        article.anomaly {
            h3 {
                (inert(&anomaly.name)) " × " (count(anomaly.count))
                @if let Some(sink) = &anomaly.sink { " in " (inert(sink)) }
            }
            @if !anomaly.places.is_empty() { p { (inert(&anomaly.places.join(", "))) } }
            @if !anomaly.cure.is_empty() { p { strong { "Usual cause and cure: " } (inert(&anomaly.cure)) } }
            @if let Some(story) = &anomaly.story {
                p { "One of them, " code { (inert(&story.event)) } ":" }
                (sequence::drawing(story, anomaly.sink.as_deref()))
            }
            @if anomaly.events.len() > 1 {
                details {
                    summary { "Events (" (anomaly.events.len()) " of " (count(anomaly.count)) ")" }
                    p.events { @for event in &anomaly.events { code { (inert(event)) } " " } }
                }
            }
        }
    }
}

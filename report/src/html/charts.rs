//! The charts over time, and the percentile axis.

use crate::Material;
use crate::chart::{self, Chart, svg};
use maud::{Markup, html};

pub fn content(material: Material<'_>) -> Markup {
    let sinks = 0..material.series.sinks.len();
    let mut charts: Vec<Chart> = vec![chart::accept_latency(material)];
    charts.extend(sinks.filter_map(|sink| chart::effect_latency(material, sink)));
    charts.extend([
        chart::percentiles(material),
        chart::in_flight(material),
        chart::lag(material),
    ]);
    charts.extend(chart::lag_by_partition(material));
    html! {
        p.note { "Shaded: a fault holds. Point at a chart, or focus it and use the arrow keys, for its values." }
        div.charts {
            @for chart in &charts {
                @if chart.has_values() { (svg::figure(chart)) } @else { (absent(chart)) }
            }
        }
    }
}

fn absent(chart: &Chart) -> Markup {
    html! {
        figure.chart.absent { figcaption { h3 { (crate::words::inert(&chart.title)) } p.note { "Not recorded in this run." } } }
    }
}

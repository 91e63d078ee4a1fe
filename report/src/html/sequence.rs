//! An event's story as a sequence: a row a step, lanes for load, broker, consumer and sink. A list, so that it reads as one.

use crate::words::{at, inert};
use maud::{Markup, html};
use squall_render::report::{Step, Story};

/// Distance between lanes and height of a row's drawing, in the units of the drawing.
const LANE: u32 = 56;
const HEIGHT: u32 = 24;
const WIDTH: u32 = 4 * LANE;

const LANES: [&str; 4] = ["load", "broker", "consumer", "sink"];

/// What a step draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stroke {
    /// From lane to lane.
    Arrow(u32, u32),
    /// As an arrow of which nobody knows whether it came.
    Doubtful(u32, u32),
    Dot(u32),
    Cross(u32),
    /// Across all lanes.
    Bar,
}

/// The steps of a story, one below the other.
pub fn drawing(story: &Story, sink: Option<&str>) -> Markup {
    let label = format!("The way of event {}", inert(&story.event));
    html! {
        div.sequence {
            div.lanenames aria-hidden="true" {
                span {}
                span.lanes { @for (index, lane) in LANES.iter().enumerate() {
                    span.lanename { @if index == 3 { (inert(sink.unwrap_or(lane))) } @else { (lane) } }
                } }
            }
            ol aria-label=(label) {
                @for step in &story.steps { (row(step)) }
            }
        }
    }
}

fn row(step: &Step) -> Markup {
    let stroke = stroke(step);
    let is_trouble = matches!(stroke, Stroke::Cross(_) | Stroke::Bar) || step.what == "truncated";
    html! {
        li.trouble[is_trouble] {
            span.at { (at(step.at_ms)) }
            span.lanes aria-hidden="true" { (shape(stroke)) }
            span.step { strong { (inert(&step.what)) } " " (inert(&step.detail)) }
        }
    }
}

/// Which lanes a step joins, by its one word.
fn stroke(step: &Step) -> Stroke {
    match step.what.as_str() {
        "offered" => Stroke::Dot(0),
        "accepted" => Stroke::Arrow(0, 1),
        "rejected" => Stroke::Arrow(1, 0),
        "unknown" => Stroke::Doubtful(0, 1),
        "delivered" => Stroke::Arrow(1, 2),
        "committed" | "dead" => Stroke::Arrow(2, 1),
        "effect" => Stroke::Arrow(2, 3),
        "found" => Stroke::Dot(3),
        "crash" => Stroke::Cross(2),
        "fault" => Stroke::Bar,
        "rebalanced" | "elected" | "truncated" => Stroke::Dot(1),
        _ => Stroke::Dot(2),
    }
}

const fn x(lane: u32) -> u32 {
    LANE / 2 + lane * LANE
}

fn shape(stroke: Stroke) -> Markup {
    let y = HEIGHT / 2;
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) focusable="false" {
            @match stroke {
                Stroke::Arrow(from, to) => (arrow(from, to, "arrow")),
                Stroke::Doubtful(from, to) => (arrow(from, to, "arrow doubtful")),
                Stroke::Dot(lane) => circle.dot cx=(x(lane)) cy=(y) r="5" {},
                Stroke::Cross(lane) => path.cross d={ "M" (x(lane) - 7) " " (y - 7) "l14 14m0 -14l-14 14" } {},
                Stroke::Bar => path.bar d={ "M4 " (y) "H" (WIDTH - 4) } {},
            }
        }
    }
}

fn arrow(from: u32, to: u32, class: &str) -> Markup {
    let y = HEIGHT / 2;
    let head = if to > from { "-8 -5v10z" } else { "8 -5v10z" };
    let (begins, ends) = if to > from {
        (x(from) + 3, x(to) - 8)
    } else {
        (x(from) - 3, x(to) + 8)
    };
    html! {
        path class=(class) d={ "M" (begins) " " (y) "H" (ends) } {}
        path.head d={ "M" (x(to)) " " (y) "l" (head) } {}
    }
}

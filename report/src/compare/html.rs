//! The comparison as one self-contained page without scripts.

use super::{Comparison, Mark, change, told, word};
use crate::html::head;
use crate::words::inert;
use maud::{DOCTYPE, Markup, html};

/// The whole page.
#[must_use]
pub fn page(comparison: &Comparison) -> String {
    let (class, sentence) = match comparison.is_regression() {
        true => (
            "violated",
            "Something is worse than before, by more than noise.",
        ),
        false => ("held", "Nothing is worse than before by more than noise."),
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            (head("Comparison – Squall", ""))
            body.(class) {
                header { h1 { (sentence) } }
                main {
                    section {
                        div.scroll { (table(comparison)) }
                        ul { @for note in comparison.notes() { li { (inert(&note)) } } }
                        p { code { (comparison.last_line()) } }
                    }
                }
            }
        }
    };
    markup.into_string()
}

fn table(comparison: &Comparison) -> Markup {
    html! {
        table {
            caption { "Every figure of every side; the first is what the others are held against" }
            thead { tr {
                th scope="col" { "figure" }
                @for (index, (name, runs)) in comparison.sides.iter().enumerate() {
                    th scope="col" { (inert(name)) @if *runs == 1 { " (single)" } }
                    @if index > 0 { th scope="col" { "change" } th scope="col" { "" } }
                }
            } }
            tbody { @for row in &comparison.rows { tr {
                th scope="row" { (inert(&row.name)) " " (row.unit) }
                @for (index, value) in row.values.iter().enumerate() {
                    td.number { (told(*value)) }
                    @if index > 0 {
                        td.number { (change(row.values[0], *value)) }
                        td { (marked(row.marks[index])) }
                    }
                }
            } } }
        }
    }
}

fn marked(mark: Mark) -> Markup {
    html! {
        @match mark {
            Mark::Worse => span.bad { "✗ worse" },
            Mark::Better => span.ok { "✓ better" },
            Mark::Same => "",
            other => (word(other)),
        }
    }
}

//! `report.html`: one file without network, readable without scripts.
//!
//! Text from outside goes through maud's escaping and [`crate::words::inert`]; nothing from outside is ever part of a tag, an
//! attribute's name, a style or the script. The policy in the head lets no script run but ours, by its hash.

mod anomalies;
mod charts;
mod faults;
mod first;
mod limits;
mod sentence;
mod sequence;
mod setup;

use crate::Material;
use crate::words::inert;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use squall_render::report::Verdict;

const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");

/// SHA-256 of [`SCRIPT`], as the policy wants it. A test holds it to the file.
const SCRIPT_HASH: &str = "sha256-gJXbeHWWwGRd1IPr93dDqPrlZ6pLQ6mSDSHPykZUe+w=";

/// The head of every page. `scripts`: the directive that lets some run, if any may.
pub(crate) fn head(title: &str, scripts: &str) -> Markup {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; {scripts}base-uri 'none'; form-action 'none'"
    );
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="color-scheme" content="light dark";
            title { (title) }
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// The whole page.
#[must_use]
pub fn page(material: Material<'_>) -> String {
    let report = material.report;
    let title = format!(
        "{}: {} – Squall",
        inert(&report.title()),
        word(report.verdict)
    );
    let scripts = format!("script-src '{SCRIPT_HASH}'; ");
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title, &scripts))
            body.(class(report.verdict)) {
                a.skip href="#main" { "Skip to the result" }
                (first::header(material))
                main id="main" {
                    (first::screen(material))
                    (section("faults", "Faults", faults::content(material)))
                    (section("charts", "Over time", charts::content(material)))
                    (section("expectations", "Expectations", limits::content(material)))
                    (section("anomalies", "Anomalies", anomalies::content(material)))
                    (section("setup", "What ran", setup::content(material)))
                }
                (footer(material))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string()
}

fn section(id: &str, title: &str, content: Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (title) }
            (content)
        }
    }
}

fn footer(material: Material<'_>) -> Markup {
    let report = material.report;
    html! {
        footer {
            p { "Drawn by Squall " (inert(&report.version)) " from " code { "plan.json" } " and " code { "history.squall" }
                " in this folder; " code { "squall report RUN" } " draws it again. Beside it: " code { "report.json" } ", "
                code { "junit.xml" } ", " code { "summary.md" } ", pictures, and the latencies as " code { (crate::hlog::FILE_NAME) } "." }
        }
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Violated => "violated",
        Verdict::Inconclusive => "inconclusive",
    }
}

const fn class(verdict: Verdict) -> &'static str {
    word(verdict)
}

/// A mark with words for those who do not see it.
fn mark(ok: bool) -> Markup {
    html! {
        @if ok { span.ok { span aria-hidden="true" { "✓ " } "held" } }
        @else { span.bad { span aria-hidden="true" { "✗ " } "not held" } }
    }
}

/// Of what may hang nothing on it: then it is no failure.
fn weighed_mark(ok: bool, weight: &str) -> Markup {
    match ok || weight.is_empty() {
        true => mark(ok),
        false => html! { span aria-hidden="true" { "! " } "not held" },
    }
}

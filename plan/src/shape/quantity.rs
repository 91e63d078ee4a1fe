//! Whether a single value is what it should be.

use super::{Shape, did_you_mean};
use crate::fault::{KINDS, Refusal};
use crate::plan::Environment;
use crate::template;
use crate::units::{
    UnitError, parse_bandwidth, parse_duration, parse_rate, parse_share, parse_size,
};
use crate::yaml::Node;

/// Checks a scalar against a leaf shape.
pub(super) fn check(node: &Node, text: &str, shape: &Shape) -> Result<(), UnitError> {
    match shape {
        Shape::Duration => parse_duration(text).map(drop),
        Shape::Rate => parse_rate(text).map(drop),
        Shape::Size => parse_size(text).map(drop),
        Shape::Bandwidth => parse_bandwidth(text).map(drop),
        Shape::Share => parse_share(text).map(drop),
        Shape::Name => name(text),
        Shape::Integer { min, max } => integer(node, text, *min, *max),
        Shape::Number { min, max } => number(node, text, *min, *max),
        Shape::Choice(choices) => choice(text, choices),
        Shape::DrawnKind => drawn_kind(text),
        Shape::Template(slots) => template::check(text, slots),
        Shape::Text if text.is_empty() => Err(error("an empty text", "write something")),
        _ => Ok(()),
    }
}

fn error(what: impl Into<String>, fix: impl Into<String>) -> UnitError {
    UnitError {
        what: what.into(),
        fix: fix.into(),
    }
}

fn name(text: &str) -> Result<(), UnitError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty()
        && text.len() <= 128
        && text.chars().all(fits)
        && text != "."
        && text != ".."
    {
        return Ok(());
    }
    Err(error(
        format!("`{}` is not a name", shorten(text)),
        "names have letters, digits, `-`, `_` and `.`, at most 128 of them",
    ))
}

fn integer(node: &Node, text: &str, min: i64, max: i64) -> Result<(), UnitError> {
    let wanted = match (min, max) {
        (only, same) if only == same => format!("write {only}"),
        (min, i64::MAX) => format!("write a whole number of at least {min}"),
        (min, max) => format!("write a whole number from {min} to {max}"),
    };
    match node.integer() {
        Some(value) if (min..=max).contains(&value) => Ok(()),
        Some(value) => Err(error(format!("{value} is out of range"), wanted)),
        None => Err(error(
            format!("`{}` is not a whole number", shorten(text)),
            format!("{wanted}, without quotes"),
        )),
    }
}

fn number(node: &Node, text: &str, min: f64, max: f64) -> Result<(), UnitError> {
    match node.number() {
        Some(value) if (min..=max).contains(&value) => Ok(()),
        Some(value) => Err(error(
            format!("{value} is out of range"),
            format!("write a number from {min} to {max}"),
        )),
        None => Err(error(
            format!("`{}` is not a number", shorten(text)),
            format!("write a number from {min} to {max}"),
        )),
    }
}

fn choice(text: &str, choices: &[&str]) -> Result<(), UnitError> {
    if choices.contains(&text) {
        return Ok(());
    }
    Err(error(
        format!("`{}` is not one of the choices", shorten(text)),
        did_you_mean(text, choices.iter().copied(), "choices"),
    ))
}

fn drawn_kind(text: &str) -> Result<(), UnitError> {
    let undrawn = KINDS.iter().find(|row| row.key == text && !row.drawable());
    let Some(row) = undrawn else {
        return choice(text, &drawable());
    };
    let what = format!("a nemesis draws no `{text}`");
    if row.kind.injectable_in(Environment::Embedded) {
        return Err(error(what, "write it in `faults`"));
    }
    let Refusal { why, fix } = row.absent;
    Err(error(
        format!("{what}: {why}"),
        format!("write it in `faults`, and {fix}"),
    ))
}

/// Kinds of faults that a nemesis draws.
pub(super) fn drawable() -> Vec<&'static str> {
    let drawable = KINDS.iter().filter(|row| row.drawable());
    drawable.map(|row| row.key).collect()
}

/// Long hostile texts do not belong in messages.
pub(crate) fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text
            .escape_debug()
            .to_string()
            .replace("\\\"", "\"")
            .replace("\\'", "'");
    }
    let head: String = text.chars().take(57).collect();
    format!("{}...", head.escape_debug())
}

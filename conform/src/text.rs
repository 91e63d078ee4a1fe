//! Sequences as text: one step a line, so that a counterexample can be read, cut and replayed.

use crate::step::{Sequence, Step};
use thiserror::Error;

#[derive(Debug, Error)]
#[error("line {line}: {source}")]
pub struct BadLine {
    pub line: usize,
    #[source]
    pub source: serde_json::Error,
}

/// A head line and a line for each step.
#[must_use]
pub fn write(sequence: &Sequence) -> String {
    let head = serde_json::json!({"seed": sequence.seed, "rough": sequence.rough});
    let mut text = format!("{head}\n");
    for step in &sequence.steps {
        text.push_str(&line(step));
        text.push('\n');
    }
    text
}

/// A step on one line.
#[must_use]
pub fn line(step: &Step) -> String {
    serde_json::to_string(step).unwrap_or_default()
}

#[derive(serde::Deserialize)]
struct Head {
    seed: u64,
    rough: bool,
}

/// Reads what [`write`] wrote; empty lines and lines that begin with `#` are left out.
///
/// # Errors
/// The first line that is not a step.
pub fn read(text: &str) -> Result<Sequence, BadLine> {
    let bad = |index: usize| {
        move |source| BadLine {
            line: index + 1,
            source,
        }
    };
    let lines = text.lines().enumerate();
    let mut lines = lines.filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'));
    let (index, head) = lines.next().unwrap_or((0, ""));
    let head: Head = serde_json::from_str(head).map_err(bad(index))?;
    let steps = lines.map(|(index, line)| serde_json::from_str(line).map_err(bad(index)));
    Ok(Sequence {
        seed: head.seed,
        rough: head.rough,
        steps: steps.collect::<Result<_, _>>()?,
    })
}

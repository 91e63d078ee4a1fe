//! Sinks of a scenario, laid over those of its system before that is read: what is wrong in them is told where it stands.

use crate::problem::Problems;
use crate::shape::{STORES, did_you_mean};
use crate::yaml::{Entry, Node, Value};

/// Stores that are tables, with `table` and `id` of the same meaning.
const TABLES: [&str; 2] = ["sqlite", "postgres"];

pub(super) fn laid_over(mut system: Node, over: &[Entry], problems: &mut Problems) -> Node {
    let mut nothing = Vec::new();
    let sinks = match &mut system.value {
        Value::Map(entries) => entries.iter_mut().find(|entry| entry.key == "sinks"),
        _ => None,
    };
    let sinks = match sinks.map(|entry| &mut entry.value.value) {
        Some(Value::Map(sinks)) => sinks,
        _ => &mut nothing,
    };
    for given in over {
        match sinks.iter().position(|sink| sink.key == given.key) {
            Some(index) => lay(&mut sinks[index].value, &given.value),
            None => {
                let names = sinks.iter().map(|sink| sink.key.as_str());
                let fix = did_you_mean(&given.key, names, "sinks");
                problems.at(&given.place, format!("unknown sink `{}`", given.key), fix);
            }
        }
    }
    system
}

/// A store takes the place of the one that is there, and what belongs to that goes with it.
fn lay(sink: &mut Node, given: &Node) {
    let keeps_rows = |node: &Node| TABLES.iter().any(|key| node.get(key).is_some());
    let of_store: &[&str] = match keeps_rows(sink) && keeps_rows(given) {
        true => &["query"],
        false => &["serve", "query", "table", "id"],
    };
    let is_store = |entry: &Entry| STORES.contains(&entry.key.as_str());
    let moves = given.entries().iter().any(is_store);
    let Value::Map(entries) = &mut sink.value else {
        return;
    };
    if moves {
        entries.retain(|entry| !is_store(entry) && !of_store.contains(&entry.key.as_str()));
    }
    for entry in given.entries() {
        entries.retain(|known| known.key != entry.key);
        entries.push(entry.clone());
    }
}

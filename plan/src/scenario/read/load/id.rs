//! An event without its id can never be found again, so the body must have room for it.

use crate::problem::Problems;
use crate::system::IdPlace;
use crate::yaml::Node;
use serde_json::Value;

pub(super) fn check(load: &Node, id: &IdPlace, body: &Value, problems: &mut Problems) {
    if body.is_null() {
        return;
    }
    let place = load.get("body").map_or(&load.place, |body| &body.place);
    match id {
        IdPlace::Json(pointer) if !has_room(body, pointer) => {
            let what = format!("the body has no place for the id at {pointer}");
            problems.at(place, what, "let the body have the mapping that holds it");
        }
        IdPlace::Body if !mentions_id(body) => {
            problems.at(
                place,
                "the id travels in the body, and the body does not mention it",
                "write {{id}} somewhere in it",
            );
        }
        _ => {}
    }
}

/// Whether the mapping or list that would hold the pointer's last part is there.
fn has_room(body: &Value, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return false;
    };
    match body.pointer(parent) {
        Some(Value::Object(_)) => true,
        Some(Value::Array(items)) => name.parse().is_ok_and(|index: usize| index < items.len()),
        _ => false,
    }
}

fn mentions_id(body: &Value) -> bool {
    match body {
        Value::String(text) => text.replace(' ', "").contains("{{id}}"),
        Value::Array(items) => items.iter().any(mentions_id),
        Value::Object(members) => members.values().any(mentions_id),
        _ => false,
    }
}

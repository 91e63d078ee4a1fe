//! The structural check: every key known, every required key there, every value of its kind. Finds all, stops at none.

use super::quantity::{self, shorten};
use super::{Either, Object, Shape, did_you_mean};
use crate::problem::Problems;
use crate::template;
use crate::yaml::{Entry, Node, Value};

/// Compares a tree with a shape. `name` is what the value is called in messages, such as `for`.
pub fn check(node: &Node, shape: &Shape, name: &str, problems: &mut Problems) {
    match shape {
        Shape::Object(object) => check_object(node, object, name, problems),
        Shape::MapOf(of) => check_map_of(node, of, name, problems),
        Shape::Settings(known) => check_settings(node, known, name, problems),
        Shape::List(of) => check_list(node, of, name, problems),
        Shape::Either(either) => check_either(node, either, name, problems),
        Shape::Body(slots) => check_body(node, slots, problems),
        Shape::Anything => {}
        leaf => check_scalar(node, leaf, name, problems),
    }
}

fn check_object(node: &Node, object: &Object, name: &str, problems: &mut Problems) {
    let Value::Map(entries) = &node.value else {
        return wrong_kind(node, name, "a mapping", problems);
    };
    for entry in entries {
        match object.get(&entry.key) {
            Some(_) if entry.value.is_null() => nothing(entry, problems),
            Some(field) => check(&entry.value, &field.shape, field.key, problems),
            None if object.settings.contains(&entry.key.as_str()) => {
                check_scalar(&entry.value, &Shape::Setting, &entry.key, problems);
            }
            None => {
                let what = format!("unknown key `{}` in {}", shorten(&entry.key), object.noun);
                problems.at(&entry.place, what, unknown_key_fix(entry, object));
            }
        }
    }
    for field in object
        .fields
        .iter()
        .filter(|field| field.required && !has(entries, field.key))
    {
        problems.at(
            &node.place,
            format!("`{}` is missing in {}", field.key, object.noun),
            format!("add `{}`: {}", field.key, field.about),
        );
    }
    check_one_of(node, entries, object, problems);
}

/// A comma within `{ }` ends a text, and what follows becomes a key without a value.
fn unknown_key_fix(entry: &Entry, object: &Object) -> String {
    if entry.value.is_null() && entry.key.contains(' ') {
        return "a text with a comma within { } needs quotes".into();
    }
    did_you_mean(&entry.key, object.keys(), "keys")
}

fn check_one_of(node: &Node, entries: &[Entry], object: &Object, problems: &mut Problems) {
    if object.one_of.is_empty() {
        return;
    }
    let mut present = entries
        .iter()
        .filter(|entry| object.one_of.contains(&entry.key.as_str()));
    let choices = object.one_of.join("`, `");
    let Some(first) = present.next() else {
        // A misspelt choice is already reported as an unknown key.
        let misspelt = entries.iter().any(|entry| {
            super::nearest(&entry.key, object.one_of.iter().copied()).is_some()
                && object.get(&entry.key).is_none()
        });
        if !misspelt && !object.may_lack {
            problems.at(
                &node.place,
                format!("{} says nothing of what it is", object.noun),
                format!("add exactly one of `{choices}`"),
            );
        }
        return;
    };
    for other in present {
        let what = format!(
            "`{}` and `{}` exclude each other in {}",
            first.key, other.key, object.noun
        );
        problems.at(&other.place, what, format!("keep one of `{choices}`"));
    }
}

fn check_map_of(node: &Node, of: &Shape, name: &str, problems: &mut Problems) {
    let Value::Map(entries) = &node.value else {
        return wrong_kind(node, name, "a mapping", problems);
    };
    for entry in entries {
        if entry.value.is_null() {
            nothing(entry, problems);
        } else {
            check(&entry.value, of, &entry.key, problems);
        }
    }
}

fn check_settings(node: &Node, known: &[&'static str], name: &str, problems: &mut Problems) {
    let Value::Map(entries) = &node.value else {
        return wrong_kind(node, name, "a mapping", problems);
    };
    for entry in entries {
        if !known.contains(&entry.key.as_str()) {
            let what = format!("unknown setting `{}` in `{name}`", shorten(&entry.key));
            problems.at(
                &entry.place,
                what,
                did_you_mean(&entry.key, known.iter().copied(), "settings"),
            );
        }
        check_scalar(&entry.value, &Shape::Setting, &entry.key, problems);
    }
}

fn check_list(node: &Node, of: &Shape, name: &str, problems: &mut Problems) {
    let Value::List(items) = &node.value else {
        return wrong_kind(node, name, "a list", problems);
    };
    for item in items {
        check(item, of, name, problems);
    }
}

fn check_either(node: &Node, either: &Either, name: &str, problems: &mut Problems) {
    let shape = match &node.value {
        Value::Scalar { .. } => &either.scalar,
        Value::List(_) => &either.list,
        Value::Map(_) => &either.map,
    };
    match shape {
        Some(shape) => check(node, shape, name, problems),
        None => wrong_kind(node, name, &either.kinds(), problems),
    }
}

fn check_scalar(node: &Node, leaf: &Shape, name: &str, problems: &mut Problems) {
    let Some(text) = node.text() else {
        return wrong_kind(node, name, "a single value", problems);
    };
    if let Err(error) = quantity::check(node, text, leaf) {
        problems.at(
            &node.place,
            format!("`{}`: {}", shorten(name), error.what),
            error.fix,
        );
    }
}

/// Templates anywhere in a value, its keys left alone.
fn check_body(node: &Node, slots: &'static [&'static str], problems: &mut Problems) {
    match &node.value {
        Value::Scalar { text, .. } => {
            if let Err(error) = template::check(text, slots) {
                problems.at(&node.place, error.what, error.fix);
            }
        }
        Value::List(items) => items
            .iter()
            .for_each(|item| check_body(item, slots, problems)),
        Value::Map(entries) => entries
            .iter()
            .for_each(|entry| check_body(&entry.value, slots, problems)),
    }
}

fn wrong_kind(node: &Node, name: &str, wanted: &str, problems: &mut Problems) {
    problems.at(
        &node.place,
        format!("`{}` is {}", shorten(name), node.kind()),
        format!("make it {wanted}"),
    );
}

fn nothing(entry: &Entry, problems: &mut Problems) {
    problems.at(
        &entry.place,
        format!("`{}` has no value", shorten(&entry.key)),
        "give it one, or leave the key out",
    );
}

fn has(entries: &[Entry], key: &str) -> bool {
    entries.iter().any(|entry| entry.key == key)
}

impl Either {
    fn kinds(&self) -> String {
        let kinds = [
            (&self.scalar, "a single value"),
            (&self.list, "a list"),
            (&self.map, "a mapping"),
        ];
        let kinds: Vec<&str> = kinds
            .iter()
            .filter(|(shape, _)| shape.is_some())
            .map(|(_, kind)| *kind)
            .collect();
        kinds.join(" or ")
    }
}

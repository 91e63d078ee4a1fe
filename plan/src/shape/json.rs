//! The shapes as JSON Schema, for completion in editors.

use super::{Either, Object, Shape, quantity};
use serde_json::{Value, json};

/// JSON Schema (2020-12) of scenario files.
#[must_use]
pub fn scenario_schema() -> Value {
    document(super::scenario(), "Squall scenario, version 1")
}

/// JSON Schema (2020-12) of system files.
#[must_use]
pub fn system_schema() -> Value {
    document(super::system(), "Squall system, version 1")
}

fn document(shape: &Shape, title: &str) -> Value {
    let mut schema =
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    if let (Value::Object(document), Value::Object(body)) = (&mut schema, schema_of(shape)) {
        document.extend(body);
    }
    schema
}

fn schema_of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": ["string", "number", "boolean"], "minLength": 1 }),
        Shape::Name => {
            json!({ "type": ["string", "number", "boolean"], "pattern": "^[A-Za-z0-9._-]{1,128}$" })
        }
        Shape::Integer { min, max } => integer(*min, *max),
        Shape::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        Shape::Share => json!({ "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1 },
            { "type": "string", "pattern": "^[0-9.]+ *%$" },
        ] }),
        Shape::Duration => quantity("(ns|us|ms|s|m|h)"),
        Shape::Rate => quantity("[kM]?/(s|m|h)"),
        Shape::Size => quantity("(B|KB|MB|GB|KiB|MiB|GiB)"),
        Shape::Bandwidth => quantity("(B|KB|MB|GB|KiB|MiB|GiB)/s"),
        Shape::Choice(choices) => json!({ "enum": choices }),
        Shape::DrawnKind => json!({ "enum": quantity::drawable() }),
        Shape::Setting | Shape::Template(_) => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Body(_) | Shape::Anything => json!({}),
        Shape::List(of) => json!({ "type": "array", "items": schema_of(of) }),
        Shape::MapOf(of) => json!({ "type": "object", "additionalProperties": schema_of(of) }),
        Shape::Settings(known) => settings(known),
        Shape::Object(object) => object_schema(object),
        Shape::Either(either) => either_schema(either),
    }
}

fn integer(min: i64, max: i64) -> Value {
    if min == max {
        json!({ "const": min })
    } else {
        json!({ "type": "integer", "minimum": min, "maximum": max })
    }
}

fn quantity(unit: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^ *[0-9][0-9_]*(\\.[0-9]+)? *{unit} *$") })
}

fn settings(known: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> = known
        .iter()
        .map(|name| ((*name).to_owned(), schema_of(&Shape::Setting)))
        .collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn object_schema(object: &Object) -> Value {
    let mut properties = serde_json::Map::new();
    for field in &object.fields {
        let mut schema = schema_of(&field.shape);
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".into(), field.about.into());
        }
        properties.insert(field.key.into(), schema);
    }
    for name in object.settings {
        properties.insert((*name).into(), schema_of(&Shape::Setting));
    }
    let required: Vec<&str> = object
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.key)
        .collect();
    let mut schema =
        json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    if object.may_lack {
        schema["not"] = json!({ "required": object.one_of });
    } else if !object.one_of.is_empty() {
        schema["oneOf"] = object
            .one_of
            .iter()
            .map(|key| json!({ "required": [key] }))
            .collect();
    }
    schema
}

fn either_schema(either: &Either) -> Value {
    let alternatives: Vec<Value> = [&either.scalar, &either.list, &either.map]
        .into_iter()
        .flatten()
        .map(schema_of)
        .collect();
    json!({ "anyOf": alternatives })
}

//! The part of JSON Schema (2020-12) that event types need. A crate that reads all of it is the oracle of the tests, and
//! too much for a service. A schema that uses anything else is refused, so nothing is passed over in silence.

use super::Invalid;
use crate::json::Json;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Keywords that say nothing about validity.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "x-key",
];

/// Where a value stands. It becomes a pointer only when there is something to complain of.
enum Place<'a> {
    Whole,
    Member(&'a Place<'a>, &'a str),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Member(of, name) => {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                format!("{}/{escaped}", of.pointer())
            }
        }
    }
}

/// A schema, read.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Schema {
    kind: Option<Kind>,
    required: Vec<String>,
    properties: BTreeMap<String, Schema>,
    /// Characters.
    min_length: Option<u64>,
    max_length: Option<u64>,
    minimum: Option<i64>,
    maximum: Option<i64>,
    email: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

const KINDS: &[(&str, Kind)] = &[
    ("object", Kind::Object),
    ("array", Kind::Array),
    ("string", Kind::String),
    ("integer", Kind::Integer),
    ("number", Kind::Number),
    ("boolean", Kind::Boolean),
];

impl Schema {
    /// # Errors
    /// What of the schema cannot be read, and that is not to be passed over.
    pub(super) fn read(schema: &Value) -> Result<Self, String> {
        let entries = schema
            .as_object()
            .ok_or_else(|| format!("{schema} is not an object"))?;
        let mut read = Self::default();
        for (keyword, value) in entries {
            read.take(keyword, value)
                .ok_or_else(|| format!("`{keyword}: {value}` is not read here"))??;
        }
        Ok(read)
    }

    /// `None`: an unknown keyword, or a value that is none of its.
    fn take(&mut self, keyword: &str, value: &Value) -> Option<Result<(), String>> {
        match keyword {
            "type" => self.kind = Some(kind_named(value.as_str()?)?),
            "required" => self.required = texts(value)?,
            "properties" => match properties(value.as_object()?) {
                Ok(properties) => self.properties = properties,
                Err(problem) => return Some(Err(problem)),
            },
            "minLength" => self.min_length = Some(value.as_u64()?),
            "maxLength" => self.max_length = Some(value.as_u64()?),
            "minimum" => self.minimum = Some(value.as_i64()?),
            "maximum" => self.maximum = Some(value.as_i64()?),
            "format" if value == "email" => self.email = true,
            _ if ANNOTATIONS.contains(&keyword) => {}
            _ => return None,
        }
        Some(Ok(()))
    }

    /// The first problem in the order of pointers.
    pub(super) fn validate(&self, value: &Json<'_>) -> Result<(), Invalid> {
        let mut problems = Vec::new();
        self.collect(value, &Place::Whole, &mut problems);
        problems.into_iter().min().map_or(Ok(()), Err)
    }

    fn collect(&self, value: &Json<'_>, place: &Place<'_>, problems: &mut Vec<Invalid>) {
        let mut add = |reason: String| {
            let pointer = place.pointer();
            problems.push(Invalid { pointer, reason });
        };
        if let Some(kind) = self.kind.filter(|kind| !is_of(value, *kind)) {
            add(format!("it is to be of type {}", name_of(kind)));
            return;
        }
        match value {
            Json::Text(text) => self.check_text(text, &mut add),
            Json::Number(number) => {
                let below = self.minimum.filter(|least| is_less(number, *least));
                if let Some(least) = below {
                    add(format!("it is to be at least {least}"));
                }
                if let Some(most) = self.maximum.filter(|most| is_more(number, *most)) {
                    add(format!("it is to be at most {most}"));
                }
            }
            Json::Object(_) => {
                let is_missing = |name: &&String| value.get(name).is_none();
                for name in self.required.iter().filter(is_missing) {
                    add(format!("`{name}` is missing"));
                }
                for (name, schema) in &self.properties {
                    if let Some(entry) = value.get(name) {
                        schema.collect(entry, &Place::Member(place, name), problems);
                    }
                }
            }
            Json::Null | Json::Bool(_) | Json::Array(_) => {}
        }
    }

    fn check_text(&self, text: &str, add: &mut impl FnMut(String)) {
        let bounded = self.min_length.is_some() || self.max_length.is_some();
        let length = if bounded {
            text.chars().count() as u64
        } else {
            0
        };
        if let Some(least) = self.min_length.filter(|least| length < *least) {
            add(format!("it is to have at least {least} characters"));
        }
        if let Some(most) = self.max_length.filter(|most| length > *most) {
            add(format!("it is to have at most {most} characters"));
        }
        if self.email && !is_address(text) {
            add("it is to be a mail address".to_owned());
        }
    }
}

fn properties(entries: &Map<String, Value>) -> Result<BTreeMap<String, Schema>, String> {
    entries
        .iter()
        .map(|(name, schema)| Ok((name.clone(), Schema::read(schema)?)))
        .collect()
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}

fn kind_named(name: &str) -> Option<Kind> {
    let mut kinds = KINDS.iter();
    kinds
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)
}

fn name_of(kind: Kind) -> &'static str {
    let mut kinds = KINDS.iter();
    kinds
        .find(|(_, known)| *known == kind)
        .map_or("", |(name, _)| name)
}

fn is_of(value: &Json<'_>, kind: Kind) -> bool {
    match kind {
        Kind::Object => matches!(value, Json::Object(_)),
        Kind::Array => matches!(value, Json::Array(_)),
        Kind::String => matches!(value, Json::Text(_)),
        Kind::Number => matches!(value, Json::Number(_)),
        Kind::Boolean => matches!(value, Json::Bool(_)),
        // 1.0 is an integer too (JSON Schema, section 6.1.1).
        Kind::Integer => match value {
            Json::Number(number) => {
                number.is_i64()
                    || number.is_u64()
                    || number.as_f64().is_some_and(|real| real.fract() == 0.0)
            }
            _ => false,
        },
    }
}

fn is_less(number: &serde_json::Number, least: i64) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => whole < least,
        (None, Some(_)) => false,
        (None, None) => number.as_f64().is_some_and(|real| real < least as f64),
    }
}

fn is_more(number: &serde_json::Number, most: i64) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => whole > most,
        (None, Some(_)) => true,
        (None, None) => number.as_f64().is_some_and(|real| real > most as f64),
    }
}

/// Something before and after one `@`, and nothing that a mail header could be led astray by.
fn is_address(text: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || r#"<>",;:\"#.contains(c);
    let plain = !text.chars().any(forbidden);
    let mut parts = text.split('@');
    let (local, domain) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    plain && !local.is_empty() && !domain.is_empty() && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_not_read_is_refused() {
        for schema in [
            json!({"pattern": "a"}),
            json!({"type": "null"}),
            json!({"format": "uri"}),
            json!({"minimum": 0.5}),
            json!({"properties": {"a": {"enum": [1]}}}),
            json!([]),
        ] {
            assert!(Schema::read(&schema).is_err(), "{schema}");
        }
    }

    fn schemas() -> impl Strategy<Value = Value> {
        let leaf = (
            prop::sample::select(vec!["string", "integer", "number", "boolean", "array"]),
            0_u64..4,
            0_u64..4,
            -2_i64..3,
            -2_i64..3,
        )
            .prop_map(|(kind, shortest, longest, least, most)| {
                json!({"type": kind, "minLength": shortest, "maxLength": longest,
                    "minimum": least, "maximum": most})
            });
        leaf.prop_recursive(2, 8, 3, |inner| {
            let names = prop::sample::select(vec!["a", "b/c", "d~e"]);
            (
                prop::collection::btree_map(names.clone(), inner, 0..3),
                prop::collection::vec(names, 0..2),
            )
                .prop_map(|(properties, required)| {
                    let unique: std::collections::BTreeSet<_> = required.into_iter().collect();
                    json!({"type": "object", "properties": properties, "required": unique})
                })
        })
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|value| json!(value)),
            (-3_i64..4).prop_map(|value| json!(value)),
            prop::sample::select(vec![-2.5, -1.0, 0.5, 2.0, 1e30]).prop_map(|value| json!(value)),
            Just(json!(u64::MAX)),
            "[aü\u{1f600}]{0,4}".prop_map(|value| json!(value)),
        ];
        leaf.prop_recursive(2, 12, 3, |inner| {
            let names = prop::sample::select(vec!["a", "b/c", "d~e", "f"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..2).prop_map(|items| json!(items)),
                prop::collection::btree_map(names, inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    /// The schema as a full implementation reads it.
    fn compiled(schema: Value) -> (boon::Schemas, boon::SchemaIndex) {
        const URL: &str = "https://squall.test/event.json";
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.set_default_draft(boon::Draft::V2020_12);
        compiler.add_resource(URL, schema).unwrap();
        let at = compiler.compile(URL, &mut schemas).unwrap();
        (schemas, at)
    }

    /// Pointers to all that the full implementation complains of.
    fn places(error: &boon::ValidationError<'_, '_>, into: &mut Vec<String>) {
        if error.causes.is_empty() {
            into.push(error.instance_location.to_string());
        }
        error.causes.iter().for_each(|cause| places(cause, into));
    }

    proptest! {
        /// The full implementation agrees on validity, and knows a problem at the place that is named.
        #[test]
        fn it_agrees_with_a_full_implementation(schema in schemas(), value in values()) {
            let text = value.to_string();
            let ours = Schema::read(&schema).unwrap().validate(&Json::read(text.as_bytes()).unwrap());
            let (oracle, at) = compiled(schema.clone());
            let theirs = oracle.validate(&value, at);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{} {}", schema, value);
            if let (Err(invalid), Err(theirs)) = (ours, theirs) {
                let mut known = Vec::new();
                places(&theirs, &mut known);
                prop_assert!(known.contains(&invalid.pointer), "{:?} {:?}", invalid, known);
            }
        }
    }
}

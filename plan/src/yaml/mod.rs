//! YAML as a tree in which every key and value knows its place, so that each problem can point at it.
//!
//! Scalars stay text until something asks for them: whether `1` is a number or a name is the reader's business.

mod build;
mod parse;
mod path;
mod scalar;
mod show;

pub use parse::{BYTES_MAX, parse, parse_argument};
pub use path::{PathError, Segment, overlay, resolve, set};
pub use show::show;

use std::sync::Arc;

/// Where something stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// A file's name, or an argument.
    pub source: Arc<str>,
    /// Counted from 1; 0 in an argument.
    pub line: usize,
    /// In characters, counted from 1; 0 in an argument.
    pub column: usize,
}

impl Place {
    /// A source as a whole: an argument, or what no file holds.
    #[must_use]
    pub fn of(source: &str) -> Self {
        Self {
            source: source.into(),
            line: 0,
            column: 0,
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `plain`: without quotes, so that `true`, `null` and numbers mean what YAML 1.2 says.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One `key: value` of a mapping.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Node,
}

impl Node {
    /// The entries of a mapping; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value under a key. `null` counts as absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key && !entry.value.is_null())
    }

    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

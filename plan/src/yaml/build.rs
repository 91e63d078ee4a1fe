//! Trees that no file holds: each node is made at a place that messages can name.

use super::{Entry, Node, Place, Value};

impl Node {
    /// A mapping without entries.
    #[must_use]
    pub const fn empty_map(place: Place) -> Self {
        Self {
            place,
            value: Value::Map(Vec::new()),
        }
    }

    /// A mapping.
    #[must_use]
    pub fn map<'key>(entries: impl IntoIterator<Item = (&'key str, Self)>, place: &Place) -> Self {
        let entry = |(key, value): (&str, Self)| Entry {
            key: key.to_owned(),
            place: place.clone(),
            value,
        };
        Self {
            place: place.clone(),
            value: Value::Map(entries.into_iter().map(entry).collect()),
        }
    }

    #[must_use]
    pub fn list(items: impl IntoIterator<Item = Self>, place: &Place) -> Self {
        Self {
            place: place.clone(),
            value: Value::List(items.into_iter().collect()),
        }
    }

    /// A scalar without quotes, whatever it then means.
    #[must_use]
    pub fn unquoted(text: impl ToString, place: &Place) -> Self {
        Self::scalar(text.to_string(), true, place)
    }

    /// A scalar that is text even where it looks like a number.
    #[must_use]
    pub fn quoted(text: impl Into<String>, place: &Place) -> Self {
        Self::scalar(text.into(), false, place)
    }

    fn scalar(text: String, plain: bool, place: &Place) -> Self {
        Self {
            place: place.clone(),
            value: Value::Scalar { text, plain },
        }
    }

    /// Sets a key of a mapping, in its place if it is there.
    pub fn put(&mut self, key: &str, value: Self) {
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => entries.push(Entry {
                key: key.to_owned(),
                place: self.place.clone(),
                value,
            }),
        }
    }

    /// Takes a key of a mapping away.
    pub fn remove(&mut self, key: &str) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|entry| entry.key != key);
        }
    }

    /// The value under a key, to be changed. `null` counts as there.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Map(entries) => {
                let entry = entries.iter_mut().find(|entry| entry.key == key);
                entry.map(|entry| &mut entry.value)
            }
            _ => None,
        }
    }
}

//! An event as it came from the bus, and its headers.

use std::fmt;
use std::sync::Arc;

/// Where an event stands in its topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    pub partition: i32,
    pub offset: i64,
}

/// An event as it came from the bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub topic: Arc<str>,
    /// `None` on a bus without positions.
    pub position: Option<Position>,
    pub key: Option<Vec<u8>>,
    pub headers: Headers,
    pub payload: Vec<u8>,
    /// Milliseconds since 1970-01-01 UTC, as the bus has it.
    pub timestamp_ms: Option<i64>,
}

/// Headers in order; names may repeat. All in one buffer, since events are made by the hundred thousand a second.
///
/// Layout of an entry: length of the name (u16, little-endian), length of the value (u32), name, value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers {
    flat: Vec<u8>,
    count: usize,
}

const NAME_LENGTH: usize = 2;
const LENGTHS: usize = NAME_LENGTH + 4;

impl Headers {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            flat: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// Appends a header. A name is cut after 65535 bytes, a value after 4 GiB; no broker takes such.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let mut end = name.len().min(usize::from(u16::MAX));
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let name = &name.as_bytes()[..end];
        let value = &value[..value.len().min(u32::MAX as usize)];
        self.flat
            .extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.flat
            .extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.flat.extend_from_slice(name);
        self.flat.extend_from_slice(value);
        self.count += 1;
    }

    /// Forgets all entries and keeps the memory for others.
    pub fn clear(&mut self) {
        self.flat.clear();
        self.count = 0;
    }

    /// The value of the last header of this name, as Kafka's `lastHeader` has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().last_of(name)
    }

    /// As [`Headers::get`], when the value is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    #[must_use]
    pub fn iter(&self) -> HeaderIter<'_> {
        HeaderIter::over(&self.flat)
    }

    /// All entries in one piece, as they are laid out here.
    #[must_use]
    pub fn flat(&self) -> &[u8] {
        &self.flat
    }

    /// Headers from [`Headers::flat`] of others, of which there were `count`.
    #[must_use]
    pub fn from_flat(flat: &[u8], count: usize) -> Self {
        Self {
            flat: flat.to_vec(),
            count,
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (name, String::from_utf8_lossy(value))),
            )
            .finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(entries: I) -> Self {
        let mut headers = Self::new();
        for (name, value) in entries {
            headers.push(name, value);
        }
        headers
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = HeaderIter<'a>;

    fn into_iter(self) -> HeaderIter<'a> {
        self.iter()
    }
}

/// Names and values of [`Headers`], in order.
#[derive(Clone, Debug)]
pub struct HeaderIter<'a> {
    rest: &'a [u8],
}

impl<'a> HeaderIter<'a> {
    /// Over [`Headers::flat`].
    #[must_use]
    pub const fn over(flat: &'a [u8]) -> Self {
        Self { rest: flat }
    }
}

impl<'a> HeaderIter<'a> {
    /// The value of the last header of this name.
    #[must_use]
    pub fn last_of(mut self, name: &str) -> Option<&'a [u8]> {
        let mut found = None;
        // Names are compared as bytes: to compare is as good as to check them.
        while let Some((known, value)) = self.next_entry() {
            if known == name.as_bytes() {
                found = Some(value);
            }
        }
        found
    }

    fn next_entry(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let (lengths, rest) = self.rest.split_at_checked(LENGTHS)?;
        let name_length = u16::from_le_bytes([lengths[0], lengths[1]]);
        let value_length = u32::from_le_bytes([lengths[2], lengths[3], lengths[4], lengths[5]]);
        let (name, rest) = rest.split_at_checked(usize::from(name_length))?;
        let (value, rest) = rest.split_at_checked(value_length as usize)?;
        self.rest = rest;
        Some((name, value))
    }
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.next_entry()?;
        Some((std::str::from_utf8(name).ok()?, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_in_order_and_the_last_of_a_name_counts() {
        let mut headers = Headers::new();
        headers.push("ce_id", b"1");
        headers.push("leer", b"");
        headers.push("ce_id", b"2\xff");
        headers.push("größe", b"3");
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(
            all,
            [
                ("ce_id", &b"1"[..]),
                ("leer", b""),
                ("ce_id", b"2\xff"),
                ("größe", b"3"),
            ]
        );
        assert_eq!(headers.len(), 4);
        assert_eq!(headers.get("ce_id"), Some(&b"2\xff"[..]));
        assert_eq!(headers.text("ce_id"), None);
        assert_eq!(headers.text("größe"), Some("3"));
        assert_eq!(headers.get("none"), None);
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_at_a_character() {
        let mut headers = Headers::new();
        headers.push(&"ü".repeat(40_000), b"v");
        headers.push("next", b"w");
        let names: Vec<usize> = headers.iter().map(|(name, _)| name.len()).collect();
        assert_eq!(names, [65_534, 4]);
    }
}

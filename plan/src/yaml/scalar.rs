//! Scalars as YAML 1.2's core schema reads them.

use super::{Node, Value};
use crate::units::{self, Rate};
use serde_json::Number;

impl Node {
    /// `null`, `~` or nothing at all, without quotes.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar that is not null, as written.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    #[must_use]
    pub fn flag(&self) -> Option<bool> {
        match self.plain()? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        let text = self.plain()?;
        text.strip_prefix('+').unwrap_or(text).parse().ok()
    }

    /// A finite number.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        let text = self.plain()?;
        let numeric =
            text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
        if !numeric
            || text
                .chars()
                .any(|c| c.is_alphabetic() && !matches!(c, 'e' | 'E'))
        {
            return None;
        }
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// A whole number that counts something.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        self.integer()
            .and_then(|integer| u32::try_from(integer).ok())
    }

    /// Nanoseconds, when it is a duration.
    #[must_use]
    pub fn duration(&self) -> Option<u64> {
        units::parse_duration(self.text()?).ok()
    }

    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        units::parse_rate(self.text()?).ok()
    }

    /// Bytes, when it is a size.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        units::parse_size(self.text()?).ok()
    }

    /// Bytes a second, when it is a bandwidth.
    #[must_use]
    pub fn bandwidth(&self) -> Option<u64> {
        units::parse_bandwidth(self.text()?).ok()
    }

    /// 0 to 1, when it is a share.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        units::parse_share(self.text()?).ok()
    }

    /// As JSON, for bodies.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Scalar { text, .. } => self.scalar_json(text),
        }
    }

    fn scalar_json(&self, text: &str) -> serde_json::Value {
        if self.is_null() {
            return serde_json::Value::Null;
        }
        if let Some(flag) = self.flag() {
            return flag.into();
        }
        if let Some(integer) = self.integer() {
            return integer.into();
        }
        match self.number().and_then(Number::from_f64) {
            Some(number) => serde_json::Value::Number(number),
            None => text.into(),
        }
    }

    fn plain(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain: true } => Some(text),
            _ => None,
        }
    }
}

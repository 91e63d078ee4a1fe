//! What has met a fault of the network.

use std::fmt;
use std::ops::AddAssign;

/// Counts of what a treatment held up, changed or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Touched {
    /// Between brokers.
    pub messages: u64,
    /// Between services and brokers.
    pub bytes: u64,
    /// Requests and answers of Kafka's protocol.
    pub frames: u64,
    /// Reset, closed or refused.
    pub connections: u64,
}

impl Touched {
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Touched {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.frames += other.frames;
        self.connections += other.connections;
    }
}

impl fmt::Display for Touched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.messages, "message"),
            (self.bytes, "byte"),
            (self.frames, "frame"),
            (self.connections, "connection"),
        ];
        let mut first = true;
        for (count, noun) in counts.into_iter().filter(|(count, _)| *count > 0) {
            let comma = if std::mem::take(&mut first) { "" } else { ", " };
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{comma}{count} {noun}{plural}")?;
        }
        if first {
            f.write_str("nothing")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_touched_is_told() {
        let mut touched = Touched::default();
        assert_eq!(
            (touched.to_string(), touched.is_nothing()),
            ("nothing".to_owned(), true)
        );
        touched += Touched {
            messages: 1,
            connections: 2,
            ..Touched::default()
        };
        assert_eq!(touched.to_string(), "1 message, 2 connections");
        assert!(!touched.is_nothing());
    }
}

//! Events that ask for care, and what shows that the system had to do with them.

use serde::{Deserialize, Serialize};

/// What is odd about events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Odd {
    /// No consumer can read them: each belongs to the dead letters.
    Poison,
    /// Larger than the topic takes: each is rejected, and has no effect.
    Oversized,
    /// A key without a value: nothing comes of it.
    Tombstone,
    /// Each is sent twice, with one id: one effect.
    Duplicate,
}

/// What a bus said of the odd events that it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OddSent {
    pub accepted: u64,
    pub rejected: u64,
    /// Second copies that were acknowledged, too.
    pub copies: u64,
}

impl Odd {
    /// What shows that the fault bit; `None`: the bus did not do with the events what they are sent for.
    #[must_use]
    pub fn shown(self, sent: OddSent) -> Option<String> {
        let OddSent {
            accepted,
            rejected,
            copies,
        } = sent;
        match self {
            Self::Poison | Self::Tombstone => {
                (accepted > 0).then(|| format!("{accepted} events were acknowledged"))
            }
            Self::Oversized => (rejected > 0).then(|| format!("{rejected} events were refused")),
            Self::Duplicate => (copies > 0)
                .then(|| format!("{copies} of {accepted} events were acknowledged twice")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_shown_by_what_it_is_sent_for() {
        let taken = OddSent {
            accepted: 3,
            ..OddSent::default()
        };
        let refused = OddSent {
            rejected: 3,
            ..OddSent::default()
        };
        assert!(Odd::Poison.shown(taken).is_some() && Odd::Poison.shown(refused).is_none());
        assert!(Odd::Tombstone.shown(taken).is_some());
        assert!(Odd::Oversized.shown(taken).is_none() && Odd::Oversized.shown(refused).is_some());
        assert!(Odd::Duplicate.shown(taken).is_none());
        let copied = OddSent { copies: 2, ..taken };
        assert_eq!(
            Odd::Duplicate.shown(copied).unwrap(),
            "2 of 3 events were acknowledged twice"
        );
    }
}

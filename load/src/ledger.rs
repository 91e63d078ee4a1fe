//! Which events are offered and still without an outcome: one bit an event, over the window that is open.

use std::collections::VecDeque;

/// Sequence numbers that are open. They are opened in order, and closed in any order.
#[derive(Default, Debug)]
pub struct Ledger {
    /// Sequence number of the first bit of the first word.
    base: u64,
    words: VecDeque<u64>,
    open: u64,
}

impl Ledger {
    /// Opens a sequence number; false when it is open already or was opened and closed long ago.
    pub fn open(&mut self, sequence: u64) -> bool {
        if self.words.is_empty() && sequence >= self.base {
            self.base = sequence & !63;
        }
        let Some(at) = sequence.checked_sub(self.base) else {
            return false;
        };
        let Ok(word) = usize::try_from(at / 64) else {
            return false;
        };
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let bit = 1 << (at % 64);
        let fresh = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.open += u64::from(fresh);
        fresh
    }

    /// Closes a sequence number; false when it is not open.
    pub fn close(&mut self, sequence: u64) -> bool {
        let Some(at) = sequence.checked_sub(self.base) else {
            return false;
        };
        let word = usize::try_from(at / 64).ok();
        let Some(word) = word.and_then(|word| self.words.get_mut(word)) else {
            return false;
        };
        let bit = 1 << (at % 64);
        if *word & bit == 0 {
            return false;
        }
        *word &= !bit;
        self.open -= 1;
        // The last word stays: its higher bits may still be opened.
        while self.words.len() > 1 && self.words.front() == Some(&0) {
            self.words.pop_front();
            self.base += 64;
        }
        true
    }

    /// How many are open.
    #[cfg(test)]
    const fn open_count(&self) -> u64 {
        self.open
    }

    /// All that are open, in order.
    #[must_use]
    pub fn open_sequences(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for (index, word) in self.words.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                all.push(self.base + 64 * index as u64 + u64::from(rest.trailing_zeros()));
                rest &= rest - 1;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn agrees_with_a_set(first in 0_u64..1000, steps in prop::collection::vec((any::<bool>(), 0_u64..200), 0..600)) {
            let mut ledger = Ledger::default();
            let mut open = BTreeSet::new();
            let mut next = first;
            for (opens, back) in steps {
                if opens {
                    prop_assert!(ledger.open(next));
                    open.insert(next);
                    next += 1;
                } else {
                    let sequence = next.saturating_sub(back);
                    prop_assert_eq!(ledger.close(sequence), open.remove(&sequence));
                }
                prop_assert_eq!(ledger.open_count(), open.len() as u64);
            }
            prop_assert_eq!(ledger.open_sequences(), open.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_long_load_keeps_a_short_window() {
        let mut ledger = Ledger::default();
        for sequence in 0..1_000_000 {
            assert!(ledger.open(sequence));
            if sequence >= 100 {
                assert!(ledger.close(sequence - 100));
            }
        }
        assert!(ledger.words.len() < 5);
    }
}

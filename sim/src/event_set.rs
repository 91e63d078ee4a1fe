//! Events, a bit each: their numbers are dense within a stream.

use squall_check::EventId;
use std::collections::BTreeSet;

/// Numbers from here on are not dense: an id that was garbled must not cost memory.
const DENSE: u64 = 1 << 24;
const STREAMS: usize = 1 << 8;

/// A set of events.
#[derive(Default)]
pub struct EventSet {
    streams: Vec<Vec<u64>>,
    odd: BTreeSet<EventId>,
    len: usize,
}

impl EventSet {
    pub const fn len(&self) -> usize {
        self.len
    }

    pub fn contains(&self, event: EventId) -> bool {
        match place(event) {
            None => self.odd.contains(&event),
            Some((stream, word, bit)) => {
                let words = self.streams.get(stream);
                words
                    .and_then(|words| words.get(word))
                    .is_some_and(|bits| bits & bit != 0)
            }
        }
    }

    pub fn insert(&mut self, event: EventId) {
        let Some((stream, word, bit)) = place(event) else {
            self.len += usize::from(self.odd.insert(event));
            return;
        };
        if self.streams.len() <= stream {
            self.streams.resize_with(stream + 1, Vec::new);
        }
        let words = &mut self.streams[stream];
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        self.len += usize::from(words[word] & bit == 0);
        words[word] |= bit;
    }

    pub fn remove(&mut self, event: EventId) {
        let Some((stream, word, bit)) = place(event) else {
            self.len -= usize::from(self.odd.remove(&event));
            return;
        };
        let words = self.streams.get_mut(stream);
        if let Some(bits) = words.and_then(|words| words.get_mut(word)) {
            self.len -= usize::from(*bits & bit != 0);
            *bits &= !bit;
        }
    }
}

/// Stream, word and bit; `None` for what is not dense.
fn place(event: EventId) -> Option<(usize, usize, u64)> {
    let (stream, sequence) = (usize::from(event.stream()), event.sequence());
    let dense = stream < STREAMS && sequence < DENSE;
    // Both are small then.
    dense.then_some((stream, (sequence / 64) as usize, 1 << (sequence % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((0..3_u16, 0..200_u64, any::<bool>(), 0..4_u8), 0..200)) {
            let mut set = EventSet::default();
            let mut oracle = BTreeSet::new();
            for (stream, sequence, adds, odd) in steps {
                let (stream, sequence) = match odd {
                    0 => (stream, DENSE - 1 + sequence),
                    1 => (stream + 255, sequence),
                    _ => (stream, sequence),
                };
                let event = EventId::new(stream, sequence);
                if adds {
                    set.insert(event);
                    oracle.insert(event);
                } else {
                    set.remove(event);
                    oracle.remove(&event);
                }
                prop_assert_eq!(set.contains(event), oracle.contains(&event));
                prop_assert_eq!(set.len(), oracle.len());
            }
        }
    }
}

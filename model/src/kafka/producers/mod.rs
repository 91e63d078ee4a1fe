//! Idempotent producers of a partition: the last five batches of each (KIP-98, KAFKA-5494).

#[cfg(test)]
mod tests;

use super::batch::{Entry, Stamp};
use super::error::ErrorCode;
use super::ids::Offset;
use std::collections::{BTreeMap, VecDeque};

/// Batches that are remembered of each producer, which is also how many a client may have in flight.
const WINDOW: usize = 5;

#[derive(Clone, Copy, Debug)]
struct Seen {
    first: i32,
    last: i32,
    base_offset: Offset,
}

#[derive(Clone, Debug)]
struct Producer {
    epoch: i16,
    batches: VecDeque<Seen>,
}

/// What to do with a stamped batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    Append,
    /// It is here already, at this offset.
    Duplicate(Offset),
    Refuse(ErrorCode),
}

/// State by producer id, derived from the log.
#[derive(Clone, Debug, Default)]
pub struct Producers {
    by_id: BTreeMap<i64, Producer>,
}

/// The sequence `steps` after `sequence`, wrapping from `i32::MAX` to 0.
fn advance(sequence: i32, steps: u32) -> i32 {
    ((i64::from(sequence) + i64::from(steps)) % (i64::from(i32::MAX) + 1)) as i32
}

impl Producers {
    /// Whether a batch of `records` may be appended.
    #[must_use]
    pub fn admit(&self, stamp: Stamp, records: u32) -> Admission {
        let Some(producer) = self.by_id.get(&stamp.producer_id) else {
            // An unknown producer may begin anywhere: its state may have expired.
            return Admission::Append;
        };
        if stamp.producer_epoch < producer.epoch {
            return Admission::Refuse(ErrorCode::InvalidProducerEpoch);
        }
        if stamp.producer_epoch > producer.epoch {
            let begins = stamp.base_sequence == 0;
            return if begins {
                Admission::Append
            } else {
                Admission::Refuse(ErrorCode::OutOfOrderSequenceNumber)
            };
        }
        let last = advance(stamp.base_sequence, records.saturating_sub(1));
        let same = producer
            .batches
            .iter()
            .find(|seen| seen.first == stamp.base_sequence && seen.last == last);
        if let Some(seen) = same {
            return Admission::Duplicate(seen.base_offset);
        }
        match producer.batches.back() {
            Some(seen) if stamp.base_sequence == advance(seen.last, 1) => Admission::Append,
            Some(_) => Admission::Refuse(ErrorCode::OutOfOrderSequenceNumber),
            None => Admission::Append,
        }
    }

    /// Takes an appended entry in.
    pub fn note<B>(&mut self, entry: &Entry<B>) {
        let header = &entry.batch.header;
        let Some(stamp) = header.stamp else { return };
        let fresh = || Producer {
            epoch: stamp.producer_epoch,
            batches: VecDeque::new(),
        };
        let producer = self.by_id.entry(stamp.producer_id).or_insert_with(fresh);
        if producer.epoch != stamp.producer_epoch {
            *producer = fresh();
        }
        let last = advance(stamp.base_sequence, header.records.saturating_sub(1));
        producer.batches.push_back(Seen {
            first: stamp.base_sequence,
            last,
            base_offset: entry.base_offset,
        });
        if producer.batches.len() > WINDOW {
            producer.batches.pop_front();
        }
    }

    pub fn forget(&mut self) {
        self.by_id.clear();
    }
}

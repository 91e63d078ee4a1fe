//! A run of batches, packed: a log of many small batches lives in memory for as long as a run does.

use crate::kafka::batch::{Batch, BatchHeader, BatchKind, Entry, Stamp, Stored};
use crate::kafka::ids::{Epoch, Offset};

/// Batches of one chunk at most.
const BATCHES: usize = 256;

const CONTROL: u8 = 1;
const TRANSACTIONAL: u8 = 2;
const NOBODY: u16 = u16::MAX;

/// One batch: 40 bytes with a body of 16.
#[derive(Clone, Debug)]
struct Slot<B> {
    /// First offset, from the chunk's.
    at: u32,
    records: u32,
    bytes: u32,
    base_sequence: i32,
    /// From the chunk's.
    timestamp_ms: i32,
    /// Of the chunk's producers.
    producer: u16,
    flags: u8,
    body: Stored<B>,
}

#[derive(Clone, Debug)]
pub struct Chunk<B> {
    base: Offset,
    timestamp_ms: i64,
    max_timestamp_ms: i64,
    producers: Vec<(i64, i16)>,
    slots: Vec<Slot<B>>,
}

impl<B: Clone> Chunk<B> {
    /// An empty one, made for a batch.
    pub fn new(base: Offset, header: &BatchHeader) -> Self {
        Self {
            base,
            timestamp_ms: header.max_timestamp_ms,
            max_timestamp_ms: i64::MIN,
            producers: Vec::new(),
            slots: Vec::new(),
        }
    }

    pub const fn base(&self) -> Offset {
        self.base
    }

    pub const fn max_timestamp_ms(&self) -> i64 {
        self.max_timestamp_ms
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The offset after the last record.
    pub fn end(&self) -> Offset {
        self.slots
            .last()
            .map_or(self.base, |slot| self.end_of(slot))
    }

    fn end_of(&self, slot: &Slot<B>) -> Offset {
        self.base + Offset::from(slot.at) + Offset::from(slot.records)
    }

    /// The first batch that ends after `offset`.
    pub fn position(&self, offset: Offset) -> usize {
        self.slots
            .partition_point(|slot| self.end_of(slot) <= offset)
    }

    /// Gives the batch back when it does not fit here.
    pub fn push(&mut self, base: Offset, batch: Batch<Stored<B>>) -> Result<(), Batch<Stored<B>>> {
        let header = batch.header;
        let at = u32::try_from(base - self.base);
        let timestamp_ms = header
            .max_timestamp_ms
            .checked_sub(self.timestamp_ms)
            .map(i32::try_from);
        let (Ok(at), Some(Ok(timestamp_ms))) = (at, timestamp_ms) else {
            return Err(batch);
        };
        if self.slots.len() >= BATCHES {
            return Err(batch);
        }
        let control = if header.kind == BatchKind::Control {
            CONTROL
        } else {
            0
        };
        let transactional = if header.transactional {
            TRANSACTIONAL
        } else {
            0
        };
        self.max_timestamp_ms = self.max_timestamp_ms.max(header.max_timestamp_ms);
        let producer = self.producer(header.stamp);
        self.slots.push(Slot {
            at,
            records: header.records,
            bytes: header.bytes,
            base_sequence: header.stamp.map_or(-1, |stamp| stamp.base_sequence),
            timestamp_ms,
            producer,
            flags: control | transactional,
            body: batch.body,
        });
        Ok(())
    }

    fn producer(&mut self, stamp: Option<Stamp>) -> u16 {
        let Some(stamp) = stamp else {
            return NOBODY;
        };
        let wanted = (stamp.producer_id, stamp.producer_epoch);
        let known = self.producers.iter().position(|known| *known == wanted);
        // A chunk has fewer batches than a `u16` has values.
        let index = known.unwrap_or_else(|| {
            self.producers.push(wanted);
            self.producers.len() - 1
        });
        u16::try_from(index).unwrap_or(NOBODY)
    }

    /// Nothing will be added any more.
    pub fn close(&mut self) {
        self.slots.shrink_to_fit();
        self.producers.shrink_to_fit();
    }

    /// Removes the batches that end after `offset`.
    pub fn truncate(&mut self, offset: Offset) {
        let keep = self.position(offset);
        self.slots.truncate(keep);
        let stamps = self.slots.iter().map(|slot| slot.timestamp_ms).max();
        self.max_timestamp_ms =
            stamps.map_or(i64::MIN, |latest| self.timestamp_ms + i64::from(latest));
    }

    /// First offset, records and bytes of a batch.
    pub fn extent(&self, index: usize) -> Option<(Offset, u32, u32)> {
        let slot = self.slots.get(index)?;
        Some((self.base + Offset::from(slot.at), slot.records, slot.bytes))
    }

    pub fn entry(
        &self,
        index: usize,
        epoch_at: impl Fn(Offset) -> Epoch,
    ) -> Option<Entry<Stored<B>>> {
        let slot = self.slots.get(index)?;
        let base_offset = self.base + Offset::from(slot.at);
        let producer = self.producers.get(usize::from(slot.producer));
        let stamp = producer.map(|(producer_id, producer_epoch)| Stamp {
            producer_id: *producer_id,
            producer_epoch: *producer_epoch,
            base_sequence: slot.base_sequence,
        });
        let header = BatchHeader {
            records: slot.records,
            bytes: slot.bytes,
            stamp,
            max_timestamp_ms: self.timestamp_ms + i64::from(slot.timestamp_ms),
            kind: if slot.flags & CONTROL == 0 {
                BatchKind::Data
            } else {
                BatchKind::Control
            },
            transactional: slot.flags & TRANSACTIONAL != 0,
        };
        Some(Entry {
            base_offset,
            leader_epoch: epoch_at(base_offset),
            batch: Batch {
                header,
                body: slot.body.clone(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Slot;
    use std::rc::Rc;

    #[test]
    fn a_batch_takes_40_bytes_with_a_servers_handle() {
        struct Body {
            _segment: Rc<()>,
            _at: u32,
            _length: u32,
        }
        assert_eq!(size_of::<Slot<Body>>(), 40);
    }
}

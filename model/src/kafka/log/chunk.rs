//! A run of batches. Only the last few of a log are open; the others are on the driver's shelf, so that a log takes next to
//! no memory however long a run is.

use super::slot::{Slot, pack, unpack};
use crate::kafka::batch::{Batch, BatchHeader, BatchKind, Body, Entry, Stamp, Stored};
use crate::kafka::ids::{Epoch, Offset};
use std::borrow::Cow;

/// Batches of one chunk at most; few in tests, so that they meet every joint.
const BATCHES: usize = if cfg!(test) { 4 } else { 256 };

const CONTROL: u8 = 1;
const TRANSACTIONAL: u8 = 2;
const NOBODY: u16 = u16::MAX;

#[derive(Clone, Debug)]
pub struct Chunk<B: Body> {
    base: Offset,
    timestamp_ms: i64,
    max_timestamp_ms: i64,
    producers: Vec<(i64, i16)>,
    /// Empty while they are on the shelf.
    open: Vec<Slot<B>>,
    /// With the offset after the last record.
    shelf: Option<(Offset, B::Shelf)>,
}

impl<B: Body> Chunk<B> {
    /// An empty one, made for a batch.
    pub fn new(base: Offset, header: &BatchHeader) -> Self {
        Self {
            base,
            timestamp_ms: header.max_timestamp_ms,
            max_timestamp_ms: i64::MIN,
            producers: Vec::new(),
            open: Vec::new(),
            shelf: None,
        }
    }

    pub const fn base(&self) -> Offset {
        self.base
    }

    pub const fn max_timestamp_ms(&self) -> i64 {
        self.max_timestamp_ms
    }

    /// The batches, from the shelf if they are there.
    pub fn slots(&self) -> Cow<'_, [Slot<B>]> {
        match &self.shelf {
            None => Cow::Borrowed(&self.open),
            Some((_, shelf)) => {
                let (rows, bodies) = B::unshelve(shelf);
                Cow::Owned(unpack(&rows, bodies))
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.shelf.is_none()
    }

    /// The offset after the last record.
    pub fn end(&self) -> Offset {
        match (&self.shelf, self.open.last()) {
            (Some((end, _)), _) => *end,
            (None, last) => last.map_or(self.base, |slot| self.end_of(slot)),
        }
    }

    fn end_of(&self, slot: &Slot<B>) -> Offset {
        self.base + Offset::from(slot.at) + Offset::from(slot.records)
    }

    /// The first of the chunk's batches that ends after `offset`.
    pub fn position(&self, slots: &[Slot<B>], offset: Offset) -> usize {
        slots.partition_point(|slot| self.end_of(slot) <= offset)
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
        if self.open().len() >= BATCHES {
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
        self.open().push(Slot {
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

    /// The batches, taken off the shelf for good if they are there.
    fn open(&mut self) -> &mut Vec<Slot<B>> {
        if let Some((_, shelf)) = self.shelf.take() {
            let (rows, bodies) = B::unshelve(&shelf);
            self.open = unpack(&rows, bodies);
        }
        &mut self.open
    }

    /// Nothing will be added any more.
    pub fn close(&mut self) {
        self.producers.shrink_to_fit();
    }

    /// Puts the batches on the shelf, where the driver has one.
    pub fn shelve(&mut self) {
        let end = self.end();
        let packed = pack(&self.open).filter(|(_, bodies)| !bodies.is_empty());
        let shelf = packed.and_then(|(rows, bodies)| B::shelve(&rows, &bodies));
        if let Some(shelf) = shelf {
            self.shelf = Some((end, shelf));
            self.open = Vec::new();
        }
    }

    /// Removes the batches that end after `offset`.
    pub fn truncate(&mut self, offset: Offset) {
        let keep = self.position(&self.slots(), offset);
        let slots = self.open();
        slots.truncate(keep);
        let latest = slots.iter().map(|slot| slot.timestamp_ms).max();
        self.max_timestamp_ms =
            latest.map_or(i64::MIN, |latest| self.timestamp_ms + i64::from(latest));
    }

    /// First offset, records and bytes of a batch.
    pub fn extent(&self, slot: &Slot<B>) -> (Offset, u32, u32) {
        (self.base + Offset::from(slot.at), slot.records, slot.bytes)
    }

    pub fn entry(&self, slot: &Slot<B>, epoch_at: impl Fn(Offset) -> Epoch) -> Entry<Stored<B>> {
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
        Entry {
            base_offset,
            leader_epoch: epoch_at(base_offset),
            batch: Batch {
                header,
                body: slot.body.clone(),
            },
        }
    }
}

//! The log of one replica: batches in offset order, the epochs in which they were written, and what is flushed.

mod chunk;
mod epochs;
mod rows;
mod slot;
#[cfg(test)]
mod tests;

use super::batch::{Body, Entry, Stored};
use super::ids::{Epoch, Offset};
use chunk::Chunk;
use epochs::Epochs;
use slot::Slot;
use std::borrow::Cow;
use std::collections::VecDeque;

/// Chunks at the end that stay open: those that followers and consumers at the tail read.
const OPEN_CHUNKS: usize = 3;

/// A replica's log. Only its tail ever changes, and nothing in it moves when it grows.
#[derive(Clone, Debug)]
pub struct Log<B: Body> {
    chunks: VecDeque<Chunk<B>>,
    end: Offset,
    epochs: Epochs,
    /// What power loss keeps.
    flushed: Offset,
}

impl<B: Body> Default for Log<B> {
    fn default() -> Self {
        Self {
            chunks: VecDeque::new(),
            end: 0,
            epochs: Epochs::default(),
            flushed: 0,
        }
    }
}

impl<B: Body> Log<B> {
    #[must_use]
    pub const fn end(&self) -> Offset {
        self.end
    }

    #[must_use]
    pub fn start(&self) -> Offset {
        self.chunks.front().map_or(self.end, Chunk::base)
    }

    /// The latest epoch that is known to have begun here, also without entries; -1 before the first.
    #[must_use]
    pub fn last_epoch(&self) -> Epoch {
        self.epochs.last()
    }

    /// Every entry.
    #[must_use]
    pub fn entries(&self) -> Entries<'_, B> {
        Entries::at(self, 0, |_, _| 0)
    }

    /// Every entry from the one that holds `offset`.
    #[must_use]
    pub fn entries_from(&self, offset: Offset) -> Entries<'_, B> {
        let chunk = self.chunks.partition_point(|chunk| chunk.end() <= offset);
        Entries::at(self, chunk, |chunk, slots| chunk.position(slots, offset))
    }

    /// Appends an entry that begins at the log's end.
    pub fn append(&mut self, entry: Entry<Stored<B>>) {
        debug_assert_eq!(entry.base_offset, self.end, "a log has no gaps");
        self.epochs.begin(entry.leader_epoch, entry.base_offset);
        let (base, end) = (entry.base_offset, entry.end_offset());
        let batch = match self.chunks.back_mut() {
            Some(last) => last.push(base, entry.batch),
            None => Err(entry.batch),
        };
        if let Err(batch) = batch {
            if let Some(last) = self.chunks.back_mut() {
                last.close();
            }
            let mut chunk = Chunk::new(base, &batch.header);
            let fits = chunk.push(base, batch).is_ok();
            debug_assert!(fits, "a chunk takes the batch that it is made for");
            self.chunks.push_back(chunk);
            let old = self.chunks.len().checked_sub(OPEN_CHUNKS + 1);
            if let Some(old) = old.and_then(|index| self.chunks.get_mut(index)) {
                old.shelve();
            }
        }
        self.end = end;
    }

    /// Notes that an epoch begins at `start`; a leader does so before it appends.
    pub fn begin_epoch(&mut self, epoch: Epoch, start: Offset) {
        self.epochs.begin(epoch, start);
    }

    /// Removes everything from `offset` on; a batch that straddles it goes as a whole. Returns the new end.
    pub fn truncate(&mut self, offset: Offset) -> Offset {
        while let Some(last) = self.chunks.back_mut() {
            if last.end() <= offset {
                break;
            }
            last.truncate(offset);
            self.end = last.end();
            if !last.is_empty() {
                break;
            }
            self.chunks.pop_back();
        }
        self.epochs.truncate(self.end);
        self.flushed = self.flushed.min(self.end);
        self.end
    }

    /// The leader epoch in which the entry at `offset` was, or will be, written.
    #[must_use]
    pub fn epoch_at(&self, offset: Offset) -> Epoch {
        self.epochs.at(offset)
    }

    /// The largest epoch up to `epoch` and the offset at which it ends; (-1, -1) when the log knows no such epoch.
    #[must_use]
    pub fn end_of_epoch(&self, epoch: Epoch) -> (Epoch, Offset) {
        self.epochs.end_of(epoch, self.end)
    }

    /// Whole entries from the one that holds `from` up to (not beyond) `limit`, at least one and then at most `max_bytes`.
    pub fn read(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: i64,
    ) -> impl Iterator<Item = Entry<Stored<B>>> + '_ {
        let mut entries = self.entries_from(from);
        let mut bytes = 0;
        std::iter::from_fn(move || {
            let (base, records, size) = entries.extent()?;
            let first = bytes == 0;
            bytes += i64::from(size);
            let fits = base + Offset::from(records) <= limit && (first || bytes <= max_bytes);
            if fits { entries.next() } else { None }
        })
        .fuse()
    }

    /// The first entry whose timestamp is at least `at`, and that ends up to `limit`.
    #[must_use]
    pub fn first_since(&self, at: i64, limit: Offset) -> Option<Entry<Stored<B>>> {
        let older = |chunk: &&Chunk<B>| chunk.max_timestamp_ms() < at;
        let skipped = self.chunks.iter().take_while(older).count();
        let entries = Entries::at(self, skipped, |_, _| 0);
        let mut visible = entries.take_while(|entry| entry.end_offset() <= limit);
        visible.find(|entry| entry.batch.header.max_timestamp_ms >= at)
    }

    /// The first of the entries with the latest timestamp that end up to `limit`.
    #[must_use]
    pub fn latest(&self, limit: Offset) -> Option<Entry<Stored<B>>> {
        let chunks = self.chunks.iter().enumerate();
        let visible = chunks.take_while(|(_, chunk)| chunk.base() < limit);
        let whole = visible
            .clone()
            .take_while(|(_, chunk)| chunk.end() <= limit);
        let best = whole.map(|(_, chunk)| chunk.max_timestamp_ms()).max();
        // The last visible chunk may go beyond the limit, so its entries are looked at one by one.
        let tail = visible.last().map_or(0, |(index, _)| index);
        let tail = Entries::at(self, tail, |_, _| 0);
        let tail = tail.take_while(|entry| entry.end_offset() <= limit);
        let tail = tail.map(|entry| entry.batch.header.max_timestamp_ms).max();
        self.first_since(best.max(tail)?, limit)
    }

    /// Everything up to `offset` is on the disk.
    pub fn flushed_to(&mut self, offset: Offset) {
        self.flushed = self.flushed.max(offset.min(self.end));
    }

    #[must_use]
    pub const fn flushed(&self) -> Offset {
        self.flushed
    }

    /// What power loss does.
    pub fn lose_unflushed(&mut self) {
        self.truncate(self.flushed);
    }

    /// Whether offsets have no gaps, epochs only grow, and what is flushed is there. Looks at the tail, as it is called after each step.
    ///
    /// # Errors
    /// What is broken.
    pub fn check(&self) -> Result<(), String> {
        let (end, flushed) = (self.end, self.flushed);
        if flushed > end {
            return Err(format!("flushed to {flushed}, beyond the end {end}"));
        }
        let last = self.chunks.back().map_or(end, Chunk::end);
        if last != end {
            return Err(format!("the last entry ends at {last}, the log at {end}"));
        }
        let before = self.chunks.len().checked_sub(2);
        let joint = before.and_then(|index| self.chunks.get(index));
        if joint
            .zip(self.chunks.back())
            .is_some_and(|(a, b)| a.end() != b.base())
        {
            return Err("the last chunk does not begin where the one before ends".to_owned());
        }
        self.epochs.check()
    }
}

/// Entries of a log in order.
#[derive(Clone, Debug)]
pub struct Entries<'a, B: Body> {
    log: &'a Log<B>,
    chunk: usize,
    /// Of that chunk, taken off the shelf once.
    slots: Cow<'a, [Slot<B>]>,
    slot: usize,
}

impl<'a, B: Body> Entries<'a, B> {
    /// From a place within a chunk on.
    fn at(
        log: &'a Log<B>,
        chunk: usize,
        place: impl FnOnce(&Chunk<B>, &[Slot<B>]) -> usize,
    ) -> Self {
        let found = log.chunks.get(chunk);
        let slots = found.map_or(Cow::Borrowed(&[][..]), Chunk::slots);
        Self {
            slot: found.map_or(0, |found| place(found, &slots)),
            slots,
            chunk,
            log,
        }
    }

    /// First offset, records and bytes of the next entry.
    fn extent(&mut self) -> Option<(Offset, u32, u32)> {
        while self.slot >= self.slots.len() {
            let next = self.log.chunks.get(self.chunk + 1)?;
            (self.chunk, self.slots, self.slot) = (self.chunk + 1, next.slots(), 0);
        }
        let chunk = self.log.chunks.get(self.chunk)?;
        Some(chunk.extent(self.slots.get(self.slot)?))
    }
}

impl<B: Body> Iterator for Entries<'_, B> {
    type Item = Entry<Stored<B>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.extent()?;
        let epochs = &self.log.epochs;
        let chunk = self.log.chunks.get(self.chunk)?;
        let slot = self.slots.get(self.slot)?;
        let entry = chunk.entry(slot, |offset| epochs.at(offset));
        self.slot += 1;
        Some(entry)
    }
}

//! The log of one replica: batches in offset order, the epochs in which they were written, and what is flushed.

use super::batch::{Entry, Stored};
use super::ids::{Epoch, Offset};
use std::collections::VecDeque;

/// A replica's log. Only its tail ever changes.
#[derive(Clone, Debug)]
pub struct Log<B> {
    entries: VecDeque<Entry<Stored<B>>>,
    end: Offset,
    /// Each leader epoch that has entries (or began here), with its first offset; KIP-101's leader epoch cache.
    epochs: Vec<(Epoch, Offset)>,
    /// What power loss keeps.
    flushed: Offset,
}

impl<B> Default for Log<B> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            end: 0,
            epochs: Vec::new(),
            flushed: 0,
        }
    }
}

impl<B: Clone> Log<B> {
    #[must_use]
    pub const fn end(&self) -> Offset {
        self.end
    }

    #[must_use]
    pub fn start(&self) -> Offset {
        self.entries
            .front()
            .map_or(self.end, |entry| entry.base_offset)
    }

    /// The latest epoch that is known to have begun here, also without entries; -1 before the first.
    #[must_use]
    pub fn last_epoch(&self) -> Epoch {
        self.epochs.last().map_or(-1, |(epoch, _)| *epoch)
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry<Stored<B>>> {
        self.entries.iter()
    }

    /// Appends an entry that begins at the log's end.
    pub fn append(&mut self, entry: Entry<Stored<B>>) {
        debug_assert_eq!(entry.base_offset, self.end, "a log has no gaps");
        self.begin_epoch(entry.leader_epoch, entry.base_offset);
        self.end = entry.end_offset();
        self.entries.push_back(entry);
    }

    /// Notes that an epoch begins at `start`; a leader does so before it appends. What was noted of epochs that began there or later,
    /// and then had no entries, is void.
    pub fn begin_epoch(&mut self, epoch: Epoch, start: Offset) {
        if self.last_epoch() == epoch {
            return;
        }
        self.epochs
            .retain(|(older, at)| *older < epoch && *at < start);
        self.epochs.push((epoch, start));
    }

    /// Removes everything from `offset` on; a batch that straddles it goes as a whole. Returns the new end.
    pub fn truncate(&mut self, offset: Offset) -> Offset {
        while self
            .entries
            .back()
            .is_some_and(|entry| entry.end_offset() > offset)
        {
            if let Some(gone) = self.entries.pop_back() {
                self.end = gone.base_offset;
            }
        }
        self.end = self.end.min(offset.max(self.start()));
        self.epochs.retain(|(_, start)| *start < self.end);
        self.flushed = self.flushed.min(self.end);
        self.end
    }

    /// The largest epoch up to `epoch` and the offset at which it ends; (-1, -1) when the log knows no such epoch.
    #[must_use]
    pub fn end_of_epoch(&self, epoch: Epoch) -> (Epoch, Offset) {
        let after = self.epochs.partition_point(|(known, _)| *known <= epoch);
        match after.checked_sub(1) {
            None => (-1, -1),
            Some(index) => (
                self.epochs[index].0,
                self.epochs.get(after).map_or(self.end, |(_, start)| *start),
            ),
        }
    }

    /// Whole entries from the one that holds `from` up to (not beyond) `limit`, at least one and then at most `max_bytes`.
    pub fn read(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: i64,
    ) -> impl Iterator<Item = &Entry<Stored<B>>> {
        let first = self
            .entries
            .partition_point(|entry| entry.end_offset() <= from);
        let mut bytes = 0;
        self.entries.range(first..).take_while(move |entry| {
            let fits = entry.end_offset() <= limit
                && (bytes == 0 || bytes + i64::from(entry.batch.header.bytes) <= max_bytes);
            bytes += i64::from(entry.batch.header.bytes);
            fits
        })
    }

    /// The entry that holds `offset`.
    #[must_use]
    pub fn entry_at(&self, offset: Offset) -> Option<&Entry<Stored<B>>> {
        let index = self
            .entries
            .partition_point(|entry| entry.end_offset() <= offset);
        self.entries
            .get(index)
            .filter(|entry| entry.base_offset <= offset)
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

    /// Whether offsets have no gaps, epochs only grow, and what is flushed is there.
    ///
    /// # Errors
    /// What is broken.
    pub fn check(&self) -> Result<(), String> {
        if self.flushed > self.end {
            return Err(format!(
                "flushed to {}, beyond the end {}",
                self.flushed, self.end
            ));
        }
        let grows = |pair: &[(Epoch, Offset)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        if !self.epochs.windows(2).all(grows) {
            return Err(format!("epochs do not grow: {:?}", self.epochs));
        }
        match self.entries.back() {
            Some(last) if last.end_offset() != self.end => Err(format!(
                "the last entry ends at {}, the log at {}",
                last.end_offset(),
                self.end
            )),
            _ => Ok(()),
        }
    }
}

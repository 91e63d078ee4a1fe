//! Where leader epochs begin in a log: what tells two logs apart (KIP-101, KIP-279).

use crate::kafka::ids::{Epoch, Offset};

/// Each epoch that began here, with its first offset. Both grow; the last one may have no entries yet.
#[derive(Clone, Debug, Default)]
pub struct Epochs {
    starts: Vec<(Epoch, Offset)>,
}

impl Epochs {
    /// The latest one, also without entries; -1 before the first.
    pub fn last(&self) -> Epoch {
        self.starts.last().map_or(-1, |(epoch, _)| *epoch)
    }

    /// What was noted of epochs that began there or later, and then had no entries, is void.
    pub fn begin(&mut self, epoch: Epoch, start: Offset) {
        if self.last() == epoch {
            return;
        }
        self.starts
            .retain(|(older, at)| *older < epoch && *at < start);
        self.starts.push((epoch, start));
    }

    /// The log ends at `end` now.
    pub fn truncate(&mut self, end: Offset) {
        self.starts.retain(|(_, start)| *start < end);
    }

    /// The epoch in which the entry at `offset` was written.
    pub fn at(&self, offset: Offset) -> Epoch {
        let after = self.starts.partition_point(|(_, start)| *start <= offset);
        after
            .checked_sub(1)
            .map_or(-1, |index| self.starts[index].0)
    }

    /// The largest epoch up to `epoch` and the offset at which it ends; (-1, -1) when there is none.
    pub fn end_of(&self, epoch: Epoch, log_end: Offset) -> (Epoch, Offset) {
        let after = self.starts.partition_point(|(known, _)| *known <= epoch);
        match after.checked_sub(1) {
            None => (-1, -1),
            Some(index) => {
                let end = self.starts.get(after).map_or(log_end, |(_, start)| *start);
                (self.starts[index].0, end)
            }
        }
    }

    pub fn check(&self) -> Result<(), String> {
        let grows = |pair: &[(Epoch, Offset)]| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1;
        if self.starts.windows(2).all(grows) {
            Ok(())
        } else {
            Err(format!("epochs do not grow: {:?}", self.starts))
        }
    }
}

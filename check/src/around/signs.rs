//! The first of something since each fault, whatever the order in which it is told.

use crate::spec::FaultSpan;
use std::collections::BTreeSet;

/// Times, of which only the first since each injection is kept.
pub struct Signs {
    /// When faults began.
    cuts: Vec<u64>,
    /// The first before the first cut, and the first from each cut to the next.
    firsts: Vec<Option<u64>>,
}

impl Signs {
    pub fn new(faults: &[FaultSpan]) -> Self {
        let cuts: BTreeSet<u64> = faults.iter().map(|fault| fault.from_ns).collect();
        Self {
            firsts: vec![None; cuts.len() + 1],
            cuts: cuts.into_iter().collect(),
        }
    }

    pub fn saw(&mut self, at: u64) {
        let first = &mut self.firsts[self.cuts.partition_point(|&cut| cut <= at)];
        *first = Some(first.map_or(at, |known| known.min(at)));
    }

    /// The first one not before a time, which must be that of an injection.
    pub fn first_since(&self, from_ns: u64) -> Option<u64> {
        let from = self.cuts.partition_point(|&cut| cut <= from_ns);
        self.firsts[from..].iter().flatten().next().copied()
    }
}

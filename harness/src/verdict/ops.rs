//! Operations by the million, in runs of equal length.

use squall_check::Op;

/// 256 KiB of them.
const RUN: usize = 8_192;

/// Grows without moving what is there: to double a vector of tens of megabytes touches as much memory again, and fresh memory is what costs
/// most in a long seed.
#[derive(Default)]
pub struct Ops(Vec<Vec<Op>>);

impl Ops {
    pub fn push(&mut self, op: Op) {
        match self.0.last_mut().filter(|run| run.len() < RUN) {
            Some(run) => run.push(op),
            None => {
                // A small seed needs no whole run.
                let mut run = Vec::with_capacity(if self.0.is_empty() { 0 } else { RUN });
                run.push(op);
                self.0.push(run);
            }
        }
    }

    /// In the order in which they came.
    pub fn runs(&self) -> impl Iterator<Item = &[Op]> {
        self.0.iter().map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_check::{EventId, Kind};

    #[test]
    fn they_come_out_as_they_went_in() {
        let op = |at: usize| Op {
            at: at as u64,
            event: EventId(7),
            offset: -1,
            partition: -1,
            place: 0,
            kind: Kind::Offered,
        };
        for count in [0, 1, RUN - 1, RUN, RUN + 1, 3 * RUN + 5] {
            let mut ops = Ops::default();
            (0..count).for_each(|at| ops.push(op(at)));
            assert!(ops.runs().flatten().copied().eq((0..count).map(op)));
            assert!(ops.runs().all(|run| run.len() <= RUN));
        }
    }
}

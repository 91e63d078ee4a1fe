//! Cuts a failing sequence down to what it fails with.

use crate::step::Sequence;

/// Drops runs of steps, long ones first, for as long as `fails` says that what is left fails still. At most `tries` are made.
pub fn shrink<E>(
    sequence: &Sequence,
    tries: usize,
    mut fails: impl FnMut(&Sequence) -> Result<bool, E>,
) -> Result<Sequence, E> {
    let mut best = sequence.clone();
    let mut left = tries;
    let mut chunk = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut cut = false;
        while at < best.steps.len() && left > 0 {
            let mut shorter = best.clone();
            let end = (at + chunk).min(shorter.steps.len());
            shorter.steps.drain(at..end);
            left -= 1;
            if fails(&shorter)? {
                best = shorter;
                cut = true;
            } else {
                at += chunk;
            }
        }
        if left == 0 || (chunk == 1 && !cut) {
            return Ok(best);
        }
        chunk = (chunk / 2).max(1);
    }
}

//! `slicer`: what came at once leaves in pieces.

use super::channel::{Chunk, Item};
use super::{Port, Toxic};
use squall_plan::rng::Rng;

pub struct Slicer {
    average_bytes: usize,
    variation_bytes: usize,
    delay_ns: u64,
    hand: Option<Hand>,
    /// When the next piece may leave.
    free_ns: u64,
}

struct Hand {
    rest: Chunk,
    /// Lengths of the pieces of `rest`, the next one last.
    pieces: Vec<usize>,
}

impl Slicer {
    pub fn new(average_size_bytes: i64, size_variation_bytes: i64, delay_us: i64) -> Self {
        Self {
            average_bytes: usize::try_from(average_size_bytes).unwrap_or(0),
            variation_bytes: usize::try_from(size_variation_bytes).unwrap_or(0),
            delay_ns: u64::try_from(delay_us).unwrap_or(0).saturating_mul(1000),
            hand: None,
            free_ns: 0,
        }
    }

    /// Halves `bytes`, give or take the variation, until all are about the average; the first piece comes last.
    fn pieces(&self, bytes: usize, rng: &mut Rng) -> Vec<usize> {
        let mut pieces = Vec::new();
        let mut open = vec![bytes];
        while let Some(size) = open.pop() {
            if size <= self.average_bytes.saturating_add(self.variation_bytes) || size < 2 {
                pieces.push(size);
                continue;
            }
            let left = self.left(size, rng);
            // The right part is cut first, so that the pieces come out from the end.
            open.push(left);
            open.push(size - left);
        }
        pieces
    }

    /// A middle that leaves at least a byte on either side: Toxiproxy asks for a variation below the average, this does not need it.
    fn left(&self, size: usize, rng: &mut Rng) -> usize {
        let spread = self.variation_bytes as u64;
        let shift = usize::try_from(rng.below(spread.saturating_mul(2))).unwrap_or(usize::MAX);
        (size / 2)
            .saturating_add(shift)
            .saturating_sub(self.variation_bytes)
            .clamp(1, size - 1)
    }

    /// Gives pieces while they are due and there is room.
    fn give_due(&mut self, now_ns: u64, port: &mut Port<'_>) {
        while let Some(hand) = &mut self.hand {
            if self.free_ns > now_ns || !port.has_room() {
                return;
            }
            let size = hand.pieces.pop().unwrap_or(hand.rest.data.len());
            let data = hand.rest.data.split_to(size);
            let at_ns = hand.rest.at_ns;
            port.give(Chunk { data, at_ns });
            self.free_ns = now_ns.saturating_add(self.delay_ns);
            if hand.rest.data.is_empty() {
                self.hand = None;
            }
        }
    }
}

impl Toxic for Slicer {
    fn run(&mut self, now_ns: u64, port: &mut Port<'_>) {
        loop {
            self.give_due(now_ns, port);
            // The last piece of a chunk is followed by its pause too.
            if self.hand.is_some() || self.free_ns > now_ns {
                return;
            }
            match port.take() {
                Some(Item::Chunk(rest)) => {
                    let pieces = self.pieces(rest.data.len(), port.rng);
                    if self.delay_ns > 0 {
                        port.note_held(rest.data.len() - pieces.last().copied().unwrap_or(0));
                    }
                    self.hand = Some(Hand { rest, pieces });
                }
                Some(Item::End(end)) => return port.end(end),
                None => return,
            }
        }
    }

    fn due(&self) -> Option<u64> {
        Some(self.free_ns)
    }

    fn interrupt(&mut self, port: &mut Port<'_>) {
        if let Some(hand) = self.hand.take() {
            port.give(hand.rest);
        }
    }

    fn in_hand_bytes(&self) -> usize {
        self.hand.as_ref().map_or(0, |hand| hand.rest.data.len())
    }
}

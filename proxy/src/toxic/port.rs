//! What a toxic sees of its pipeline.

use super::channel::{Channel, Chunk, End, Item};
use super::pipeline::Tally;
use squall_plan::rng::Rng;

/// The two ends of a toxic.
pub struct Port<'a> {
    pub input: &'a mut Channel,
    pub output: &'a mut Channel,
    /// Chunks that the output takes.
    pub output_chunks_max: usize,
    pub rng: &'a mut Rng,
    pub tally: &'a mut Tally,
    /// The toxic has passed on an end: it runs no more.
    pub ended: &'a mut bool,
    /// Something was taken or given.
    pub moved: &'a mut bool,
}

impl Port<'_> {
    pub fn take(&mut self) -> Option<Item> {
        let item = self.input.take();
        *self.moved |= item.is_some();
        item
    }

    /// Whether the next toxic (or the socket) takes a chunk now.
    pub fn has_room(&self) -> bool {
        self.output.len() < self.output_chunks_max
    }

    pub fn give(&mut self, chunk: Chunk) {
        *self.moved = true;
        self.output.push(chunk);
    }

    pub fn end(&mut self, end: End) {
        *self.moved = true;
        *self.ended = true;
        self.output.end(end);
    }

    /// Passes on what there is and room for.
    pub fn pass(&mut self) {
        while self.has_room() {
            match self.take() {
                Some(Item::Chunk(chunk)) => self.give(chunk),
                Some(Item::End(end)) => return self.end(end),
                None => return,
            }
        }
    }

    /// Notes that bytes wait because of this toxic.
    pub fn note_held(&mut self, bytes: usize) {
        self.tally.held_bytes += bytes as u64;
    }

    /// Notes that bytes are gone because of this toxic.
    pub fn note_dropped(&mut self, bytes: usize) {
        self.tally.dropped_bytes += bytes as u64;
    }
}

//! Bytes on their way to a socket, as the chunks they came in.

use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::IoSlice;

/// Chunks in order; written by one vectored write, never joined.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ByteQueue {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

impl ByteQueue {
    /// Appends; empty chunks are left out.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.bytes += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    pub fn pop(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.len();
        Some(chunk)
    }

    /// Bytes in all chunks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.chunks.clear();
        self.bytes = 0;
    }

    /// The front as slices for a vectored write, as many as `slices` takes; the filled part.
    pub fn slices<'a, 'b>(&'a self, slices: &'b mut [IoSlice<'a>]) -> &'b [IoSlice<'a>] {
        let count = slices.len().min(self.chunks.len());
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk);
        }
        &slices[..count]
    }

    /// Takes `count` bytes off the front, at most all.
    pub fn advance(&mut self, mut count: usize) {
        while let Some(front) = self.chunks.front_mut() {
            let taken = count.min(front.len());
            self.bytes -= taken;
            count -= taken;
            if taken < front.len() {
                front.advance(taken);
                return;
            }
            self.chunks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(queue: &ByteQueue) -> String {
        let mut slices = [IoSlice::new(&[]); 8];
        let slices = queue.slices(&mut slices);
        slices
            .iter()
            .map(|s| String::from_utf8_lossy(s).into_owned())
            .collect::<Vec<_>>()
            .join("|")
    }

    #[test]
    fn advance_takes_whole_chunks_and_parts() {
        let mut queue = ByteQueue::default();
        for chunk in ["abc", "", "de", "fgh"] {
            queue.push(Bytes::from_static(chunk.as_bytes()));
        }
        assert_eq!((text(&queue).as_str(), queue.len()), ("abc|de|fgh", 8));
        queue.advance(4);
        assert_eq!((text(&queue).as_str(), queue.len()), ("e|fgh", 4));
        queue.advance(1);
        assert_eq!((text(&queue).as_str(), queue.len()), ("fgh", 3));
        queue.advance(9);
        assert!(queue.is_empty() && queue.pop().is_none());
    }
}

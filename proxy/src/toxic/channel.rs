//! What waits between two toxics.

use bytes::Bytes;
use std::collections::VecDeque;

/// Bytes that came at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    pub data: Bytes,
    /// When they came, moved on by every delay that they are meant to have had since.
    pub at_ns: u64,
}

/// How a direction ends; a later one is harsher.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// The source will send no more: half close.
    Half,
    /// The destination is closed, both ways.
    Close,
    /// Both sides are reset.
    Reset,
}

/// What came out of a channel.
pub enum Item {
    Chunk(Chunk),
    End(End),
}

/// Chunks between two toxics, then the end.
#[derive(Default)]
pub struct Channel {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    end: Option<End>,
}

impl Channel {
    pub fn push(&mut self, chunk: Chunk) {
        if !chunk.data.is_empty() {
            self.bytes += chunk.data.len();
            self.chunks.push_back(chunk);
        }
    }

    /// Nothing comes after an end, and a harsher end replaces a milder one.
    pub fn end(&mut self, end: End) {
        self.end = self.end.max(Some(end));
    }

    /// The next chunk, then the end, once.
    pub fn take(&mut self) -> Option<Item> {
        if let Some(chunk) = self.chunks.pop_front() {
            self.bytes -= chunk.data.len();
            return Some(Item::Chunk(chunk));
        }
        self.end.take().map(Item::End)
    }

    /// All of `other` goes behind what is here.
    pub fn append(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.chunks.extend(other.chunks);
        if let Some(end) = other.end {
            self.end(end);
        }
    }

    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.end.is_none()
    }
}

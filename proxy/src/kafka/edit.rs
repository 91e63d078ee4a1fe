//! A copy of a frame with some of its parts replaced.

use bytes::BytesMut;
use std::ops::Range;

/// Replacements of a frame, in order and apart.
#[derive(Default)]
pub struct Edits(Vec<(Range<usize>, BytesMut)>);

impl Edits {
    pub fn replace(&mut self, range: Range<usize>, by: BytesMut) {
        self.0.push((range, by));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts a replacement before those from `at` on, as for the size of what they are in.
    pub fn insert(&mut self, at: usize, range: Range<usize>, by: BytesMut) {
        self.0.insert(at.min(self.0.len()), (range, by));
    }

    /// By how much those from `at` on lengthen the frame.
    pub fn growth(&self, at: usize) -> i64 {
        let growth =
            |(range, by): &(Range<usize>, BytesMut)| signed(by.len()) - signed(range.len());
        self.0.iter().skip(at).map(growth).sum()
    }

    /// The frame with the replacements, and its length field set.
    pub fn apply(&self, frame: &[u8]) -> BytesMut {
        let grown = usize::try_from(signed(frame.len()) + self.growth(0)).unwrap_or(0);
        let mut edited = BytesMut::with_capacity(grown);
        let mut at = 0;
        for (range, by) in &self.0 {
            edited.extend_from_slice(&frame[at..range.start]);
            edited.extend_from_slice(by);
            at = range.end;
        }
        edited.extend_from_slice(&frame[at..]);
        let length = u32::try_from(edited.len() - 4).unwrap_or(u32::MAX);
        edited[..4].copy_from_slice(&length.to_be_bytes());
        edited
    }
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

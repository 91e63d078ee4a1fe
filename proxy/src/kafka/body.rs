//! A frame on its way through: how much of it passes, how much does not, and what follows.

use super::lane::Lane;
use super::rules::Tracked;
use crate::layer::Output;
use bytes::{Buf, BytesMut};
use std::sync::Arc;

/// What is left of the frame at hand.
pub struct Body {
    /// First so many bytes pass, ...
    pub pass: usize,
    /// ... then so many do not.
    pub swallow: usize,
    pub then: Then,
}

/// What follows the frame.
#[derive(Clone)]
pub enum Then {
    Next,
    /// The connection is cut.
    Cut(Arc<Tracked>),
}

impl Body {
    pub fn pass(bytes: usize) -> Self {
        Self {
            pass: bytes,
            swallow: 0,
            then: Then::Next,
        }
    }

    pub fn swallow(bytes: usize, then: Then) -> Self {
        Self {
            pass: 0,
            swallow: bytes,
            then,
        }
    }

    /// Nothing behind a cut passes.
    pub fn nothing_more() -> Self {
        Self::swallow(usize::MAX, Then::Next)
    }

    /// Takes what is there; `true` when nothing of the frame is left.
    pub fn advance(&mut self, run: &mut Run<'_>, lane: &mut Lane, out: &mut Output) -> bool {
        self.pass -= run.extend(self.pass);
        if self.pass > 0 {
            return false;
        }
        if self.swallow > 0 {
            run.pass(lane, out);
            self.swallow -= run.swallow(self.swallow);
        }
        self.swallow == 0
    }
}

/// The input of one call, and how many of its first bytes pass: neighbouring frames leave as one chunk.
pub struct Run<'a> {
    input: &'a mut BytesMut,
    length: usize,
    taken: usize,
}

impl<'a> Run<'a> {
    pub fn new(input: &'a mut BytesMut) -> Self {
        Self {
            input,
            length: 0,
            taken: 0,
        }
    }

    /// What was not looked at yet.
    pub fn rest(&self) -> &[u8] {
        &self.input[self.length..]
    }

    /// Lets at most `bytes` more pass; returns how many.
    fn extend(&mut self, bytes: usize) -> usize {
        let more = bytes.min(self.rest().len());
        self.length += more;
        more
    }

    /// Sends what passes.
    pub fn pass(&mut self, lane: &mut Lane, out: &mut Output) {
        if self.length > 0 {
            let chunk = self.input.split_to(self.length).freeze();
            self.taken += self.length;
            self.length = 0;
            lane.send(chunk, out);
        }
    }

    /// Takes a whole frame out, if it is there. What comes before it must have been passed.
    pub fn take(&mut self, bytes: usize) -> Option<BytesMut> {
        debug_assert_eq!(self.length, 0);
        if self.input.len() < bytes {
            return None;
        }
        self.taken += bytes;
        Some(self.input.split_to(bytes))
    }

    /// Bytes that were taken out of the input.
    pub fn taken(&self) -> usize {
        self.taken
    }

    fn swallow(&mut self, bytes: usize) -> usize {
        let taken = bytes.min(self.input.len());
        self.input.advance(taken);
        self.taken += taken;
        taken
    }
}

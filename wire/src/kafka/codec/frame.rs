//! One encoded response on its way to a socket.

use bytes::Bytes;
use std::collections::VecDeque;

/// A part of a frame.
#[derive(Clone, Debug)]
pub enum Piece<X> {
    Bytes(Bytes),
    /// `length` bytes that `X` tells how to read.
    Elsewhere {
        place: X,
        length: usize,
    },
}

/// Parts in the order in which they go out.
#[derive(Clone, Debug)]
pub struct Frame<X> {
    pub pieces: VecDeque<Piece<X>>,
}

impl<X> Frame<X> {
    #[must_use]
    pub fn new(pieces: Vec<Piece<X>>) -> Self {
        Self {
            pieces: pieces.into(),
        }
    }
}

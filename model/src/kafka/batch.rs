//! Record batches as machines see them: a parsed header, and a body that they never open.

use super::group::GroupRecord;
use super::ids::{Epoch, Offset};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

/// A driver's handle to the bytes of a batch. Machines hand it around and never open it.
pub trait Body: Clone {
    /// A run of batches of a log that is rarely read again, put where it takes next to no memory.
    type Shelf: Clone + Debug;

    /// Puts away `rows`, which tell the rest of the batches, with their bodies. `None`: it cannot, and they stay where they
    /// are.
    fn shelve(rows: &[u8], bodies: &[Self]) -> Option<Self::Shelf>;

    /// What was put away, in the same order. A driver that can no longer read it gives back nothing, and ends the machine.
    fn unshelve(shelf: &Self::Shelf) -> (Vec<u8>, Vec<Self>);
}

/// The shelf of a driver that has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoShelf {}

/// A number for a body, as tests and small simulations have it. Its shelf is memory.
impl Body for u64 {
    type Shelf = Arc<(Vec<u8>, Vec<Self>)>;

    fn shelve(rows: &[u8], bodies: &[Self]) -> Option<Self::Shelf> {
        Some(Arc::new((rows.to_vec(), bodies.to_vec())))
    }

    fn unshelve(shelf: &Self::Shelf) -> (Vec<u8>, Vec<Self>) {
        (**shelf).clone()
    }
}

/// The records themselves, as simulations share them; a short run needs no shelf.
impl<T> Body for Rc<[T]> {
    type Shelf = NoShelf;

    fn shelve(_: &[u8], _: &[Self]) -> Option<NoShelf> {
        None
    }

    fn unshelve(shelf: &NoShelf) -> (Vec<u8>, Vec<Self>) {
        match *shelf {}
    }
}

/// What a batch carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchKind {
    Data,
    /// Transaction markers and other control records.
    Control,
}

/// Identity of an idempotent producer's batch (KIP-98).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stamp {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// Sequence of the first record; wraps from `i32::MAX` to 0.
    pub base_sequence: i32,
}

/// The part of a batch that replication needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchHeader {
    /// Number of offsets that the batch takes (`lastOffsetDelta + 1`), at least 1.
    pub records: u32,
    /// Size on the wire in bytes, header included.
    pub bytes: u32,
    pub stamp: Option<Stamp>,
    /// Milliseconds since 1970, as the producer set it.
    pub max_timestamp_ms: i64,
    pub kind: BatchKind,
    pub transactional: bool,
}

/// A batch that has no offset yet.
#[derive(Clone, Debug)]
pub struct Batch<B> {
    pub header: BatchHeader,
    pub body: B,
}

/// A batch in a log.
#[derive(Clone, Debug)]
pub struct Entry<B> {
    pub base_offset: Offset,
    pub leader_epoch: Epoch,
    pub batch: Batch<B>,
}

impl<B> Entry<B> {
    /// The offset after the last record.
    pub fn end_offset(&self) -> Offset {
        self.base_offset + Offset::from(self.batch.header.records)
    }
}

/// What a log stores: a client's batch, or records that the broker writes to the offsets topic itself.
#[derive(Clone, Debug)]
pub enum Stored<B> {
    Client(B),
    /// Behind one thin pointer, so that a client's handle decides what an entry takes.
    Group(Arc<Vec<GroupRecord>>),
}

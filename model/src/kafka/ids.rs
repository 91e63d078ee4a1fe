//! Identities. Strings are interned by the driver, so machines compare integers.

use std::fmt;

/// Log offset of a record.
pub type Offset = i64;

/// Leader epoch of a partition; -1 where a client does not know it.
pub type Epoch = i32;

/// A broker (1, 2, ...) or a controller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub i32);

/// A client's connection to one broker; never reused by a driver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(pub u64);

/// A string interned by the driver: topic, group, client id, group instance, protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name(pub u32);

/// A group member. The driver renders it for the wire (any reversible text) and gives [`MemberId::UNKNOWN`] for text it cannot read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MemberId(pub u64);

impl MemberId {
    /// The empty member id of a first JoinGroup.
    pub const NONE: Self = Self(0);
    /// A member id that no coordinator gave out.
    pub const UNKNOWN: Self = Self(u64::MAX);
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicPartition {
    pub topic: Name,
    pub partition: i32,
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

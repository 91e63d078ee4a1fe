//! What a client saw of a step, with everything left out that may differ between two right clusters: ids given out, addresses, times, wording.

use serde::Serialize;
use std::collections::BTreeMap;

/// An error code of the protocol.
pub type Code = i16;

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Seen {
    /// Nothing to see: a disturbance, time that passed.
    Done,
    /// It could not be tried, for example because the disturbance has no aim.
    Skipped,
    NoAnswer,
    /// The broker closed the connection.
    Closed,
    /// Sent with acks=0.
    Sent,
    Code(Code),
    Codes(Vec<Code>),
    Produced(Produced),
    Burst(Vec<Produced>),
    Producer {
        code: Code,
        epoch: i16,
        is_same_id: bool,
    },
    Fetched(Fetched),
    Listed {
        code: Code,
        offset: i64,
        timestamp: i64,
        epoch: i32,
    },
    EpochEnd {
        code: Code,
        epoch: i32,
        end: i64,
    },
    Topic {
        code: Code,
        partitions: Vec<Partition>,
    },
    Configs {
        code: Code,
        values: BTreeMap<String, String>,
    },
    Coordinator {
        code: Code,
        is_known: bool,
    },
    Joined(BTreeMap<u8, Joined>),
    Synced(BTreeMap<u8, (Code, String)>),
    Left {
        code: Code,
        member: Option<Code>,
    },
    /// (topic, partition) to offset and metadata.
    Offsets {
        code: Code,
        committed: BTreeMap<(u8, i32), (i64, String)>,
    },
    Group {
        code: Code,
        state: String,
        protocol: String,
        members: BTreeMap<u8, String>,
    },
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Produced {
    pub code: Code,
    pub base: i64,
    pub log_start: i64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Fetched {
    pub code: Code,
    pub high_watermark: i64,
    pub last_stable: i64,
    pub log_start: i64,
    pub diverging: Option<(i32, i64)>,
    pub records: Vec<Read>,
}

/// A record as it was read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Read {
    pub offset: i64,
    pub epoch: i32,
    /// Which of the producer ids given out in this sequence, in order; `None` without idempotence.
    pub producer: Option<u8>,
    pub producer_epoch: i16,
    pub sequence: i32,
    pub timestamp: i64,
    pub value: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Partition {
    pub index: i32,
    pub code: Code,
    pub leader: i32,
    pub epoch: i32,
    pub replicas: Vec<i32>,
    /// In order of broker ids.
    pub isr: Vec<i32>,
    pub offline: Vec<i32>,
}

/// A member's view of a rebalance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Joined {
    pub code: Code,
    pub generation: i32,
    pub protocol: Option<String>,
    pub leads: bool,
    /// Members and their metadata, which only the leader hears.
    pub members: BTreeMap<u8, String>,
}

//! The cluster as it is known from its facts and from the faults in force.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cluster {
    /// By number, from 1.
    pub brokers: BTreeMap<u32, Broker>,
    /// By topic and partition; the cluster's own topics are left out.
    pub partitions: BTreeMap<(String, i32), PartitionRow>,
    /// Fault in force: its name, and who is cut off from whom in words.
    pub cuts: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Broker {
    /// The controller has given it up.
    pub fenced: bool,
    /// Faults in force on it: name and what it suffers in a word (`down`, `paused`, `cut off`).
    pub suffers: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartitionRow {
    /// `None`: offline, or not known yet.
    pub leader: Option<u32>,
    pub in_sync: BTreeSet<u32>,
    /// All that ever were in sync.
    pub replicas: BTreeSet<u32>,
    pub epoch: i32,
    /// Leaders it had after the first.
    pub moves: u32,
}

impl PartitionRow {
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.leader.is_none() || self.in_sync.len() < self.replicas.len()
    }
}

impl Cluster {
    /// Partitions that a broker leads.
    #[must_use]
    pub fn leads(&self, broker: u32) -> usize {
        let leads = |row: &&PartitionRow| row.leader == Some(broker);
        self.partitions.values().filter(leads).count()
    }

    /// Partitions whose in-sync set lacks a broker that was in it.
    #[must_use]
    pub fn out_of_sync(&self, broker: u32) -> usize {
        let lacks =
            |row: &&PartitionRow| row.replicas.contains(&broker) && !row.in_sync.contains(&broker);
        self.partitions.values().filter(lacks).count()
    }
}

//! The state of the cluster at one moment.

use super::{Counters, Server};
use crate::kafka::fact::{PartitionName, partition_name};
use crate::kafka::server::node::Machine;
use squall_model::kafka::{Epoch, NodeId, Offset, PartitionView, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the cluster looks like now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Snapshot {
    /// Brokers whose process runs.
    pub running: Vec<i32>,
    pub partitions: BTreeMap<PartitionName, PartitionSnapshot>,
    /// Committed positions by group.
    pub groups: BTreeMap<Arc<str>, BTreeMap<PartitionName, GroupPosition>>,
    pub counters: Counters,
}

/// A partition as its leader has it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PartitionSnapshot {
    /// `None` while no running broker leads.
    pub leader: Option<i32>,
    pub epoch: Epoch,
    pub isr: Vec<i32>,
    pub high_watermark: Offset,
    pub log_start: Offset,
    /// Log end of every replica on a running broker.
    pub log_ends: BTreeMap<i32, Offset>,
}

/// How far a group has come in a partition.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct GroupPosition {
    /// The next offset to read.
    pub committed: Offset,
    /// Readable records after it; `None` while the partition has no leader.
    pub lag: Option<Offset>,
}

impl PartitionSnapshot {
    /// Of several that believe to lead, the one of the latest epoch does.
    fn take_in(&mut self, broker: NodeId, view: &PartitionView) {
        self.log_ends.insert(broker.0, view.log_end);
        if view.is_leader && (self.leader.is_none() || view.epoch > self.epoch) {
            self.leader = Some(broker.0);
            self.epoch = view.epoch;
            self.isr = view.isr.iter().map(|n| n.0).collect();
            self.high_watermark = view.high_watermark;
            self.log_start = view.log_start;
        }
    }
}

impl Server {
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut partitions: BTreeMap<TopicPartition, PartitionSnapshot> = BTreeMap::new();
        for node in &self.nodes {
            if let Some(Machine::Broker(broker)) = &node.machine {
                for (place, view) in broker.partitions() {
                    partitions.entry(place).or_default().take_in(node.id, &view);
                }
            }
        }
        Snapshot {
            running: self.running_brokers().iter().map(|n| n.0).collect(),
            groups: self.groups(&partitions),
            partitions: partitions
                .into_iter()
                .map(|(place, p)| (partition_name(&self.names, place), p))
                .collect(),
            counters: Counters {
                connections_open: self.connections.len() as u64,
                appended_bytes: self.store.appended_bytes(),
                cached_bytes: self.store.cached_bytes() as u64,
                ..self.counters
            },
        }
    }

    fn groups(
        &self,
        partitions: &BTreeMap<TopicPartition, PartitionSnapshot>,
    ) -> BTreeMap<Arc<str>, BTreeMap<PartitionName, GroupPosition>> {
        let mut groups: BTreeMap<Arc<str>, BTreeMap<_, _>> = BTreeMap::new();
        for ((group, place), committed) in &self.committed {
            let led = partitions.get(place).filter(|p| p.leader.is_some());
            let position = GroupPosition {
                committed: *committed,
                lag: led.map(|p| (p.high_watermark - committed).max(0)),
            };
            let group = groups.entry(self.names.shared(*group)).or_default();
            group.insert(partition_name(&self.names, *place), position);
        }
        groups
    }

    /// Where each broker listens, broker 1 first.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes[1..].iter().map(|n| n.port).collect()
    }

    /// The configuration of the brokers as DescribeConfigs shows it: what was set, and what the server itself goes by.
    pub(super) fn broker_entries(&self) -> Vec<(String, String, bool)> {
        let set = &self.config.broker_properties;
        let own = [
            ("message.max.bytes", self.limits.batch_bytes_max),
            ("socket.request.max.bytes", self.limits.request_bytes_max),
        ];
        let defaults = own
            .into_iter()
            .filter(|(name, _)| !set.contains_key(*name))
            .map(|(name, value)| (name.to_owned(), value.to_string(), true));
        let set = set.iter().map(|(n, v)| (n.clone(), v.clone(), false));
        let mut entries: Vec<_> = set.chain(defaults).collect();
        entries.sort();
        entries
    }
}

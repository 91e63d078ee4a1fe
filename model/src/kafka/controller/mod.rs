//! The controller: which brokers live, who leads, who is in sync, which topics exist.
//!
//! One node keeps the metadata log and pushes it to the brokers; a quorum of controllers is not modelled.

mod alter;
mod change;
mod election;
mod registration;
mod topics;

use super::config::BrokerConfig;
use super::config::TopicConfig;
use super::error::ErrorCode;
use super::ids::{Name, NodeId, TopicPartition};
use super::machine::{In, Outbox};
use super::peer::*;
use crate::Nanos;
use registration::Registration;
use std::collections::BTreeMap;

const MILLISECOND: Nanos = 1_000_000;
/// A broker that does not acknowledge an update gets it again after this time.
const RESEND: Nanos = 500 * MILLISECOND;

/// What outlives a controller's process: all that it committed.
#[derive(Clone, Debug, Default)]
pub struct ControllerDisk {
    /// Of the metadata log.
    version: u64,
    topics: BTreeMap<Name, (u64, BTreeMap<String, String>)>,
    removed: BTreeMap<Name, u64>,
    partitions: BTreeMap<TopicPartition, (u64, PartitionState)>,
    /// The last leader of each partition whose in-sync set became empty.
    last_leaders: BTreeMap<TopicPartition, NodeId>,
    brokers: BTreeMap<NodeId, (u64, i64, bool)>,
    incarnations: BTreeMap<NodeId, u64>,
    next_producer_id: i64,
    /// Where the next topic's first replica goes.
    next_start: usize,
}

/// The state machine of the controller.
pub struct Controller<B> {
    id: NodeId,
    config: BrokerConfig,
    disk: ControllerDisk,
    /// Sessions live in memory only; after a restart every broker has a whole session timeout.
    registrations: BTreeMap<NodeId, Registration>,
    body: std::marker::PhantomData<B>,
}

impl<B: Clone> Controller<B> {
    #[must_use]
    pub fn start(id: NodeId, config: BrokerConfig, disk: ControllerDisk, now: Nanos) -> Self {
        let registrations = disk
            .brokers
            .iter()
            .map(|(node, (_, epoch, fenced))| (*node, Registration::found(*epoch, *fenced, now)))
            .collect();
        Self {
            id,
            config,
            disk,
            registrations,
            body: std::marker::PhantomData,
        }
    }

    /// Handles one input.
    pub fn step(&mut self, now: Nanos, input: In<B>, out: &mut Outbox<B>) {
        // A message that comes after the end of its sender's session must not find the session alive.
        self.expire_sessions(now, out);
        match input {
            In::Peer { from, message } => self.peer(now, from, message, out),
            In::Request { conn, .. } => out.close(conn),
            In::PeerReset { peer } => {
                if let Some(registration) = self.registrations.get_mut(&peer) {
                    registration.sent_version = 0;
                    registration.sent_at = 0;
                }
            }
            In::Closed { .. } | In::Flushed { .. } | In::Tick => {}
        }
        self.push(now, out);
    }

    #[must_use]
    pub fn next_timer(&self) -> Option<Nanos> {
        let session = self.session();
        let expiries = self
            .registrations
            .values()
            .filter(|r| !r.fenced)
            .map(|r| r.heard_at + session);
        let resends = self
            .registrations
            .values()
            .filter(|r| r.acked_version < self.disk.version && r.is_listening())
            .map(|r| r.sent_at + RESEND);
        expiries.chain(resends).min()
    }

    #[must_use]
    pub fn kill(self) -> ControllerDisk {
        self.disk
    }

    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// Every partition as it is committed.
    pub fn partitions(&self) -> impl Iterator<Item = (&TopicPartition, &PartitionState)> {
        self.disk
            .partitions
            .iter()
            .map(|(partition, (_, state))| (partition, state))
    }

    /// Registered brokers and whether each is fenced.
    pub fn brokers(&self) -> impl Iterator<Item = (NodeId, bool)> + '_ {
        self.registrations
            .iter()
            .map(|(node, registration)| (*node, registration.fenced))
    }

    fn session(&self) -> Nanos {
        Nanos::try_from(self.config.session_timeout_ms).unwrap_or(0) * MILLISECOND
    }

    fn peer(&mut self, now: Nanos, from: NodeId, message: Peer<B>, out: &mut Outbox<B>) {
        match message {
            Peer::Register(register) => self.register(now, from, &register, out),
            Peer::Heartbeat(heartbeat) => self.heartbeat(now, from, heartbeat, out),
            Peer::AlterPartition(request) => self.alter_partition(from, request, out),
            Peer::Forward { correlation, admin } => {
                let answer = self.administer(admin, out);
                out.peer(
                    from,
                    Peer::Forwarded {
                        correlation,
                        answer,
                    },
                );
            }
            _ => {}
        }
    }

    fn next_version(&mut self) -> u64 {
        self.disk.version += 1;
        self.disk.version
    }

    /// Commits a partition's new state.
    fn commit_partition(&mut self, partition: TopicPartition, state: PartitionState) {
        let version = self.next_version();
        self.disk.partitions.insert(partition, (version, state));
    }

    fn commit_broker(&mut self, node: NodeId, epoch: i64, fenced: bool) {
        let version = self.next_version();
        self.disk.brokers.insert(node, (version, epoch, fenced));
    }

    fn is_alive(&self, node: NodeId) -> bool {
        self.registrations
            .get(&node)
            .is_some_and(|registration| !registration.fenced)
    }

    fn min_insync(&self, topic: Name) -> usize {
        let set = self.topic_config(topic).min_insync_replicas;
        usize::try_from(set.unwrap_or(self.config.min_insync_replicas)).unwrap_or(1)
    }

    fn topic_config(&self, topic: Name) -> TopicConfig {
        let properties = self
            .disk
            .topics
            .get(&topic)
            .map(|(_, properties)| properties);
        properties
            .and_then(|properties| TopicConfig::from_properties(properties).ok())
            .unwrap_or_default()
    }

    /// Sends every broker what it does not have yet.
    fn push(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let version = self.disk.version;
        let nodes: Vec<NodeId> = self.registrations.keys().copied().collect();
        for node in nodes {
            let Some(registration) = self.registrations.get(&node) else {
                continue;
            };
            let again =
                registration.acked_version < version && now >= registration.sent_at + RESEND;
            if !registration.is_listening() || (registration.sent_version >= version && !again) {
                continue;
            }
            let from_version = if again {
                registration.acked_version
            } else {
                registration.sent_version.max(registration.acked_version)
            };
            let update = MetadataUpdate {
                from_version,
                to_version: version,
                changes: self.changes_since(from_version),
            };
            out.peer(node, Peer::Metadata(update));
            if let Some(registration) = self.registrations.get_mut(&node) {
                registration.sent_version = version;
                registration.sent_at = now;
            }
        }
    }

    /// What changed after a version, brokers and topics before partitions.
    fn changes_since(&self, version: u64) -> Vec<MetadataChange> {
        let disk = &self.disk;
        let removed = disk
            .removed
            .iter()
            .filter(|(_, at)| **at > version)
            .map(|(topic, _)| MetadataChange::TopicRemoved { topic: *topic });
        let brokers = disk
            .brokers
            .iter()
            .filter(|(_, (at, ..))| *at > version)
            .map(|(node, (_, epoch, fenced))| MetadataChange::Broker {
                node: *node,
                broker_epoch: *epoch,
                fenced: *fenced,
            });
        let topics =
            disk.topics
                .iter()
                .filter(|(_, (at, _))| *at > version)
                .map(|(topic, (_, configs))| MetadataChange::Topic {
                    topic: *topic,
                    configs: configs.clone(),
                });
        let partitions = disk
            .partitions
            .iter()
            .filter(|(_, (at, _))| *at > version)
            .map(|(partition, (_, state))| MetadataChange::Partition {
                partition: *partition,
                state: state.clone(),
            });
        removed
            .chain(brokers)
            .chain(topics)
            .chain(partitions)
            .collect()
    }

    fn administer(&mut self, admin: Admin, out: &mut Outbox<B>) -> AdminAnswer {
        match admin {
            Admin::CreateTopics(request) => AdminAnswer::Topics(self.create_topics(request, out)),
            Admin::DeleteTopics(topics) => AdminAnswer::Deleted(
                topics
                    .into_iter()
                    .map(|topic| (topic, self.delete_topic(topic, out)))
                    .collect(),
            ),
            Admin::CreatePartitions {
                topics,
                validate_only,
            } => AdminAnswer::Topics(
                topics
                    .into_iter()
                    .map(|(topic, count)| self.create_partitions(topic, count, validate_only))
                    .collect(),
            ),
            Admin::AllocateProducerIds => {
                const BLOCK: i64 = 1_000;
                let first = self.disk.next_producer_id;
                match first.checked_add(BLOCK) {
                    Some(next) => {
                        self.disk.next_producer_id = next;
                        AdminAnswer::ProducerIds {
                            first,
                            count: BLOCK,
                        }
                    }
                    None => AdminAnswer::Failed(ErrorCode::UnknownServerError),
                }
            }
        }
    }
}

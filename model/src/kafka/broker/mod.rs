//! A broker: replicas, the requests that wait on them, groups, and what the controller told.

mod acks;
mod control;
mod coordinators;
mod disk;
mod fetch;
mod fetcher;
mod flush;
mod following;
mod group_deletes;
mod group_requests;
mod groups;
mod image;
mod invariants;
mod isr;
mod leadership;
mod metadata;
mod offsets;
mod produce;
mod query;
mod replica;
mod replication;
mod session;
mod waits;

pub use disk::DiskState;
pub use image::Image;

use super::config::BrokerConfig;
use super::group::GroupOutbox;
use super::ids::{ConnId, Epoch, Name, NodeId, Offset, TopicPartition};
use super::log::Log;
use super::machine::{In, Outbox};
use super::message::Request;
use super::peer::Peer;
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::by_node::ByNode;
use crate::kafka::by_partition::ByPartition;
use control::Control;
use coordinators::Coordinators;
use disk::Disk;
use fetcher::Fetcher;
use flush::Flushes;
use group_deletes::GroupDeletes;
use replica::Replica;
use session::Session;
use std::collections::BTreeMap;
use waits::Waits;

const MILLISECOND: Nanos = 1_000_000;

/// Milliseconds of a configuration or a request as nanoseconds.
fn ms(value: i64) -> Nanos {
    Nanos::try_from(value.max(0)).unwrap_or(0) * MILLISECOND
}

/// What outlives a broker's process.
#[derive(Clone, Debug)]
pub struct BrokerDisk<B: Body> {
    logs: BTreeMap<TopicPartition, (Log<B>, Offset)>,
    /// Whether the process before ended in order.
    clean: bool,
}

impl<B: Body> Default for BrokerDisk<B> {
    fn default() -> Self {
        Self {
            logs: BTreeMap::new(),
            clean: true,
        }
    }
}

impl<B: Body> BrokerDisk<B> {
    /// Where the log of a partition ends, if there is one.
    #[must_use]
    pub fn end_of(&self, partition: TopicPartition) -> Option<Offset> {
        self.logs.get(&partition).map(|(log, _)| log.end())
    }

    /// Every log with its end, and the end of what of it is flushed.
    pub fn ends(&self) -> impl Iterator<Item = (TopicPartition, Offset, Offset)> + '_ {
        let end = |(partition, (log, _)): (&TopicPartition, &(Log<B>, Offset))| {
            (*partition, log.end(), log.flushed())
        };
        self.logs.iter().map(end)
    }

    /// What power loss leaves: only what was flushed.
    pub fn lose_power(&mut self) {
        self.clean = false;
        self.logs
            .values_mut()
            .for_each(|(log, _)| log.lose_unflushed());
    }
}

/// How a partition stands on one broker, for inspection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionView {
    pub log_start: Offset,
    pub log_end: Offset,
    pub high_watermark: Offset,
    pub epoch: Epoch,
    pub is_leader: bool,
    /// As the leader has it; empty on followers.
    pub isr: Vec<NodeId>,
}

/// The state machine of one broker.
pub struct Broker<B: Body> {
    id: NodeId,
    config: BrokerConfig,
    image: Image,
    control: Control,
    replicas: ByPartition<Replica<B>>,
    fetchers: ByNode<Fetcher>,
    /// Of the followers of what is led here.
    sessions: ByNode<Session>,
    waits: Waits,
    coordinators: Coordinators,
    group_outbox: GroupOutbox,
    group_deletes: GroupDeletes,
    /// When the high watermarks are written down, the in-sync sets looked at, and dirty pages flushed next.
    checkpoint_at: Nanos,
    isr_check_at: Nanos,
    flush_at: Nanos,
    flushes: Flushes,
    disk: Disk,
    correlation: u64,
    /// When the proposals that have no answer yet are sent again.
    proposals: BTreeMap<TopicPartition, Nanos>,
}

impl<B: Body> Broker<B> {
    /// A process that starts on what its disk holds. `incarnation` differs between starts.
    #[must_use]
    pub fn start(
        id: NodeId,
        controller: NodeId,
        config: BrokerConfig,
        incarnation: u64,
        disk: BrokerDisk<B>,
        now: Nanos,
    ) -> Self {
        let replicas = disk
            .logs
            .into_iter()
            .map(|(partition, (log, mark))| (partition, Replica::new(log, mark)))
            .collect();
        Self {
            id,
            control: Control::new(controller, incarnation, disk.clean, now),
            checkpoint_at: now + ms(config.high_watermark_checkpoint_interval_ms),
            isr_check_at: now + ms(config.replica_lag_time_max_ms) / 2,
            flush_at: now + ms(config.background_flush_ms()),
            config,
            image: Image::default(),
            replicas,
            fetchers: ByNode::default(),
            sessions: ByNode::default(),
            waits: Waits::default(),
            coordinators: Coordinators::default(),
            group_outbox: GroupOutbox::default(),
            group_deletes: GroupDeletes::default(),
            flushes: Flushes::default(),
            disk: Disk::default(),
            correlation: 0,
            proposals: BTreeMap::new(),
        }
    }

    /// Handles one input.
    pub fn step(&mut self, now: Nanos, input: In<B>, out: &mut Outbox<B>) {
        match input {
            In::Request {
                conn,
                client,
                request,
            } => self.request(now, conn, client, request, out),
            In::Closed { conn } => self.closed(conn),
            In::Peer { from, message } => self.peer(now, from, message, out),
            In::PeerReset { peer } => self.peer_reset(now, peer, out),
            In::Flushed { token } => self.flushed(now, token, out),
            In::Tick => {}
        }
        self.tick(now, out);
    }

    /// When the machine wants its next [`In::Tick`].
    #[must_use]
    pub fn next_timer(&self) -> Option<Nanos> {
        // Asked after every step: plain loops over what is mostly one or two.
        let fixed = self.checkpoint_at.min(self.isr_check_at);
        let mut next = fixed.min(self.flush_at).min(self.control.next_timer());
        let mut consider = |at: Option<Nanos>| next = at.map_or(next, |at| at.min(next));
        for fetcher in self.fetchers.values() {
            consider(fetcher.next_timer());
        }
        for at in self.proposals.values() {
            consider(Some(*at));
        }
        for session in self.sessions.values() {
            consider(session.parked_until);
        }
        consider(self.coordinators.next_timer());
        consider(self.waits.next_deadline());
        Some(next)
    }

    /// The process dies; the page cache stays.
    #[must_use]
    pub fn kill(self) -> BrokerDisk<B> {
        self.into_disk(false)
    }

    /// The machine loses power: only what was flushed stays.
    #[must_use]
    pub fn lose_power(self) -> BrokerDisk<B> {
        let mut disk = self.into_disk(false);
        disk.lose_power();
        disk
    }

    /// Ends the process in order; to be called once [`Broker::is_shut_down`].
    #[must_use]
    pub fn end(mut self) -> BrokerDisk<B> {
        for replica in self.replicas.values_mut() {
            replica.checkpointed_high_watermark = replica.high_watermark;
            replica.log.flushed_to(replica.log.end());
        }
        self.into_disk(true)
    }

    fn into_disk(self, clean: bool) -> BrokerDisk<B> {
        let logs = self.replicas.into_entries().map(|(partition, replica)| {
            (
                partition,
                (replica.log, replica.checkpointed_high_watermark),
            )
        });
        BrokerDisk {
            logs: logs.collect(),
            clean,
        }
    }

    /// How every partition stands here.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, PartitionView)> + '_ {
        self.replicas.iter().map(|(partition, replica)| {
            let view = PartitionView {
                log_start: replica.log.start(),
                log_end: replica.log.end(),
                high_watermark: replica.high_watermark,
                epoch: replica.epoch(),
                is_leader: replica.leader().is_some(),
                isr: replica
                    .leader()
                    .map(|leader| leader.isr.clone())
                    .unwrap_or_default(),
            };
            (partition, view)
        })
    }

    /// The metadata that this broker has applied.
    #[must_use]
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// How far a partition is committed, as this broker knows it, and whether it leads it. `None`: it has no replica.
    #[must_use]
    pub fn high_watermark(&self, partition: TopicPartition) -> Option<(Offset, bool)> {
        let replica = self.replicas.get(partition)?;
        Some((replica.high_watermark, replica.leader().is_some()))
    }

    /// The log of a partition here, for tests and stories.
    #[must_use]
    pub fn log(&self, partition: TopicPartition) -> Option<&Log<B>> {
        self.replicas.get(partition).map(|replica| &replica.log)
    }

    fn request(
        &mut self,
        now: Nanos,
        conn: ConnId,
        client: Name,
        request: Request<B>,
        out: &mut Outbox<B>,
    ) {
        match request {
            Request::Produce(request) => self.produce(now, conn, request, out),
            Request::Fetch(request) => self.fetch(now, conn, request, out),
            request => self.query(now, conn, client, request, out),
        }
    }

    fn peer(&mut self, now: Nanos, from: NodeId, message: Peer<B>, out: &mut Outbox<B>) {
        match message {
            Peer::Fetch(fetch) => self.replica_fetch(now, from, fetch, out),
            Peer::Fetched(fetched) => self.fetched(now, from, fetched, out),
            message => self.controller_says(now, message, out),
        }
    }

    fn closed(&mut self, conn: ConnId) {
        self.waits.drop_conn(conn);
        self.control.forget_conn(conn);
        self.group_deletes.forget(conn);
        self.coordinators
            .values_mut()
            .for_each(|coordinator| coordinator.closed(conn));
    }

    fn peer_reset(&mut self, now: Nanos, peer: NodeId, out: &mut Outbox<B>) {
        self.sessions.remove(peer);
        if let Some(fetcher) = self.fetchers.get_mut(peer) {
            fetcher.reset(now);
        }
        self.control.reset(now, peer);
        if peer == self.control.controller() {
            self.repeat_proposals(now, out);
        }
        self.send_fetches(now, out);
    }

    fn tick(&mut self, now: Nanos, out: &mut Outbox<B>) {
        self.control_tick(now, out);
        self.isr_tick(now, out);
        self.group_tick(now, out);
        self.wait_tick(now, out);
        self.session_tick(now, out);
        self.wake_followers(now, out);
        self.send_fetches(now, out);
        if now >= self.checkpoint_at {
            self.replicas
                .values_mut()
                .for_each(|replica| replica.checkpointed_high_watermark = replica.high_watermark);
            self.checkpoint_at = now + ms(self.config.high_watermark_checkpoint_interval_ms);
        }
        self.flush_tick(now, out);
        self.flush_wanted(out);
    }

    fn next_correlation(&mut self) -> u64 {
        self.correlation += 1;
        self.correlation
    }
}

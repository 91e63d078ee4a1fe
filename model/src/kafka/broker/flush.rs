//! When appended batches become durable: in the background as the operating system does it, and on demand where
//! `log.flush.interval.messages` or `flush.messages` holds appends back until they are.

use super::replica::Role;
use super::{Broker, ms};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::by_partition::PartitionSet;
use crate::kafka::ids::{Offset, TopicPartition};
use crate::kafka::machine::Outbox;
use std::collections::BTreeMap;

/// A log's end when a flush began.
#[derive(Clone, Copy, Debug)]
struct Mark {
    partition: TopicPartition,
    end: Offset,
    /// A log that was cut meanwhile may have other batches there now.
    truncations: u64,
}

/// Flushes that were asked for and those under way.
#[derive(Debug, Default)]
pub struct Flushes {
    last_token: u64,
    under_way: BTreeMap<u64, Vec<Mark>>,
    /// Partitions whose appends count only when they are durable.
    wanted: PartitionSet,
}

impl<B: Body> Broker<B> {
    /// To be called after an append that began at `base`: with the configured number of messages not flushed, it waits for the disk.
    pub(super) fn sync_after_append(&mut self, partition: TopicPartition, base: Offset) {
        let Some(most) = self.messages_before_flush(partition) else {
            return;
        };
        let Some(replica) = self.replicas.get_mut(partition) else {
            return;
        };
        if replica.log.end() - replica.log.flushed() >= most {
            if replica.held_at.is_none() {
                replica.held_at = Some(base);
            }
            self.flushes.wanted.insert(partition);
        }
    }

    /// Asks for what the appends of this step wait for.
    pub(super) fn flush_wanted(&mut self, out: &mut Outbox<B>) {
        if !self.flushes.wanted.is_empty() {
            let wanted = self.flushes.wanted.drain().collect();
            self.begin_flush(wanted, out);
        }
    }

    pub(super) fn flush_tick(&mut self, now: Nanos, out: &mut Outbox<B>) {
        if now < self.flush_at {
            return;
        }
        self.flush_at = now + ms(self.config.background_flush_ms());
        let dirty = self.replicas.iter();
        let dirty = dirty.filter(|(_, replica)| replica.log.flushed() < replica.log.end());
        let dirty: Vec<TopicPartition> = dirty.map(|(partition, _)| partition).collect();
        self.begin_flush(dirty, out);
    }

    fn begin_flush(&mut self, partitions: Vec<TopicPartition>, out: &mut Outbox<B>) {
        let mark = |partition: &TopicPartition| {
            self.replicas.get(*partition).map(|replica| Mark {
                partition: *partition,
                end: replica.log.end(),
                truncations: replica.truncations,
            })
        };
        let marks: Vec<Mark> = partitions.iter().filter_map(mark).collect();
        if !marks.is_empty() {
            self.flushes.last_token += 1;
            let token = self.flushes.last_token;
            self.flushes.under_way.insert(token, marks);
            out.flush(token);
        }
    }

    pub(super) fn flushed(&mut self, now: Nanos, token: u64, out: &mut Outbox<B>) {
        let marks = self.flushes.under_way.remove(&token);
        for mark in marks.unwrap_or_default() {
            let Some(replica) = self.replicas.get_mut(mark.partition) else {
                continue;
            };
            if replica.truncations == mark.truncations {
                replica.log.flushed_to(mark.end);
                self.release(now, mark.partition, out);
            }
        }
        self.flush_wanted(out);
    }

    /// Appends that are durable now count, and whoever waited for that goes on.
    fn release(&mut self, now: Nanos, partition: TopicPartition, out: &mut Outbox<B>) {
        let most = self.messages_before_flush(partition);
        let Some(replica) = self.replicas.get_mut(partition) else {
            return;
        };
        if replica.held_at.is_none() {
            return;
        }
        let (end, flushed) = (replica.log.end(), replica.log.flushed());
        let still = most.is_some_and(|most| end - flushed >= most);
        replica.held_at = still.then_some(flushed);
        if still {
            self.flushes.wanted.insert(partition);
        }
        if let Role::Follower { leader, .. } = replica.role {
            if !still {
                self.fetch_on(now, leader);
            }
            return;
        }
        self.advance_high_watermark(now, partition, out);
        let mut from = 0;
        while let Some(wait) = self.waits.on(partition, from) {
            from = wait + 1;
            self.check_append_wait(now, wait, out);
        }
    }
}

//! The follower's side of replication: fetches go out, answers are taken over.

use super::fetcher::Next;
use super::replica::{Replica, Role};
use super::{Broker, ms};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{NodeId, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::peer::*;

impl<B: Body> Broker<B> {
    pub(super) fn fetch_anew(&mut self, now: Nanos, leader: NodeId) {
        self.fetchers.get_or_default(leader).reset(now);
    }

    pub(super) fn fetch_on(&mut self, now: Nanos, leader: NodeId) {
        self.fetchers.get_or_default(leader).resume(now);
    }

    /// Sends the fetches that are due.
    pub(super) fn send_fetches(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let due = self.fetchers.iter().filter(|(_, f)| f.is_due(now));
        let due: Vec<NodeId> = due.map(|(leader, _)| leader).collect();
        for leader in due {
            self.send_fetch(now, leader, out);
        }
    }

    fn send_fetch(&mut self, now: Nanos, leader: NodeId, out: &mut Outbox<B>) {
        let Some(fetcher) = self.fetchers.get_mut(leader) else {
            return;
        };
        let replicas = &self.replicas;
        let held = |partition: TopicPartition| {
            let replica = replicas.get(partition);
            replica.is_some_and(|r| r.follows(leader) && r.held_at.is_some())
        };
        let anew = !fetcher.is_established();
        if fetcher.pending().any(held) || (anew && replicas.keys().any(held)) {
            // What was appended waits for the disk, and the fetch with it; `release` goes on.
            return fetcher.idle();
        }
        let wait_ms = self.config.replica_fetch_wait_max_ms;
        let blind = self.config.defects.truncate_to_high_watermark;
        let said = |(partition, replica): (TopicPartition, &Replica<B>)| {
            let followed = replica.follows(leader);
            followed.then(|| position(partition, replica, blind))
        };
        let (number, full, partitions): (u64, bool, Vec<ReplicaFetchPartition>) =
            match fetcher.begin(now, ms(wait_ms)) {
                (number, Next::All) => (number, true, replicas.iter().filter_map(said).collect()),
                (number, Next::Changed(changed)) => {
                    let known = changed.filter_map(|p| Some((p, replicas.get(p)?)));
                    (number, false, known.filter_map(said).collect())
                }
            };
        if full && partitions.is_empty() {
            return fetcher.idle();
        }
        let fetch = ReplicaFetch {
            session: number,
            full,
            broker_epoch: self.control.broker_epoch.unwrap_or(-1),
            max_wait_ms: i32::try_from(wait_ms).unwrap_or(i32::MAX),
            partitions,
        };
        out.peer(leader, Peer::Fetch(fetch));
    }

    /// Takes an answer over.
    pub(super) fn fetched(
        &mut self,
        now: Nanos,
        from: NodeId,
        fetched: ReplicaFetched<B>,
        out: &mut Outbox<B>,
    ) {
        let awaited = self.fetchers.get_mut(from);
        if !awaited.is_some_and(|fetcher| fetcher.takes(fetched.session, now)) {
            return;
        }
        let mut refused = false;
        for part in fetched.partitions {
            refused |= part.error.is_error();
            let partition = part.partition;
            let moved = part.diverging.is_some() || !part.entries.is_empty();
            self.take_over(from, part, out);
            if moved && let Some(fetcher) = self.fetchers.get_mut(from) {
                fetcher.changed(partition);
            }
        }
        if fetched.error.is_error() {
            self.fetch_anew(now, from);
        } else if refused {
            // The metadata that explains it is on its way.
            let pause = ms(self.config.replica_fetch_backoff_ms).min(50 * super::MILLISECOND);
            self.fetchers.get_or_default(from).back_off(now + pause);
        }
    }

    fn take_over(&mut self, from: NodeId, part: ReplicaFetchedPartition<B>, out: &mut Outbox<B>) {
        let Some(replica) = self.replicas.get_mut(part.partition) else {
            return;
        };
        let current = replica.follows(from) && replica.epoch() == part.leader_epoch;
        if part.error.is_error() || !current {
            return;
        }
        if let Some((epoch, end)) = part.diverging {
            let (_, own_end) = replica.log.end_of_epoch(epoch);
            let target = if own_end >= 0 { end.min(own_end) } else { end };
            let from = replica.log.end();
            let to = replica.truncate(target.max(0));
            if to < from {
                out.fact(Fact::Truncated {
                    partition: part.partition,
                    from,
                    to,
                    epoch: part.leader_epoch,
                });
            }
            return;
        }
        let base = replica.log.end();
        if !part.entries.is_empty() && self.make_room(part.partition).is_err() {
            return;
        }
        let Some(replica) = self.replicas.get_mut(part.partition) else {
            return;
        };
        for entry in part.entries {
            if entry.base_offset == replica.log.end() {
                replica.producers.note(&entry);
                replica.log.append(entry);
            }
        }
        let mark = part.high_watermark.min(replica.log.end());
        replica.high_watermark = replica.high_watermark.max(mark);
        if replica.log.end() > base {
            self.sync_after_append(part.partition, base);
        }
    }
}

fn position<B: Body>(
    partition: TopicPartition,
    replica: &Replica<B>,
    blind: bool,
) -> ReplicaFetchPartition {
    ReplicaFetchPartition {
        partition,
        // What waits for the disk may still be lost, and must not count for the in-sync set.
        offset: replica.log.end(),
        current_leader_epoch: replica.epoch(),
        last_fetched_epoch: if blind { -1 } else { replica.log.last_epoch() },
        log_start_offset: replica.log.start(),
    }
}

impl<B: Body> Replica<B> {
    fn follows(&self, leader: NodeId) -> bool {
        matches!(&self.role, Role::Follower { leader: of, .. } if *of == leader)
    }
}

//! Replication: followers fetch, leaders answer and learn from it how far they are.

use super::fetch::diverging;
use super::replica::{Progress, Role};
use super::waits::Wait;
use super::{Broker, ms};
use crate::Nanos;
use crate::kafka::error::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{NodeId, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::peer::*;

impl<B: Clone> Broker<B> {
    pub(super) fn fetch_anew(&mut self, now: Nanos, leader: NodeId) {
        self.fetchers.entry(leader).or_default().reset(now);
    }

    /// Sends the fetches that are due.
    pub(super) fn send_fetches(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let wait = ms(self.config.replica_fetch_wait_max_ms);
        let leaders: Vec<NodeId> = self.fetchers.keys().copied().collect();
        for leader in leaders {
            let Some(session) = self
                .fetchers
                .get_mut(&leader)
                .and_then(|fetcher| fetcher.begin(now, wait))
            else {
                continue;
            };
            let partitions = self.followed(leader);
            if partitions.is_empty() {
                self.fetchers.entry(leader).or_default().idle();
                continue;
            }
            let fetch = ReplicaFetch {
                session,
                broker_epoch: self.control.broker_epoch.unwrap_or(-1),
                max_wait_ms: i32::try_from(self.config.replica_fetch_wait_max_ms)
                    .unwrap_or(i32::MAX),
                partitions,
            };
            out.peer(leader, Peer::Fetch(fetch));
        }
    }

    fn followed(&self, leader: NodeId) -> Vec<ReplicaFetchPartition> {
        let follows =
            |role: &Role| matches!(role, Role::Follower { leader: of, .. } if *of == leader);
        self.replicas
            .iter()
            // What waits for the disk is fetched on once it is there.
            .filter(|(_, replica)| follows(&replica.role) && replica.held_at.is_none())
            .map(|(partition, replica)| ReplicaFetchPartition {
                partition: *partition,
                offset: replica.log.end(),
                current_leader_epoch: replica.epoch(),
                last_fetched_epoch: if self.config.defects.truncate_to_high_watermark {
                    -1
                } else {
                    replica.log.last_epoch()
                },
                log_start_offset: replica.log.start(),
            })
            .collect()
    }

    /// The leader's side: takes note of how far the follower is, and answers now or when there is something.
    pub(super) fn replica_fetch(
        &mut self,
        now: Nanos,
        from: NodeId,
        fetch: ReplicaFetch,
        out: &mut Outbox<B>,
    ) {
        for asked in &fetch.partitions {
            self.note_progress(now, (from, fetch.broker_epoch), asked, out);
        }
        if fetch.partitions.iter().any(|asked| self.has_news(asked)) || fetch.max_wait_ms <= 0 {
            self.waits.drop_follower(from);
            self.answer_follower(from, &fetch, out);
        } else {
            let deadline = now + ms(i64::from(fetch.max_wait_ms));
            self.waits.insert(deadline, Wait::Replica { from, fetch });
        }
    }

    fn note_progress(
        &mut self,
        now: Nanos,
        (from, broker_epoch): (NodeId, i64),
        asked: &ReplicaFetchPartition,
        out: &mut Outbox<B>,
    ) {
        if self
            .led(asked.partition, asked.current_leader_epoch)
            .is_err()
        {
            return;
        }
        let Some(replica) = self.replicas.get_mut(&asked.partition) else {
            return;
        };
        if diverging(replica, asked.last_fetched_epoch, asked.offset).is_some()
            || asked.offset > replica.log.end()
        {
            return;
        }
        let end = replica.log.end();
        let Some(progress) = replica
            .leader_mut()
            .and_then(|leader| leader.followers.get_mut(&from))
        else {
            return;
        };
        // Caught up: it has all there was when it asked before, or all there is (KIP-16).
        if asked.offset >= end {
            progress.caught_up_at = now;
        } else if asked.offset >= progress.leader_end_at_fetch {
            progress.caught_up_at = progress.caught_up_at.max(progress.fetched_at);
        }
        *progress = Progress {
            log_end: asked.offset,
            leader_end_at_fetch: end,
            fetched_at: now,
            caught_up_at: progress.caught_up_at,
            broker_epoch,
        };
        self.consider_expansion(now, asked.partition, from, out);
        self.advance_high_watermark(now, asked.partition, out);
    }

    fn has_news(&self, asked: &ReplicaFetchPartition) -> bool {
        match self.led(asked.partition, asked.current_leader_epoch) {
            Err(_) => true,
            Ok(replica) => {
                replica.log.end() > asked.offset
                    || diverging(replica, asked.last_fetched_epoch, asked.offset).is_some()
            }
        }
    }

    pub(super) fn wake_followers(
        &mut self,
        _now: Nanos,
        partition: TopicPartition,
        out: &mut Outbox<B>,
    ) {
        for id in self.waits.on(partition) {
            if !matches!(self.waits.get(id), Some(Wait::Replica { .. })) {
                continue;
            }
            if let Some(Wait::Replica { from, fetch }) = self.waits.remove(id) {
                self.answer_follower(from, &fetch, out);
            }
        }
    }

    pub(super) fn answer_follower(
        &mut self,
        from: NodeId,
        fetch: &ReplicaFetch,
        out: &mut Outbox<B>,
    ) {
        let mut left = self.config.replica_fetch_max_bytes;
        let partitions = fetch
            .partitions
            .iter()
            .map(|asked| self.answer_partition(asked, &mut left))
            .collect();
        out.peer(
            from,
            Peer::Fetched(ReplicaFetched {
                session: fetch.session,
                partitions,
            }),
        );
    }

    fn answer_partition(
        &self,
        asked: &ReplicaFetchPartition,
        left: &mut i64,
    ) -> ReplicaFetchedPartition<B> {
        let mut answer = ReplicaFetchedPartition {
            partition: asked.partition,
            error: ErrorCode::None,
            leader_epoch: -1,
            high_watermark: -1,
            log_start_offset: -1,
            diverging: None,
            entries: Vec::new(),
        };
        match self.led(asked.partition, asked.current_leader_epoch) {
            Err(error) => answer.error = error,
            Ok(replica) => {
                answer.leader_epoch = replica.epoch();
                answer.high_watermark = replica.high_watermark;
                answer.log_start_offset = replica.log.start();
                answer.diverging = diverging(replica, asked.last_fetched_epoch, asked.offset);
                if answer.diverging.is_none() && *left > 0 {
                    answer.entries = replica
                        .log
                        .read(asked.offset, i64::MAX, *left)
                        .cloned()
                        .collect();
                    *left -= answer
                        .entries
                        .iter()
                        .map(|entry| i64::from(entry.batch.header.bytes))
                        .sum::<i64>();
                }
            }
        }
        answer
    }

    /// The follower's side of an answer.
    pub(super) fn fetched(
        &mut self,
        now: Nanos,
        from: NodeId,
        fetched: ReplicaFetched<B>,
        out: &mut Outbox<B>,
    ) {
        let awaited = self
            .fetchers
            .get_mut(&from)
            .is_some_and(|fetcher| fetcher.takes(fetched.session, now));
        if !awaited {
            return;
        }
        let mut refused = false;
        for part in fetched.partitions {
            refused |= part.error.is_error();
            self.take_over(from, part, out);
        }
        if refused {
            // The metadata that explains it is on its way.
            let until = now + ms(self.config.replica_fetch_backoff_ms).min(50 * super::MILLISECOND);
            self.fetchers.entry(from).or_default().back_off(until);
        }
    }

    fn take_over(&mut self, from: NodeId, part: ReplicaFetchedPartition<B>, out: &mut Outbox<B>) {
        let Some(replica) = self.replicas.get_mut(&part.partition) else {
            return;
        };
        let follows = matches!(&replica.role, Role::Follower { leader, epoch } if *leader == from && *epoch == part.leader_epoch);
        if part.error.is_error() || !follows {
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

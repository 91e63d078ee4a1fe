//! The high watermark and the in-sync set of partitions that are led here.

use super::replica::{Proposal, Role};
use super::{Broker, MILLISECOND, ms};
use crate::Nanos;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{NodeId, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::peer::{AlterPartition, AlteredPartition, PartitionState, Peer};

/// An unanswered proposal is sent again after this time.
const RETRY: Nanos = 1_000 * MILLISECOND;

impl<B: Clone> Broker<B> {
    /// Moves the high watermark to what every member of the (maximal) in-sync set has; wakes who waits for it.
    pub(super) fn advance_high_watermark(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        out: &mut Outbox<B>,
    ) {
        let min_insync = self.image.min_insync(partition.topic, &self.config);
        let (id, config) = (self.id, &self.config);
        let Some(replica) = self.replicas.get_mut(&partition) else {
            return;
        };
        let end = replica.log.end();
        let Some(leader) = replica.leader() else {
            return;
        };
        // KIP-966: below min.insync.replicas nothing new counts as committed.
        if config.eligible_leader_replicas && leader.isr.len() < min_insync {
            return;
        }
        let reached = |node: NodeId| {
            if node == id {
                end
            } else {
                leader
                    .followers
                    .get(&node)
                    .map_or(-1, |progress| progress.log_end)
            }
        };
        let mut mark = leader.maximal_isr().map(reached).min().unwrap_or(end);
        if config.defects.high_watermark_at_log_end {
            mark = end;
        }
        if mark <= replica.high_watermark {
            return;
        }
        replica.high_watermark = mark;
        if config.high_watermark_facts {
            out.fact(Fact::HighWatermark {
                partition,
                offset: mark,
            });
        }
        for wait in self.waits.on(partition) {
            self.check_append_wait(now, wait, out);
            self.check_fetch_wait(now, wait, out);
        }
    }

    /// A follower that has caught up comes back into the set.
    pub(super) fn consider_expansion(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        follower: NodeId,
        out: &mut Outbox<B>,
    ) {
        let alive = self.image.is_alive(follower);
        let Some(replica) = self.replicas.get(&partition) else {
            return;
        };
        let Some(leader) = replica.leader() else {
            return;
        };
        let Some(progress) = leader.followers.get(&follower) else {
            return;
        };
        let caught_up =
            progress.log_end >= replica.high_watermark && progress.log_end >= leader.epoch_start;
        if alive && caught_up && leader.proposal.is_none() && !leader.isr.contains(&follower) {
            let mut isr = leader.isr.clone();
            isr.push(follower);
            isr.sort_unstable();
            self.propose(now, partition, isr, out);
        }
    }

    /// Followers that have not caught up for too long leave the set; proposals without an answer are sent again.
    pub(super) fn isr_tick(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let retries: Vec<TopicPartition> = self
            .replicas
            .iter()
            .filter(|(_, replica)| {
                replica
                    .leader()
                    .and_then(|l| l.proposal.as_ref())
                    .is_some_and(|p| p.retry_at <= now)
            })
            .map(|(partition, _)| *partition)
            .collect();
        for partition in retries {
            let isr = self
                .replicas
                .get(&partition)
                .and_then(|r| r.leader()?.proposal.as_ref().map(|p| p.isr.clone()));
            self.propose(now, partition, isr.unwrap_or_default(), out);
        }
        if now < self.isr_check_at {
            return;
        }
        self.isr_check_at = now + ms(self.config.replica_lag_time_max_ms) / 2;
        let lagging: Vec<(TopicPartition, Vec<NodeId>)> = self
            .replicas
            .keys()
            .filter_map(|partition| Some((*partition, self.shrunk(now, *partition)?)))
            .collect();
        for (partition, isr) in lagging {
            if self.config.defects.shrink_isr_alone {
                if let Some(leader) = self
                    .replicas
                    .get_mut(&partition)
                    .and_then(super::Replica::leader_mut)
                {
                    leader.isr = isr;
                }
                self.advance_high_watermark(now, partition, out);
            } else {
                self.propose(now, partition, isr, out);
            }
        }
    }

    /// The in-sync set without those that lag, when some do.
    fn shrunk(&self, now: Nanos, partition: TopicPartition) -> Option<Vec<NodeId>> {
        let replica = self.replicas.get(&partition)?;
        let leader = replica.leader()?;
        if leader.proposal.is_some() {
            return None;
        }
        let longest = ms(self.config.replica_lag_time_max_ms);
        let lags = |node: &NodeId| {
            leader.followers.get(node).is_some_and(|progress| {
                progress.log_end < replica.log.end()
                    && now.saturating_sub(progress.caught_up_at) > longest
            })
        };
        let isr: Vec<NodeId> = leader
            .isr
            .iter()
            .filter(|node| !lags(node))
            .copied()
            .collect();
        (isr.len() < leader.isr.len()).then_some(isr)
    }

    fn propose(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        isr: Vec<NodeId>,
        out: &mut Outbox<B>,
    ) {
        let Some(broker_epoch) = self.control.broker_epoch else {
            return;
        };
        let correlation = self.next_correlation();
        let epochs: Vec<(NodeId, i64)> = isr
            .iter()
            .map(|node| (*node, self.image.epoch_of(*node)))
            .collect();
        let controller = self.control.controller();
        let Some(leader) = self
            .replicas
            .get_mut(&partition)
            .and_then(super::Replica::leader_mut)
        else {
            return;
        };
        let message = AlterPartition {
            correlation,
            broker_epoch,
            partition,
            leader_epoch: leader.epoch,
            partition_epoch: leader.partition_epoch,
            isr: epochs,
        };
        leader.proposal = Some(Proposal {
            isr,
            correlation,
            retry_at: now + RETRY,
        });
        out.peer(controller, Peer::AlterPartition(message));
    }

    pub(super) fn altered(&mut self, now: Nanos, answer: AlteredPartition, out: &mut Outbox<B>) {
        let Some(leader) = self
            .replicas
            .get_mut(&answer.partition)
            .and_then(super::Replica::leader_mut)
        else {
            return;
        };
        if leader
            .proposal
            .as_ref()
            .is_none_or(|proposal| proposal.correlation != answer.correlation)
        {
            return;
        }
        leader.proposal = None;
        if let Some(state) = answer.state {
            self.adopt_isr(now, answer.partition, &state, out);
        }
    }

    /// Takes over the in-sync set that the controller committed for the present epoch.
    pub(super) fn adopt_isr(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        state: &PartitionState,
        out: &mut Outbox<B>,
    ) {
        let Some(replica) = self.replicas.get_mut(&partition) else {
            return;
        };
        let Role::Leader(leader) = &mut replica.role else {
            return;
        };
        if state.leader_epoch != leader.epoch || state.partition_epoch <= leader.partition_epoch {
            return;
        }
        leader.partition_epoch = state.partition_epoch;
        leader.isr.clone_from(&state.isr);
        // Whatever was proposed was against an older partition epoch.
        leader.proposal = None;
        self.advance_high_watermark(now, partition, out);
        for wait in self.waits.on(partition) {
            self.check_append_wait(now, wait, out);
        }
    }
}

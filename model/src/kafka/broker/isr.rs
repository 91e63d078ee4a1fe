//! The high watermark and the in-sync set of partitions that are led here.

use super::replica::{Leader, Proposal, Replica, Role};
use super::{Broker, MILLISECOND, ms};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{NodeId, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::peer::{AlterPartition, AlteredPartition, PartitionState, Peer};

/// An unanswered proposal is sent again after this time.
const RETRY: Nanos = 1_000 * MILLISECOND;

impl<B: Body> Broker<B> {
    /// Moves the high watermark to what every member of the (maximal) in-sync set has; wakes who waits for it.
    pub(super) fn advance_high_watermark(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        out: &mut Outbox<B>,
    ) {
        let min_insync = self.image.min_insync(partition, &self.config);
        let (id, config) = (self.id, &self.config);
        let Some(replica) = self.replicas.get_mut(partition) else {
            return;
        };
        let Some(leader) = replica.leader() else {
            return;
        };
        // KIP-966: below min.insync.replicas nothing new counts as committed.
        let reserves = config.eligible_leader_replicas && !config.defects.forget_eligible_replicas;
        if reserves && leader.isr.len() < min_insync && !config.defects.ignore_min_insync {
            return;
        }
        let end = replica.synced_end();
        let mut mark = leader.reached_by_all(id, end);
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
        self.note_news(partition, false);
        let mut from = 0;
        while let Some(wait) = self.waits.on(partition, from) {
            from = wait + 1;
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
        let known_epoch = self.image.epoch_of(follower);
        if !alive || !self.sessions.contains(follower) {
            return;
        }
        let Some(replica) = self.replicas.get(partition) else {
            return;
        };
        let Some(leader) = replica.leader() else {
            return;
        };
        let Some(progress) = leader.followers.get(follower) else {
            return;
        };
        let far_enough =
            progress.log_end >= replica.high_watermark && progress.log_end >= leader.epoch_start;
        let caught_up = (far_enough || self.config.defects.rejoin_at_once)
            && progress.broker_epoch == known_epoch;
        if caught_up && leader.proposal.is_none() && !leader.isr.contains(&follower) {
            let mut isr = leader.isr.clone();
            isr.push(follower);
            isr.sort_unstable();
            self.propose(now, partition, &isr, out);
        }
    }

    /// Looks at all followers of a partition that are not in the set: what kept them out may be gone though they fetch nothing new.
    pub(super) fn reconsider_expansion(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        out: &mut Outbox<B>,
    ) {
        let leader = self.replicas.get(partition).and_then(Replica::leader);
        let outside = |l: &Leader| {
            let followers = l.followers.nodes();
            followers.filter(|f| !l.isr.contains(f)).collect()
        };
        let outside: Vec<NodeId> = leader.map(outside).unwrap_or_default();
        for follower in outside {
            self.consider_expansion(now, partition, follower, out);
        }
    }

    /// As above, for everything that is led here: brokers came back, or it is time.
    pub(super) fn reconsider_all(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let small = |l: &Leader| l.isr.len() <= l.followers.len() && l.proposal.is_none();
        let led = self.replicas.iter();
        let led = led.filter(|(_, replica)| replica.leader().is_some_and(small));
        let led: Vec<TopicPartition> = led.map(|(partition, _)| partition).collect();
        for partition in led {
            self.reconsider_expansion(now, partition, out);
        }
    }

    /// Followers that have not caught up for too long leave the set; proposals without an answer are sent again.
    pub(super) fn isr_tick(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let due = self.proposals.iter().filter(|(_, at)| **at <= now);
        let due: Vec<TopicPartition> = due.map(|(partition, _)| *partition).collect();
        for partition in due {
            self.proposals.remove(&partition);
            self.send_proposal(now, partition, out);
        }
        if now < self.isr_check_at {
            return;
        }
        self.isr_check_at = now + ms(self.config.replica_lag_time_max_ms) / 2;
        let longest = ms(self.config.replica_lag_time_max_ms);
        let shrunk = |(partition, replica): (TopicPartition, &Replica<B>)| {
            Some((partition, shrunk(replica, now, longest)?))
        };
        let lagging: Vec<_> = self.replicas.iter().filter_map(shrunk).collect();
        for (partition, isr) in lagging {
            if self.config.defects.shrink_isr_alone {
                if let Some(leader) = self.leading(partition) {
                    leader.isr = isr;
                }
                self.advance_high_watermark(now, partition, out);
            } else {
                self.propose(now, partition, &isr, out);
            }
        }
        self.reconsider_all(now, out);
    }

    fn leading(&mut self, partition: TopicPartition) -> Option<&mut Leader> {
        self.replicas
            .get_mut(partition)
            .and_then(Replica::leader_mut)
    }

    fn propose(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        isr: &[NodeId],
        out: &mut Outbox<B>,
    ) {
        let correlation = self.next_correlation();
        let image = &self.image;
        let Some(leader) = self
            .replicas
            .get_mut(partition)
            .and_then(Replica::leader_mut)
        else {
            return;
        };
        // The process that has fetched is the one that is vouched for (KIP-903).
        let vouched = |node: &NodeId| {
            let fetched = leader.followers.get(*node).map(|p| p.broker_epoch);
            let epoch = fetched.filter(|epoch| *epoch >= 0);
            (*node, epoch.unwrap_or_else(|| image.epoch_of(*node)))
        };
        leader.proposal = Some(Proposal {
            isr: isr.iter().map(vouched).collect(),
            correlation,
        });
        self.send_proposal(now, partition, out);
    }

    /// Sends what is proposed, the first time or again.
    fn send_proposal(&mut self, now: Nanos, partition: TopicPartition, out: &mut Outbox<B>) {
        let broker_epoch = self.control.broker_epoch;
        let controller = self.control.controller();
        let Some(leader) = self.leading(partition) else {
            return;
        };
        let Some(proposal) = &leader.proposal else {
            return;
        };
        if let Some(broker_epoch) = broker_epoch {
            let message = AlterPartition {
                correlation: proposal.correlation,
                broker_epoch,
                partition,
                leader_epoch: leader.epoch,
                partition_epoch: leader.partition_epoch,
                isr: proposal.isr.clone(),
            };
            out.peer(controller, Peer::AlterPartition(message));
        }
        self.proposals.insert(partition, now + RETRY);
    }

    /// Sends again at once what the controller may not have heard.
    pub(super) fn repeat_proposals(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let unanswered: Vec<TopicPartition> = self.proposals.keys().copied().collect();
        for partition in unanswered {
            self.send_proposal(now, partition, out);
        }
    }

    pub(super) fn altered(&mut self, now: Nanos, answer: AlteredPartition, out: &mut Outbox<B>) {
        if let Some(state) = &answer.state {
            self.adopt_isr(now, answer.partition, state, out);
            return;
        }
        let Some(leader) = self.leading(answer.partition) else {
            return;
        };
        let awaited = leader.proposal.as_ref();
        if awaited.is_none_or(|proposal| proposal.correlation != answer.correlation) {
            return;
        }
        // Only this error says that the change was surely not made. After any other it may have been, and the larger set goes on
        // counting until the metadata tells.
        if answer.error == ErrorCode::IneligibleReplica {
            leader.proposal = None;
            self.proposals.remove(&answer.partition);
            self.advance_high_watermark(now, answer.partition, out);
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
        let Some(replica) = self.replicas.get_mut(partition) else {
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
        self.proposals.remove(&partition);
        self.advance_high_watermark(now, partition, out);
        let mut from = 0;
        while let Some(wait) = self.waits.on(partition, from) {
            from = wait + 1;
            self.check_append_wait(now, wait, out);
        }
        self.reconsider_expansion(now, partition, out);
    }
}

/// The in-sync set without those that lag, when some do.
fn shrunk<B: Body>(replica: &Replica<B>, now: Nanos, longest: Nanos) -> Option<Vec<NodeId>> {
    let leader = replica.leader()?;
    if leader.proposal.is_some() {
        return None;
    }
    let lags = |node: &NodeId| {
        leader.followers.get(*node).is_some_and(|progress| {
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

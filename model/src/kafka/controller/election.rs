//! Elections: from the in-sync set, else from the eligible replicas (KIP-966), else, where it is allowed, from whoever lives.

use super::Controller;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{NodeId, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::peer::PartitionState;

impl<B: Clone> Controller<B> {
    /// A broker is fenced or shuts down: it leaves the in-sync sets, and what it led gets another leader.
    pub(super) fn leave_partitions(&mut self, node: NodeId, out: &mut Outbox<B>) {
        for (partition, state) in self.concerned(node) {
            let mut next = state.clone();
            self.remove_from_isr(partition, &mut next, node);
            if state.leader == Some(node) {
                next.leader = None;
                self.elect(partition, &mut next);
            }
            self.commit_change(partition, &state, next, out);
        }
    }

    /// A process came back without having ended in order: what it had in memory only is gone, so it is no longer eligible.
    pub(super) fn unclean_restart(&mut self, node: NodeId, out: &mut Outbox<B>) {
        if !self.config.eligible_leader_replicas {
            return;
        }
        for (partition, state) in self.concerned(node) {
            let mut next = state.clone();
            next.elr.retain(|eligible| *eligible != node);
            if state.leader == Some(node) {
                next.leader = None;
                self.remove_from_isr(partition, &mut next, node);
                next.elr.retain(|eligible| *eligible != node);
                self.elect(partition, &mut next);
            }
            self.commit_change(partition, &state, next, out);
        }
    }

    pub(super) fn elect_where_offline(&mut self, out: &mut Outbox<B>) {
        let offline: Vec<(TopicPartition, PartitionState)> = self
            .partitions()
            .filter(|(_, state)| state.leader.is_none())
            .map(|(partition, state)| (*partition, state.clone()))
            .collect();
        for (partition, state) in offline {
            let mut next = state.clone();
            self.elect(partition, &mut next);
            self.commit_change(partition, &state, next, out);
        }
    }

    fn concerned(&self, node: NodeId) -> Vec<(TopicPartition, PartitionState)> {
        let concerns = |state: &PartitionState| {
            state.leader == Some(node) || state.isr.contains(&node) || state.elr.contains(&node)
        };
        self.partitions()
            .filter(|(_, state)| concerns(state))
            .map(|(partition, state)| (*partition, state.clone()))
            .collect()
    }

    /// Without KIP-966 the last member never leaves; with it, members leave for the eligible replicas while the set is too small.
    pub(super) fn remove_from_isr(
        &self,
        partition: TopicPartition,
        state: &mut PartitionState,
        node: NodeId,
    ) {
        if !state.isr.contains(&node) {
            return;
        }
        if !self.config.eligible_leader_replicas {
            if state.isr.len() > 1 {
                state.isr.retain(|member| *member != node);
            }
            return;
        }
        state.isr.retain(|member| *member != node);
        if state.isr.len() < self.min_insync(partition.topic) && !state.elr.contains(&node) {
            state.elr.push(node);
        }
    }

    /// Chooses a leader for a partition that has none.
    fn elect(&self, partition: TopicPartition, state: &mut PartitionState) {
        let usable = |node: &NodeId| self.is_alive(*node) && !self.is_shutting_down(*node);
        let from = |set: &[NodeId]| {
            state
                .replicas
                .iter()
                .find(|node| set.contains(node) && usable(node))
                .copied()
        };
        if let Some(leader) = from(&state.isr) {
            state.leader = Some(leader);
            return;
        }
        if let Some(leader) = from(&state.elr) {
            state.leader = Some(leader);
            state.elr.retain(|node| *node != leader);
            state.isr = vec![leader];
            return;
        }
        let config = self.topic_config(partition.topic);
        if config
            .unclean_leader_election
            .unwrap_or(self.config.unclean_leader_election)
            && let Some(leader) = state.replicas.iter().find(|node| usable(node)).copied()
        {
            state.leader = Some(leader);
            state.isr = vec![leader];
            state.elr.clear();
        }
    }

    /// Commits what differs, and tells it.
    pub(super) fn commit_change(
        &mut self,
        partition: TopicPartition,
        old: &PartitionState,
        mut next: PartitionState,
        out: &mut Outbox<B>,
    ) {
        if *old == next {
            return;
        }
        let moved = old.leader != next.leader;
        if moved {
            next.leader_epoch += 1;
        }
        next.partition_epoch += 1;
        if next.isr.len() >= self.min_insync(partition.topic) {
            next.elr.clear();
        }
        if old.isr != next.isr {
            out.fact(Fact::IsrChanged {
                partition,
                epoch: next.leader_epoch,
                from: old.isr.clone(),
                to: next.isr.clone(),
            });
        }
        if moved {
            let clean = next
                .leader
                .is_none_or(|leader| old.isr.contains(&leader) || old.elr.contains(&leader));
            out.fact(Fact::Elected {
                partition,
                leader: next.leader,
                epoch: next.leader_epoch,
                isr: next.isr.clone(),
                clean,
            });
        }
        self.commit_partition(partition, next);
    }
}

//! Becoming leader or follower of a partition, as the metadata says.

use super::Broker;
use super::replica::{Leader, Progress, Replica, Role};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{Name, NodeId, TopicPartition};
use crate::kafka::log::Log;
use crate::kafka::machine::Outbox;
use crate::kafka::peer::PartitionState;

impl<B: Body> Broker<B> {
    /// Brings the replica here in line with what the controller committed.
    pub(super) fn follow_leadership(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        state: &PartitionState,
        out: &mut Outbox<B>,
    ) {
        if !state.replicas.contains(&self.id) {
            self.replicas.remove(partition);
            return;
        }
        let replica = self
            .replicas
            .get_or_insert_with(partition, || Replica::new(Log::default(), 0));
        let Some(replica) = replica.filter(|replica| state.leader_epoch >= replica.epoch()) else {
            return;
        };
        if state.leader == Some(self.id) {
            if state.leader_epoch > replica.epoch() {
                self.lead(now, partition, state, out);
            } else {
                self.adopt_isr(now, partition, state, out);
            }
            return;
        }
        let changed =
            state.leader_epoch > replica.epoch() || matches!(replica.role, Role::Idle { .. });
        if changed {
            self.step_down(now, partition, state, out);
        }
    }

    fn lead(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        state: &PartitionState,
        out: &mut Outbox<B>,
    ) {
        let Some(replica) = self.replicas.get_mut(partition) else {
            return;
        };
        let start = replica.log.end();
        replica.log.begin_epoch(state.leader_epoch, start);
        if self.config.defects.forget_producers_at_failover {
            replica.producers.forget();
        }
        let fresh = Progress {
            log_end: -1,
            leader_end_at_fetch: start,
            fetched_at: now,
            caught_up_at: now,
            broker_epoch: -1,
        };
        let followers = state
            .replicas
            .iter()
            .filter(|node| **node != self.id)
            .map(|node| (*node, fresh))
            .collect();
        replica.role = Role::Leader(Leader {
            epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            epoch_start: start,
            isr: state.isr.clone(),
            proposal: None,
            followers,
        });
        out.fact(Fact::Leading {
            partition,
            epoch: state.leader_epoch,
            start_offset: start,
        });
        self.note_news(partition, true);
        self.advance_high_watermark(now, partition, out);
        self.load_groups(now, partition, out);
    }

    fn step_down(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        state: &PartitionState,
        out: &mut Outbox<B>,
    ) {
        let cut_blindly = self.config.defects.truncate_to_high_watermark;
        let Some(replica) = self.replicas.get_mut(partition) else {
            return;
        };
        let led = replica.leader().is_some();
        replica.role = match state.leader {
            Some(leader) => Role::Follower {
                leader,
                epoch: state.leader_epoch,
            },
            None => Role::Idle {
                epoch: state.leader_epoch,
            },
        };
        if cut_blindly && state.leader.is_some() {
            let (from, mark) = (replica.log.end(), replica.high_watermark);
            let to = replica.truncate(mark);
            if to < from {
                out.fact(Fact::Truncated {
                    partition,
                    from,
                    to,
                    epoch: state.leader_epoch,
                });
            }
        }
        if led {
            self.unload_groups(partition, out);
            self.fail_waits(now, partition, out);
        }
        if let Some(leader) = state.leader {
            self.fetch_anew(now, leader);
        }
    }

    pub(super) fn drop_topic(&mut self, now: Nanos, topic: Name, out: &mut Outbox<B>) {
        let gone: Vec<TopicPartition> = self
            .replicas
            .keys()
            .filter(|partition| partition.topic == topic)
            .collect();
        for partition in gone {
            self.replicas.remove(partition);
            self.unload_groups(partition, out);
            self.fail_waits(now, partition, out);
        }
    }

    /// The broker that leads a partition and in which epoch, as far as is known here.
    pub(super) fn known_leader(&self, partition: TopicPartition) -> Option<(NodeId, i32)> {
        let state = self.image.partitions.get(partition)?;
        state.leader.map(|leader| (leader, state.leader_epoch))
    }
}

//! Changes of in-sync sets that leaders propose (KIP-497, KIP-841, KIP-903).

use super::Controller;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::NodeId;
use crate::kafka::machine::Outbox;
use crate::kafka::peer::{AlterPartition, AlteredPartition, PartitionState, Peer};

impl<B: Clone> Controller<B> {
    pub(super) fn alter_partition(
        &mut self,
        from: NodeId,
        request: AlterPartition,
        out: &mut Outbox<B>,
    ) {
        let (correlation, partition) = (request.correlation, request.partition);
        let (error, state) = match self.altered(from, &request, out) {
            Ok(state) => (ErrorCode::None, Some(state)),
            Err(error) => (error, None),
        };
        out.peer(
            from,
            Peer::AlteredPartition(AlteredPartition {
                correlation,
                partition,
                error,
                state,
            }),
        );
    }

    fn altered(
        &mut self,
        from: NodeId,
        request: &AlterPartition,
        out: &mut Outbox<B>,
    ) -> Result<PartitionState, ErrorCode> {
        let known = self
            .registrations
            .get(&from)
            .is_some_and(|registration| registration.epoch == request.broker_epoch);
        if !known {
            return Err(ErrorCode::StaleBrokerEpoch);
        }
        let (_, old) = self
            .disk
            .partitions
            .get(&request.partition)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let old = old.clone();
        if request.leader_epoch < old.leader_epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if old.leader != Some(from) || request.leader_epoch > old.leader_epoch {
            return Err(ErrorCode::InvalidRequest);
        }
        if request.partition_epoch != old.partition_epoch {
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        let isr: Vec<NodeId> = request.isr.iter().map(|(node, _)| *node).collect();
        if !isr.contains(&from) || isr.iter().any(|node| !old.replicas.contains(node)) {
            return Err(ErrorCode::InvalidRequest);
        }
        let eligible = |(node, epoch): &(NodeId, i64)| {
            old.isr.contains(node)
                || (self.is_alive(*node)
                    && !self.is_shutting_down(*node)
                    && self
                        .registrations
                        .get(node)
                        .is_some_and(|registration| registration.epoch == *epoch))
        };
        if !request.isr.iter().all(eligible) {
            return Err(ErrorCode::IneligibleReplica);
        }
        self.change(request.partition, &old, isr, None, out);
        self.disk
            .partitions
            .get(&request.partition)
            .map(|(_, state)| state.clone())
            .ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}

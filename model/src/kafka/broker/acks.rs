//! The wait for replication: who is told what, and when.

use super::Broker;
use super::waits::{Pending, Wait};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::TopicPartition;
use crate::kafka::machine::Outbox;
use crate::kafka::message::{ProducedPartition, Response};

impl<B: Body> Broker<B> {
    /// Answers a produce or group append when all its batches are replicated, or never will be by this leader.
    pub(super) fn check_append_wait(&mut self, now: Nanos, id: u64, out: &mut Outbox<B>) {
        let open = self.waits.get(id).map_or(0, |wait| wait.pending().len());
        if open == 0 {
            return;
        }
        let mut done = true;
        for index in 0..open {
            let Some(pending) = self
                .waits
                .get(id)
                .and_then(|wait| wait.pending().get(index))
            else {
                return;
            };
            if pending.outcome.is_none() {
                let outcome = self.outcome_of(pending);
                done &= outcome.is_some();
                let open = self.waits.get_mut(id).map(Wait::pending_mut);
                if let Some(pending) = open.and_then(|open| open.get_mut(index)) {
                    pending.outcome = outcome;
                }
            }
        }
        if done && let Some(wait) = self.waits.remove(id) {
            self.finish_append(now, wait, ErrorCode::None, out);
        }
    }

    /// `None` while it waits.
    fn outcome_of(&self, pending: &Pending) -> Option<Result<(), ErrorCode>> {
        let refused = Some(Err(ErrorCode::NotLeaderOrFollower));
        let Some(replica) = self.replicas.get(pending.partition) else {
            return refused;
        };
        let Some(leader) = replica.leader() else {
            return refused;
        };
        if !pending.by_all {
            return (replica.synced_end() >= pending.end_offset).then_some(Ok(()));
        }
        if replica.high_watermark < pending.end_offset {
            return None;
        }
        let enough = self.config.defects.ignore_min_insync
            || leader.isr.len() >= self.image.min_insync(pending.partition, &self.config);
        Some(if enough {
            Ok(())
        } else {
            Err(ErrorCode::NotEnoughReplicasAfterAppend)
        })
    }

    /// The deadline is there: what is not replicated yet timed out, though it stays in the log.
    pub(super) fn expire_append(&mut self, now: Nanos, wait: Wait, out: &mut Outbox<B>) {
        self.finish_append(now, wait, ErrorCode::RequestTimedOut, out);
    }

    /// `late` is the error of what has no outcome yet.
    fn finish_append(&mut self, now: Nanos, wait: Wait, late: ErrorCode, out: &mut Outbox<B>) {
        match wait {
            Wait::Produce {
                conn,
                results,
                pending,
            } => {
                let answer = |result| self.answered_partition(result, &pending, late);
                let results = results.into_iter().map(answer).collect();
                out.send(conn, Response::Produce(results));
            }
            Wait::Group {
                partition,
                token,
                pending,
            } => {
                let result = pending[0].outcome.unwrap_or(Err(late));
                self.group_appended(now, partition, token, result, out);
            }
            Wait::Fetch { .. } => {}
        }
    }

    fn answered_partition(
        &self,
        result: ProducedPartition,
        pending: &[Pending],
        late: ErrorCode,
    ) -> ProducedPartition {
        if result.error.is_error() {
            return result;
        }
        let own = pending.iter().find(|p| p.partition == result.partition);
        match own.map_or(Ok(()), |p| p.outcome.unwrap_or(Err(late))) {
            Ok(()) => result,
            Err(error) => self.produced(result.partition, error, -1),
        }
    }

    /// This broker no longer leads the partition: what waits for it here has failed for good, even if it leads again later.
    pub(super) fn fail_appends(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        out: &mut Outbox<B>,
    ) {
        let outcome = match self.config.defects.acknowledge_at_step_down {
            true => Ok(()),
            false => Err(ErrorCode::NotLeaderOrFollower),
        };
        let mut from = 0;
        while let Some(id) = self.waits.on(partition, from) {
            from = id + 1;
            let pending = self.waits.get_mut(id).map(Wait::pending_mut);
            for open in pending.unwrap_or_default() {
                if open.partition == partition && open.outcome.is_none() {
                    open.outcome = Some(outcome);
                }
            }
            self.check_append_wait(now, id, out);
        }
    }
}

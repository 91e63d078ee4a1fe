//! Produce: checks, append, and the wait for replication.

use super::waits::{Pending, Wait};
use super::{Broker, ms};
use crate::Nanos;
use crate::kafka::batch::{Batch, Entry, Stored};
use crate::kafka::error::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{ConnId, Offset, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::message::{Acks, ProduceRequest, ProducedPartition, Response};
use crate::kafka::producers::Admission;

impl<B: Clone> Broker<B> {
    pub(super) fn produce(
        &mut self,
        now: Nanos,
        conn: ConnId,
        request: ProduceRequest<B>,
        out: &mut Outbox<B>,
    ) {
        let mut results = Vec::with_capacity(request.partitions.len());
        let mut pending = Vec::new();
        for (partition, batch) in request.partitions {
            let appended =
                batch.and_then(|batch| self.append_client(partition, batch, request.acks, out));
            match appended {
                Ok((base_offset, end_offset)) => {
                    let epoch = self
                        .replicas
                        .get(&partition)
                        .map_or(-1, super::Replica::epoch);
                    pending.push(Pending {
                        partition,
                        epoch,
                        end_offset,
                    });
                    results.push(self.produced(partition, ErrorCode::None, base_offset));
                }
                Err(error) => results.push(self.produced(partition, error, -1)),
            }
        }
        let touched: Vec<TopicPartition> =
            pending.iter().map(|pending| pending.partition).collect();
        self.finish_produce(
            now,
            conn,
            request.acks,
            request.timeout_ms,
            results,
            pending,
            out,
        );
        touched
            .into_iter()
            .for_each(|partition| self.appended(now, partition, out));
    }

    #[allow(clippy::too_many_arguments)]
    fn finish_produce(
        &mut self,
        now: Nanos,
        conn: ConnId,
        acks: Acks,
        timeout_ms: i32,
        results: Vec<ProducedPartition>,
        pending: Vec<Pending>,
        out: &mut Outbox<B>,
    ) {
        match acks {
            // Nothing is answered; an error shows only as a closed connection.
            Acks::None if results.iter().any(|result| result.error.is_error()) => out.close(conn),
            Acks::None => {}
            Acks::All if !pending.is_empty() => {
                self.waits.insert(
                    now + ms(i64::from(timeout_ms)),
                    Wait::Produce {
                        conn,
                        results,
                        pending,
                    },
                );
            }
            Acks::Leader | Acks::All => out.send(conn, Response::Produce(results)),
        }
    }

    pub(super) fn produced(
        &self,
        partition: TopicPartition,
        error: ErrorCode,
        base_offset: Offset,
    ) -> ProducedPartition {
        let log_start_offset = self
            .replicas
            .get(&partition)
            .map_or(-1, |replica| replica.log.start());
        let moved = error == ErrorCode::NotLeaderOrFollower;
        let current_leader = if moved {
            self.known_leader(partition)
        } else {
            None
        };
        ProducedPartition {
            partition,
            error,
            base_offset,
            log_start_offset,
            current_leader,
        }
    }

    /// Appends a client's batch; returns its first offset and the one behind it.
    fn append_client(
        &mut self,
        partition: TopicPartition,
        batch: Batch<B>,
        acks: Acks,
        out: &mut Outbox<B>,
    ) -> Result<(Offset, Offset), ErrorCode> {
        if partition.topic == self.config.offsets_topic {
            return Err(ErrorCode::InvalidTopicException);
        }
        let max_bytes = self.image.max_message_bytes(partition.topic, &self.config);
        self.may_append(partition, acks)?;
        if i64::from(batch.header.bytes) > max_bytes {
            return Err(ErrorCode::MessageTooLarge);
        }
        let replica = self
            .replicas
            .get_mut(&partition)
            .ok_or(ErrorCode::NotLeaderOrFollower)?;
        if let Some(stamp) = batch.header.stamp {
            match replica.producers.admit(stamp, batch.header.records) {
                Admission::Append => {}
                Admission::Refuse(error) => return Err(error),
                Admission::Duplicate(base_offset) => {
                    out.fact(Fact::DuplicateDropped {
                        partition,
                        producer_id: stamp.producer_id,
                        base_sequence: stamp.base_sequence,
                    });
                    return Ok((
                        base_offset,
                        base_offset + Offset::from(batch.header.records),
                    ));
                }
            }
        }
        let batch = Batch {
            header: batch.header,
            body: Stored::Client(batch.body),
        };
        self.append(partition, batch)
    }

    /// Whether this broker leads the partition, and with enough in-sync replicas for `acks`.
    pub(super) fn may_append(
        &self,
        partition: TopicPartition,
        acks: Acks,
    ) -> Result<(), ErrorCode> {
        if !self.image.partitions.contains_key(&partition) {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        let leader = self
            .replicas
            .get(&partition)
            .and_then(super::Replica::leader)
            .ok_or(ErrorCode::NotLeaderOrFollower)?;
        let enough = leader.isr.len() >= self.image.min_insync(partition.topic, &self.config);
        if acks == Acks::All && !enough {
            Err(ErrorCode::NotEnoughReplicas)
        } else {
            Ok(())
        }
    }

    /// Appends to a log that is led here.
    pub(super) fn append(
        &mut self,
        partition: TopicPartition,
        batch: Batch<Stored<B>>,
    ) -> Result<(Offset, Offset), ErrorCode> {
        let replica = self
            .replicas
            .get_mut(&partition)
            .ok_or(ErrorCode::NotLeaderOrFollower)?;
        let leader_epoch = replica
            .leader()
            .ok_or(ErrorCode::NotLeaderOrFollower)?
            .epoch;
        let entry = Entry {
            base_offset: replica.log.end(),
            leader_epoch,
            batch,
        };
        let range = (entry.base_offset, entry.end_offset());
        replica.producers.note(&entry);
        replica.log.append(entry);
        Ok(range)
    }

    /// After an append: the followers that wait get it, and where no follower is in sync the high watermark moves at once.
    pub(super) fn appended(&mut self, now: Nanos, partition: TopicPartition, out: &mut Outbox<B>) {
        self.advance_high_watermark(now, partition, out);
        self.wake_followers(now, partition, out);
    }

    /// Answers a produce or group append whose batches are all replicated, or whose leader is no more.
    pub(super) fn check_append_wait(&mut self, now: Nanos, id: u64, out: &mut Outbox<B>) {
        let Some(wait) = self.waits.get(id) else {
            return;
        };
        let outcome = match wait {
            Wait::Produce { pending, .. } => pending
                .iter()
                .map(|pending| (pending.partition, self.state_of(*pending)))
                .collect(),
            Wait::Group { pending, .. } => vec![(pending.partition, self.state_of(*pending))],
            Wait::Fetch { .. } | Wait::Replica { .. } => return,
        };
        let waiting = outcome.iter().any(|(_, state)| state.is_none());
        if waiting {
            return;
        }
        match self.waits.remove(id) {
            Some(Wait::Produce { conn, results, .. }) => {
                let failed: Vec<(TopicPartition, ErrorCode)> = outcome
                    .into_iter()
                    .filter_map(|(partition, state)| {
                        state.and_then(Result::err).map(|error| (partition, error))
                    })
                    .collect();
                let results = results
                    .into_iter()
                    .map(|result| self.settled(result, &failed))
                    .collect();
                out.send(conn, Response::Produce(results));
            }
            Some(Wait::Group {
                partition, token, ..
            }) => {
                let result = outcome
                    .into_iter()
                    .find_map(|(_, state)| state)
                    .unwrap_or(Ok(()));
                self.group_appended(now, partition, token, result, out);
            }
            Some(Wait::Fetch { .. } | Wait::Replica { .. }) | None => {}
        }
    }

    fn settled(
        &self,
        result: ProducedPartition,
        failed: &[(TopicPartition, ErrorCode)],
    ) -> ProducedPartition {
        match failed
            .iter()
            .find(|(partition, _)| *partition == result.partition)
        {
            Some((partition, error)) if !result.error.is_error() => {
                self.produced(*partition, *error, -1)
            }
            _ => result,
        }
    }

    /// `None` while it waits.
    fn state_of(&self, pending: Pending) -> Option<Result<(), ErrorCode>> {
        let Some(replica) = self.replicas.get(&pending.partition) else {
            return Some(Err(ErrorCode::NotLeaderOrFollower));
        };
        match replica.leader() {
            Some(leader) if leader.epoch >= pending.epoch => {
                if replica.high_watermark < pending.end_offset {
                    return None;
                }
                let enough = leader.isr.len()
                    >= self.image.min_insync(pending.partition.topic, &self.config);
                Some(if enough {
                    Ok(())
                } else {
                    Err(ErrorCode::NotEnoughReplicasAfterAppend)
                })
            }
            _ => Some(Err(ErrorCode::NotLeaderOrFollower)),
        }
    }

    /// The deadline is there: what is not replicated yet timed out, though it stays in the log.
    pub(super) fn expire_append(&mut self, now: Nanos, wait: Wait, out: &mut Outbox<B>) {
        match wait {
            Wait::Produce {
                conn,
                results,
                pending,
            } => {
                let late: Vec<(TopicPartition, ErrorCode)> = pending
                    .iter()
                    .filter_map(|pending| match self.state_of(*pending) {
                        None => Some((pending.partition, ErrorCode::RequestTimedOut)),
                        Some(Err(error)) => Some((pending.partition, error)),
                        Some(Ok(())) => None,
                    })
                    .collect();
                let results = results
                    .into_iter()
                    .map(|result| self.settled(result, &late))
                    .collect();
                out.send(conn, Response::Produce(results));
            }
            Wait::Group {
                partition, token, ..
            } => {
                self.group_appended(now, partition, token, Err(ErrorCode::RequestTimedOut), out);
            }
            Wait::Fetch { .. } | Wait::Replica { .. } => {}
        }
    }
}

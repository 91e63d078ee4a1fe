//! Produce: checks, append, and the wait for replication.

use super::waits::{Pending, Wait};
use super::{Broker, ms};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::batch::{Batch, Entry, Stored};
use crate::kafka::error::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{ConnId, Offset, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::message::{Acks, ProduceRequest, ProducedPartition, Response};
use crate::kafka::producers::Admission;

impl<B: Body> Broker<B> {
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
            // What Kafka finds wrong with a request as a whole it finds before it looks for the partition, all else after.
            let malformed = matches!(batch, Err(ErrorCode::InvalidRecord));
            let appended = match batch {
                Err(error) if !malformed => Err(self
                    .may_append(partition, request.acks)
                    .err()
                    .unwrap_or(error)),
                Err(error) => Err(match self.image.partitions.contains(partition) {
                    true => error,
                    false => ErrorCode::UnknownTopicOrPartition,
                }),
                batch => {
                    batch.and_then(|batch| self.append_client(partition, batch, request.acks, out))
                }
            };
            match appended {
                Ok((base_offset, end_offset)) => {
                    pending.push(Pending {
                        partition,
                        end_offset,
                        by_all: request.acks == Acks::All
                            && !self.config.defects.acknowledge_at_once,
                        outcome: None,
                    });
                    results.push(self.produced(partition, ErrorCode::None, base_offset));
                }
                Err(error) => {
                    let mut refused = self.produced(partition, error, -1);
                    if malformed {
                        refused.log_start_offset = -1;
                    }
                    results.push(refused);
                }
            }
        }
        let touched: Vec<TopicPartition> = pending.iter().map(|p| p.partition).collect();
        let refused = results.iter().any(|result| result.error.is_error());
        let wait = match request.acks {
            // Nothing is answered; an error shows only as a closed connection.
            Acks::None => {
                if refused {
                    out.close(conn);
                }
                None
            }
            Acks::Leader | Acks::All => {
                let deadline = now + ms(i64::from(request.timeout_ms));
                let wait = Wait::Produce {
                    conn,
                    results,
                    pending,
                };
                Some(self.waits.insert(deadline, wait))
            }
        };
        for partition in touched {
            self.appended(now, partition, out);
        }
        if let Some(id) = wait {
            self.check_produce(now, id, out);
        }
    }

    /// Answers what need not wait: nothing was appended, or what was counts already.
    fn check_produce(&mut self, now: Nanos, id: u64, out: &mut Outbox<B>) {
        let nothing =
            matches!(self.waits.get(id), Some(Wait::Produce { pending, .. }) if pending.is_empty());
        if !nothing {
            return self.check_append_wait(now, id, out);
        }
        if let Some(Wait::Produce { conn, results, .. }) = self.waits.remove(id) {
            out.send(conn, Response::Produce(results));
        }
    }

    pub(super) fn produced(
        &self,
        partition: TopicPartition,
        error: ErrorCode,
        base_offset: Offset,
    ) -> ProducedPartition {
        // Kafka leaves the start of the log out of its most frequent refusals, and tells it with all others.
        let untold = matches!(
            error,
            ErrorCode::CorruptMessage
                | ErrorCode::UnknownTopicOrPartition
                | ErrorCode::NotLeaderOrFollower
                | ErrorCode::MessageTooLarge
                | ErrorCode::KafkaStorageError
        );
        let replica = self.replicas.get(partition).filter(|_| !untold);
        let log_start_offset = replica.map_or(-1, |replica| replica.log.start());
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
            .get_mut(partition)
            .ok_or(ErrorCode::NotLeaderOrFollower)?;
        let stamp = batch.header.stamp;
        if let Some(stamp) = stamp.filter(|_| !self.config.defects.admit_duplicates) {
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
        if !self.image.partitions.contains(partition) {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        let leader = self
            .replicas
            .get(partition)
            .and_then(super::Replica::leader)
            .ok_or(ErrorCode::NotLeaderOrFollower)?;
        let enough = self.config.defects.ignore_min_insync
            || leader.isr.len() >= self.image.min_insync(partition, &self.config);
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
        self.make_room(partition)?;
        let replica = self
            .replicas
            .get_mut(partition)
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
        self.note_append(partition, range.0);
        self.sync_after_append(partition, range.0);
        Ok(range)
    }

    /// After an append: the followers that wait get it, and where no follower is in sync the high watermark moves at once.
    pub(super) fn appended(&mut self, now: Nanos, partition: TopicPartition, out: &mut Outbox<B>) {
        self.advance_high_watermark(now, partition, out);
        if self.config.defects.read_beyond_high_watermark {
            // It serves consumers as it does followers: what is appended is there for those who wait.
            let mut from = 0;
            while let Some(wait) = self.waits.on(partition, from) {
                from = wait + 1;
                self.check_fetch_wait(now, wait, out);
            }
        }
        self.note_news(partition, true);
    }
}

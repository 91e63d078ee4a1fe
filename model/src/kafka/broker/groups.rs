//! Consumer groups: a coordinator for each partition of the offsets topic that is led here.

use super::waits::{Pending, Wait};
use super::{Broker, ms};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::batch::{Batch, BatchHeader, BatchKind, Stored};
use crate::kafka::error::ErrorCode;
use crate::kafka::group::{Coordinator, CoordinatorId, GroupOut, GroupRecord, GroupReply};
use crate::kafka::ids::{Name, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::message::{Acks, Response};

/// offsets.commit.timeout.ms of Kafka.
const APPEND_TIMEOUT_MS: i64 = 5_000;

impl<B: Body> Broker<B> {
    /// The partition of the offsets topic that keeps a group. The driver's names are integers; equal groups fall to equal partitions.
    pub(super) fn group_partition(&self, group: Name) -> TopicPartition {
        let count = self.image.partition_count(self.config.offsets_topic).max(1);
        TopicPartition {
            topic: self.config.offsets_topic,
            partition: i32::try_from(group.0 % count).unwrap_or(0),
        }
    }

    pub(super) fn load_groups(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        out: &mut Outbox<B>,
    ) {
        // One that led in the epoch before goes on: its log is the same.
        let goes_on = self.coordinators.contains(partition.partition);
        if partition.topic != self.config.offsets_topic || goes_on {
            return;
        }
        let Some(replica) = self.replicas.get(partition) else {
            return;
        };
        let epoch = u64::try_from(replica.epoch()).unwrap_or(0);
        let salt = (self.control.incarnation() << 24)
            ^ ((self.id.0 as u64) << 16)
            ^ ((partition.partition as u64) << 40)
            ^ epoch;
        let forgets = self.config.defects.forget_commits_at_failover;
        let records: Vec<GroupRecord> = replica
            .log
            .entries()
            .filter_map(|entry| match entry.batch.body {
                Stored::Group(records) => Some(records),
                Stored::Client(_) => None,
            })
            .flat_map(|records| (*records).clone())
            .filter(|record| !forgets || matches!(record, GroupRecord::Group { .. }))
            .collect();
        let id = CoordinatorId {
            node: self.id,
            partition,
            salt,
        };
        let coordinator = Coordinator::load(
            now,
            id,
            self.config.group.clone(),
            records,
            &mut self.group_outbox,
        );
        self.coordinators.insert(partition.partition, coordinator);
        self.drain_groups(now, partition.partition, out);
    }

    pub(super) fn unload_groups(&mut self, partition: TopicPartition, out: &mut Outbox<B>) {
        if partition.topic != self.config.offsets_topic {
            return;
        }
        if let Some(coordinator) = self.coordinators.remove(partition.partition) {
            coordinator.unload(&mut self.group_outbox);
            self.drain_groups(0, partition.partition, out);
        }
    }

    /// Lets the coordinator of `group` act, or says why there is none here.
    pub(super) fn coordinate(
        &mut self,
        now: Nanos,
        group: Name,
        act: impl FnOnce(&mut Coordinator, &mut super::GroupOutbox),
        out: &mut Outbox<B>,
    ) -> Result<(), ErrorCode> {
        let partition = self.group_partition(group).partition;
        let coordinator = self
            .coordinators
            .get_mut(partition)
            .ok_or(ErrorCode::NotCoordinator)?;
        act(coordinator, &mut self.group_outbox);
        self.drain_groups(now, partition, out);
        Ok(())
    }

    pub(super) fn group_tick(&mut self, now: Nanos, out: &mut Outbox<B>) {
        for partition in self.coordinators.due(now) {
            if let Some(coordinator) = self.coordinators.get_mut(partition) {
                coordinator.tick(now, &mut self.group_outbox);
            }
            self.drain_groups(now, partition, out);
        }
    }

    pub(super) fn group_appended(
        &mut self,
        now: Nanos,
        partition: i32,
        token: u64,
        result: Result<(), ErrorCode>,
        out: &mut Outbox<B>,
    ) {
        if let Some(coordinator) = self.coordinators.get_mut(partition) {
            coordinator.appended(now, token, result, &mut self.group_outbox);
        }
        self.drain_groups(now, partition, out);
    }

    pub(super) fn drain_groups(&mut self, now: Nanos, partition: i32, out: &mut Outbox<B>) {
        while !self.group_outbox.is_empty() {
            let outputs: Vec<GroupOut> = self.group_outbox.drain().collect();
            for output in outputs {
                match output {
                    GroupOut::Reply {
                        conn,
                        reply: GroupReply::Delete(results),
                    } => {
                        if let Some(all) = self.group_deletes.answered(conn, results) {
                            out.send(conn, Response::DeleteGroups(all));
                        }
                    }
                    GroupOut::Reply { conn, reply } => out.send(conn, reply.into_response()),
                    GroupOut::Fact(fact) => out.fact(fact),
                    GroupOut::Append { token, records } => {
                        self.append_group(now, partition, token, records, out)
                    }
                }
            }
        }
    }

    /// Appends a coordinator's records with acks=all.
    fn append_group(
        &mut self,
        now: Nanos,
        partition: i32,
        token: u64,
        records: Vec<GroupRecord>,
        out: &mut Outbox<B>,
    ) {
        let on = TopicPartition {
            topic: self.config.offsets_topic,
            partition,
        };
        let commits = |record: &GroupRecord| matches!(record, GroupRecord::Offset { .. });
        if self.config.defects.keep_commits_in_memory && records.iter().all(commits) {
            if let Some(coordinator) = self.coordinators.get_mut(partition) {
                coordinator.appended(now, token, Ok(()), &mut self.group_outbox);
            }
            return;
        }
        let bytes: usize = records.iter().map(GroupRecord::bytes).sum();
        let header = BatchHeader {
            records: u32::try_from(records.len()).unwrap_or(u32::MAX).max(1),
            bytes: u32::try_from(bytes + 61).unwrap_or(u32::MAX),
            stamp: None,
            max_timestamp_ms: -1,
            kind: BatchKind::Data,
            transactional: false,
        };
        let batch = Batch {
            header,
            body: Stored::Group(records.into()),
        };
        let appended = self
            .may_append(on, Acks::All)
            .and_then(|()| self.append(on, batch));
        match appended {
            Ok((_, end_offset)) => {
                let pending = [Pending {
                    partition: on,
                    end_offset,
                    by_all: true,
                    outcome: None,
                }];
                self.waits.insert(
                    now + ms(APPEND_TIMEOUT_MS),
                    Wait::Group {
                        partition,
                        token,
                        pending,
                    },
                );
                self.appended(now, on, out);
            }
            Err(error) => {
                if let Some(coordinator) = self.coordinators.get_mut(partition) {
                    coordinator.appended(now, token, Err(error), &mut self.group_outbox);
                }
            }
        }
    }
}

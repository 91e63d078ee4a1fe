//! Everything but produce and fetch: metadata, offsets, groups, administration.

use super::Broker;
use super::control::Purpose;
use crate::Nanos;
use crate::kafka::error::ErrorCode;
use crate::kafka::group_message::*;
use crate::kafka::ids::{ConnId, MemberId, Name, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::message::*;
use crate::kafka::peer::{Admin, PartitionState};

impl<B: Clone> Broker<B> {
    pub(super) fn query(
        &mut self,
        now: Nanos,
        conn: ConnId,
        client: Name,
        request: Request<B>,
        out: &mut Outbox<B>,
    ) {
        match request {
            Request::Metadata(request) => {
                let response = self.metadata(now, &request, out);
                out.send(conn, Response::Metadata(response));
            }
            Request::ListOffsets(request) => {
                out.send(conn, Response::ListOffsets(self.list_offsets(&request)))
            }
            Request::OffsetForLeaderEpoch(queries) => {
                let ends = queries.iter().map(|query| self.epoch_end(query)).collect();
                out.send(conn, Response::OffsetForLeaderEpoch(ends));
            }
            Request::InitProducerId(request) => self.init_producer(now, conn, &request, out),
            Request::DescribeTopicConfigs { topics } => {
                let described = topics
                    .iter()
                    .map(|topic| self.topic_config(*topic))
                    .collect();
                out.send(conn, Response::DescribeTopicConfigs(described));
            }
            Request::CreateTopics(request) => {
                let names = request.topics.iter().map(|topic| topic.topic).collect();
                self.forward(
                    now,
                    Purpose::CreateTopics(conn),
                    names,
                    Admin::CreateTopics(request),
                    out,
                );
            }
            Request::DeleteTopics { topics, .. } => {
                self.forward(
                    now,
                    Purpose::DeleteTopics(conn),
                    topics.clone(),
                    Admin::DeleteTopics(topics),
                    out,
                );
            }
            Request::CreatePartitions {
                topics,
                validate_only,
                ..
            } => {
                let names = topics.iter().map(|(topic, _)| *topic).collect();
                self.forward(
                    now,
                    Purpose::CreatePartitions(conn),
                    names,
                    Admin::CreatePartitions {
                        topics,
                        validate_only,
                    },
                    out,
                );
            }
            request => self.group_request(now, conn, client, request, out),
        }
    }

    fn metadata(
        &mut self,
        now: Nanos,
        request: &MetadataRequest,
        out: &mut Outbox<B>,
    ) -> MetadataResponse {
        let brokers = self
            .image
            .brokers
            .iter()
            .filter(|(_, (_, fenced))| !fenced)
            .map(|(node, _)| *node)
            .collect();
        let names: Vec<Name> = request
            .topics
            .clone()
            .unwrap_or_else(|| self.image.topics.keys().copied().collect());
        let topics = names
            .into_iter()
            .map(|topic| {
                if self.image.topics.contains_key(&topic) {
                    return self.topic_metadata(topic);
                }
                if request.allow_auto_topic_creation && self.config.auto_create_topics {
                    self.create_automatically(now, topic, -1, -1, out);
                }
                TopicMetadata {
                    topic,
                    error: ErrorCode::UnknownTopicOrPartition,
                    internal: false,
                    partitions: Vec::new(),
                }
            })
            .collect();
        MetadataResponse {
            brokers,
            controller: Some(self.id),
            topics,
        }
    }

    fn create_automatically(
        &mut self,
        now: Nanos,
        topic: Name,
        partitions: i32,
        replication_factor: i16,
        out: &mut Outbox<B>,
    ) {
        if self.control.is_creating(topic) {
            return;
        }
        let new = NewTopic {
            topic,
            partitions,
            replication_factor,
            assignment: None,
            configs: std::collections::BTreeMap::new(),
        };
        let request = CreateTopicsRequest {
            topics: vec![new],
            timeout_ms: 5_000,
            validate_only: false,
        };
        self.forward(
            now,
            Purpose::AutoCreate(topic),
            vec![topic],
            Admin::CreateTopics(request),
            out,
        );
    }

    fn topic_metadata(&self, topic: Name) -> TopicMetadata {
        let partitions = self
            .image
            .of_topic(topic)
            .map(|(partition, state)| self.partition_metadata(*partition, state))
            .collect();
        TopicMetadata {
            topic,
            error: ErrorCode::None,
            internal: topic == self.config.offsets_topic,
            partitions,
        }
    }

    fn partition_metadata(
        &self,
        partition: TopicPartition,
        state: &PartitionState,
    ) -> PartitionMetadata {
        let leader = state.leader.filter(|leader| self.image.is_alive(*leader));
        PartitionMetadata {
            partition: partition.partition,
            error: if leader.is_some() {
                ErrorCode::None
            } else {
                ErrorCode::LeaderNotAvailable
            },
            leader,
            leader_epoch: state.leader_epoch,
            replicas: state.replicas.clone(),
            isr: state.isr.clone(),
            offline: state
                .replicas
                .iter()
                .filter(|node| !self.image.is_alive(**node))
                .copied()
                .collect(),
        }
    }

    fn list_offsets(&self, request: &ListOffsetsRequest) -> Vec<ListedOffset> {
        request
            .partitions
            .iter()
            .map(|(partition, epoch, spec)| self.list_offset(*partition, *epoch, *spec))
            .collect()
    }

    fn list_offset(
        &self,
        partition: TopicPartition,
        client_epoch: i32,
        spec: OffsetSpec,
    ) -> ListedOffset {
        let mut listed = ListedOffset {
            partition,
            error: ErrorCode::None,
            offset: -1,
            timestamp_ms: -1,
            leader_epoch: -1,
        };
        let replica = match self.led(partition, client_epoch) {
            Ok(replica) => replica,
            Err(error) => {
                listed.error = error;
                return listed;
            }
        };
        // KIP-207: after an election the high watermark may lag what was readable before.
        let lagging = replica
            .leader()
            .is_some_and(|leader| replica.high_watermark < leader.epoch_start);
        listed.leader_epoch = replica.epoch();
        let mark = replica.high_watermark;
        match spec {
            OffsetSpec::Earliest => listed.offset = replica.log.start(),
            OffsetSpec::Latest => listed.offset = mark,
            OffsetSpec::Timestamp(at) => {
                if let Some(entry) = replica.log.first_since(at, mark) {
                    listed.offset = entry.base_offset;
                    listed.timestamp_ms = entry.batch.header.max_timestamp_ms;
                }
            }
            OffsetSpec::MaxTimestamp => {
                if let Some(entry) = replica.log.latest(mark) {
                    listed.offset = entry.end_offset() - 1;
                    listed.timestamp_ms = entry.batch.header.max_timestamp_ms;
                }
            }
        }
        let found_below = matches!(spec, OffsetSpec::Timestamp(_)) && listed.offset >= 0;
        if lagging && spec != OffsetSpec::Earliest && !found_below {
            listed.error = ErrorCode::OffsetNotAvailable;
            listed.offset = -1;
            listed.timestamp_ms = -1;
        }
        listed
    }

    fn epoch_end(&self, query: &EpochQuery) -> EpochEnd {
        match self.led(query.partition, query.current_leader_epoch) {
            Err(error) => EpochEnd {
                partition: query.partition,
                error,
                epoch: -1,
                end_offset: -1,
            },
            Ok(replica) => {
                let (epoch, end_offset) = replica.log.end_of_epoch(query.epoch);
                EpochEnd {
                    partition: query.partition,
                    error: ErrorCode::None,
                    epoch,
                    end_offset,
                }
            }
        }
    }

    fn init_producer(
        &mut self,
        now: Nanos,
        conn: ConnId,
        request: &InitProducerIdRequest,
        out: &mut Outbox<B>,
    ) {
        let refuse = |error| InitProducerIdResponse {
            error,
            producer_id: -1,
            producer_epoch: -1,
        };
        if request.transactional_id.is_some() {
            // Transactions are not modelled: to pretend would be to lose them.
            out.send(
                conn,
                Response::InitProducerId(refuse(ErrorCode::UnsupportedVersion)),
            );
            return;
        }
        // Without transactions every request gets an id of its own, also one that names an older id.
        self.init_producer_id(now, conn, out);
    }

    fn topic_config(&self, topic: Name) -> DescribedTopicConfig {
        let Some(known) = self.image.topics.get(&topic) else {
            return DescribedTopicConfig {
                topic,
                error: ErrorCode::UnknownTopicOrPartition,
                entries: Vec::new(),
            };
        };
        let mut entries = vec![
            (
                "min.insync.replicas",
                known
                    .config
                    .min_insync_replicas
                    .unwrap_or(self.config.min_insync_replicas)
                    .to_string(),
            ),
            (
                "max.message.bytes",
                self.image
                    .max_message_bytes(topic, &self.config)
                    .to_string(),
            ),
            ("cleanup.policy", "delete".to_owned()),
            ("compression.type", "producer".to_owned()),
            ("message.timestamp.type", "CreateTime".to_owned()),
            ("retention.ms", "-1".to_owned()),
            ("retention.bytes", "-1".to_owned()),
            (
                "unclean.leader.election.enable",
                self.config.unclean_leader_election.to_string(),
            ),
        ];
        for (name, value) in &mut entries {
            if let Some(set) = known.properties.get(*name) {
                value.clone_from(set);
            }
        }
        let is_default = |name: &str| !known.properties.contains_key(name);
        let entries = entries
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value, is_default(name)))
            .collect();
        DescribedTopicConfig {
            topic,
            error: ErrorCode::None,
            entries,
        }
    }

    fn find_coordinator(
        &mut self,
        now: Nanos,
        groups: &[Name],
        out: &mut Outbox<B>,
    ) -> Vec<Coordinator> {
        let offsets = self.config.offsets_topic;
        if !self.image.topics.contains_key(&offsets) {
            let alive = self
                .image
                .brokers
                .values()
                .filter(|(_, fenced)| !fenced)
                .count();
            let factor = self
                .config
                .offsets_topic_replication_factor
                .min(i16::try_from(alive).unwrap_or(i16::MAX))
                .max(1);
            self.create_automatically(
                now,
                offsets,
                self.config.offsets_topic_partitions,
                factor,
                out,
            );
        }
        groups
            .iter()
            .map(|group| {
                let leader = self
                    .known_leader(self.group_partition(*group))
                    .map(|(node, _)| node);
                let node = leader.filter(|node| self.image.is_alive(*node));
                let error = if node.is_some() {
                    ErrorCode::None
                } else {
                    ErrorCode::CoordinatorNotAvailable
                };
                Coordinator {
                    group: *group,
                    error,
                    node,
                }
            })
            .collect()
    }

    fn group_request(
        &mut self,
        now: Nanos,
        conn: ConnId,
        client: Name,
        request: Request<B>,
        out: &mut Outbox<B>,
    ) {
        match request {
            Request::FindCoordinator { groups } => {
                let found = self.find_coordinator(now, &groups, out);
                out.send(conn, Response::FindCoordinator(found));
            }
            Request::JoinGroup(request) => {
                let group = request.group;
                let member = request.member;
                let done = self.coordinate(
                    now,
                    group,
                    |c, o| c.join(now, conn, client, &request, o),
                    out,
                );
                refuse(done, conn, out, |error| {
                    Response::JoinGroup(refused_join(member, error))
                });
            }
            Request::SyncGroup(request) => {
                let done = self.coordinate(
                    now,
                    request.group,
                    |c, o| c.sync(now, conn, request, o),
                    out,
                );
                refuse(done, conn, out, |error| {
                    Response::SyncGroup(refused_sync(error))
                });
            }
            Request::Heartbeat(request) => {
                let done = self.coordinate(
                    now,
                    request.group,
                    |c, o| c.heartbeat(now, conn, &request, o),
                    out,
                );
                refuse(done, conn, out, Response::Heartbeat);
            }
            Request::LeaveGroup(request) => {
                let done = self.coordinate(
                    now,
                    request.group,
                    |c, o| c.leave(now, conn, &request, o),
                    out,
                );
                refuse(done, conn, out, |error| {
                    Response::LeaveGroup(LeaveGroupResponse {
                        error,
                        members: Vec::new(),
                    })
                });
            }
            Request::OffsetCommit(request) => {
                let partitions: Vec<TopicPartition> = request
                    .offsets
                    .iter()
                    .map(|offset| offset.partition)
                    .collect();
                let done = self.coordinate(
                    now,
                    request.group,
                    |c, o| c.commit(now, conn, client, request, o),
                    out,
                );
                let refused = |error| {
                    Response::OffsetCommit(
                        partitions
                            .iter()
                            .map(|partition| (*partition, error))
                            .collect(),
                    )
                };
                refuse(done, conn, out, refused);
            }
            Request::OffsetFetch(request) => {
                out.send(conn, Response::OffsetFetch(self.offset_fetch(&request)))
            }
            Request::ListGroups => {
                let groups = self
                    .coordinators
                    .values()
                    .flat_map(|coordinator| coordinator.list())
                    .collect();
                out.send(conn, Response::ListGroups(groups));
            }
            Request::DescribeGroups { groups } => {
                let described = groups
                    .iter()
                    .map(|group| self.describe_group(*group))
                    .collect();
                out.send(conn, Response::DescribeGroups(described));
            }
            Request::DeleteGroups { groups } => self.delete_groups(now, conn, &groups, out),
            _ => out.close(conn),
        }
    }

    fn offset_fetch(&self, request: &OffsetFetchRequest) -> OffsetFetchResponse {
        let partition = self.group_partition(request.group).partition;
        match self.coordinators.get(&partition) {
            Some(coordinator) => coordinator.fetch_offsets(request),
            None => OffsetFetchResponse {
                group: request.group,
                error: ErrorCode::NotCoordinator,
                offsets: Vec::new(),
            },
        }
    }

    fn describe_group(&self, group: Name) -> DescribedGroup {
        let partition = self.group_partition(group).partition;
        match self.coordinators.get(&partition) {
            Some(coordinator) => coordinator.describe(group),
            None => DescribedGroup {
                group,
                error: ErrorCode::NotCoordinator,
                state: GroupState::Dead,
                protocol_type: None,
                protocol: None,
                coordinator: self.id,
                members: Vec::new(),
            },
        }
    }
}

fn refuse<B>(
    done: Result<(), ErrorCode>,
    conn: ConnId,
    out: &mut Outbox<B>,
    answer: impl FnOnce(ErrorCode) -> Response<B>,
) {
    if let Err(error) = done {
        out.send(conn, answer(error));
    }
}

fn refused_join(member: MemberId, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error,
        generation: -1,
        protocol_type: None,
        protocol: None,
        leader: MemberId::NONE,
        member,
        members: Vec::new(),
        skip_assignment: false,
    }
}

fn refused_sync(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse {
        error,
        protocol_type: None,
        protocol: None,
        assignment: Blob::from([]),
    }
}

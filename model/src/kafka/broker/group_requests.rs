//! Requests about groups, brought to the coordinator that answers them.

use super::Broker;
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::group_message::*;
use crate::kafka::ids::{ConnId, MemberId, Name, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::message::*;

impl<B: Body> Broker<B> {
    fn find_coordinator(
        &mut self,
        now: Nanos,
        groups: &[Name],
        out: &mut Outbox<B>,
    ) -> Vec<Coordinator> {
        let offsets = self.config.offsets_topic;
        if !self.image.topics.contains_key(&offsets) {
            let partitions = self.config.offsets_topic_partitions;
            let factor = self.config.offsets_topic_replication_factor;
            self.create_automatically(now, offsets, partitions, factor, out);
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

    pub(super) fn group_request(
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
            Request::OffsetCommit(request) => self.offset_commit(now, conn, client, request, out),
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

    /// Partitions that do not exist are refused by any broker, and the coordinator hears of the others.
    fn offset_commit(
        &mut self,
        now: Nanos,
        conn: ConnId,
        client: Name,
        mut request: OffsetCommitRequest,
        out: &mut Outbox<B>,
    ) {
        let mut results = Vec::new();
        request.offsets.retain(|offset| {
            let exists = self.image.partitions.contains(offset.partition);
            if !exists {
                results.push((offset.partition, ErrorCode::UnknownTopicOrPartition));
            }
            exists
        });
        if request.offsets.is_empty() {
            return out.send(conn, Response::OffsetCommit(results));
        }
        let wanted = request.offsets.iter().map(|offset| offset.partition);
        let wanted: Vec<TopicPartition> = wanted.collect();
        let refused = results.clone();
        let done = self.coordinate(
            now,
            request.group,
            |c, o| c.commit(now, conn, client, request, refused, o),
            out,
        );
        refuse(done, conn, out, |error| {
            results.extend(wanted.iter().map(|partition| (*partition, error)));
            Response::OffsetCommit(results)
        });
    }

    fn offset_fetch(&self, request: &OffsetFetchRequest) -> OffsetFetchResponse {
        let partition = self.group_partition(request.group).partition;
        match self.coordinators.get(partition) {
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
        match self.coordinators.get(partition) {
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

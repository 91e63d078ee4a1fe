//! Answers that are errors, for requests that never reach their broker.

use crate::record::Body;
use squall_model::kafka::{
    Coordinator, ErrorCode, FetchedPartition, InitProducerIdResponse, JoinGroupResponse,
    LeaveGroupResponse, MemberId, MetadataResponse, ProducedPartition, Request, Response,
    SyncGroupResponse, TopicMetadata,
};
use squall_plan::fault::KafkaError;

/// The error of a name, one of [`KafkaError::NAMES`].
#[must_use]
pub fn error_named(name: &str) -> Option<ErrorCode> {
    let code = KafkaError::code(name)?;
    let mut all = ErrorCode::ALL.iter().copied();
    all.find(|error| error.code() == code)
}

/// The answer to a request that is this error. `None`: a plan asks for none to such a request.
pub(super) fn refused(request: &Request<Body>, error: ErrorCode) -> Option<Response<Body>> {
    Some(match request {
        Request::Produce(produce) => {
            let partitions = produce.partitions.iter();
            let refused = partitions.map(|(partition, _)| ProducedPartition {
                partition: *partition,
                error,
                base_offset: -1,
                log_start_offset: -1,
                current_leader: None,
            });
            Response::Produce(refused.collect())
        }
        Request::Fetch(fetch) => {
            let asked = fetch.partitions.iter();
            let refused = asked.map(|asked| FetchedPartition::empty(asked.partition, error));
            Response::Fetch(refused.collect())
        }
        Request::Metadata(metadata) => {
            let topics = metadata.topics.iter().flatten();
            let refused = topics.map(|topic| TopicMetadata {
                topic: *topic,
                error,
                internal: false,
                partitions: Vec::new(),
            });
            Response::Metadata(MetadataResponse {
                brokers: Vec::new(),
                controller: None,
                topics: refused.collect(),
            })
        }
        Request::OffsetCommit(commit) => {
            let offsets = commit.offsets.iter();
            Response::OffsetCommit(offsets.map(|one| (one.partition, error)).collect())
        }
        Request::FindCoordinator { groups } => {
            let refused = groups.iter().map(|group| Coordinator {
                group: *group,
                error,
                node: None,
            });
            Response::FindCoordinator(refused.collect())
        }
        Request::JoinGroup(join) => Response::JoinGroup(JoinGroupResponse {
            error,
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: MemberId::NONE,
            member: join.member,
            members: Vec::new(),
            skip_assignment: false,
        }),
        Request::SyncGroup(_) => Response::SyncGroup(SyncGroupResponse {
            error,
            protocol_type: None,
            protocol: None,
            assignment: [].into(),
        }),
        Request::Heartbeat(_) => Response::Heartbeat(error),
        Request::LeaveGroup(_) => Response::LeaveGroup(LeaveGroupResponse {
            error,
            members: Vec::new(),
        }),
        Request::InitProducerId(_) => Response::InitProducerId(InitProducerIdResponse {
            error,
            producer_id: -1,
            producer_epoch: -1,
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_that_a_plan_can_name_is_known() {
        for name in KafkaError::NAMES {
            assert!(error_named(name).is_some(), "{name}");
        }
        assert!(error_named("NONE").is_none());
    }
}

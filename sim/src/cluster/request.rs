//! What the driver looks at in requests and answers.

use crate::record::Body;
use squall_model::kafka::{Acks, Request, Response};

/// Whether an answer comes: none does to a produce with acks=0.
pub(super) fn is_answered(request: &Request<Body>) -> bool {
    !matches!(request, Request::Produce(produce) if produce.acks == Acks::None)
}

/// What Kafka calls it.
pub(super) const fn api(request: &Request<Body>) -> &'static str {
    match request {
        Request::Metadata(_) => "Metadata",
        Request::Produce(_) => "Produce",
        Request::Fetch(_) => "Fetch",
        Request::ListOffsets(_) => "ListOffsets",
        Request::OffsetForLeaderEpoch(_) => "OffsetForLeaderEpoch",
        Request::InitProducerId(_) => "InitProducerId",
        Request::FindCoordinator { .. } => "FindCoordinator",
        Request::JoinGroup(_) => "JoinGroup",
        Request::SyncGroup(_) => "SyncGroup",
        Request::Heartbeat(_) => "Heartbeat",
        Request::LeaveGroup(_) => "LeaveGroup",
        Request::OffsetCommit(_) => "OffsetCommit",
        Request::OffsetFetch(_) => "OffsetFetch",
        Request::ListGroups => "ListGroups",
        Request::DescribeGroups { .. } => "DescribeGroups",
        Request::DeleteGroups { .. } => "DeleteGroups",
        Request::CreateTopics(_) => "CreateTopics",
        Request::DeleteTopics { .. } => "DeleteTopics",
        Request::CreatePartitions { .. } => "CreatePartitions",
        Request::DescribeTopicConfigs { .. } => "DescribeConfigs",
    }
}

pub(super) fn request_bytes(request: &Request<Body>) -> u64 {
    let Request::Produce(produce) = request else {
        return 0;
    };
    let batches = produce
        .partitions
        .iter()
        .filter_map(|(_, batch)| batch.as_ref().ok());
    batches.map(|batch| u64::from(batch.body.bytes())).sum()
}

pub(super) fn response_bytes(response: &Response<Body>) -> u64 {
    let Response::Fetch(partitions) = response else {
        return 0;
    };
    let entries = partitions.iter().flat_map(|partition| &partition.entries);
    entries
        .map(|entry| u64::from(entry.batch.header.bytes))
        .sum()
}

//! One decoder for all requests.

use super::admin;
use super::api::Api;
use super::commits;
use super::configs::{self, ConfigResource};
use super::fetch::{self, FetchData};
use super::groups::{self, ListGroupsData};
use super::header::RequestHeader;
use super::membership::{self, FindCoordinatorData};
use super::metadata;
use super::offsets;
use super::produce::{self, ProduceData};
use super::reader::{Malformed, Reader};
use super::versions;
use crate::kafka::names::Names;
use squall_model::kafka::{Name, OffsetFetchRequest, Request};

/// What a client asked for: most of it is for the broker's machine as it stands, the rest needs the server first.
#[derive(Clone, Debug)]
pub enum Call<B> {
    Broker(Request<B>),
    ApiVersions,
    /// ApiVersions in a version that is not served.
    UnsupportedApiVersions,
    Produce(ProduceData),
    Fetch(FetchData),
    OffsetFetch(Vec<OffsetFetchRequest>),
    FindCoordinator(FindCoordinatorData),
    ListGroups(ListGroupsData),
    DescribeConfigs(Vec<ConfigResource>),
    DescribeCluster {
        endpoints: i8,
    },
}

/// Reads the body of the request that `header` names; `client` is the interned client id.
///
/// # Errors
/// When the bytes are not such a request.
pub fn read<B>(
    header: &RequestHeader<'_>,
    r: &mut Reader<'_>,
    client: Name,
    names: &mut Names,
) -> Result<Call<B>, Malformed> {
    if header.unsupported_api_versions {
        return Ok(Call::UnsupportedApiVersions);
    }
    let version = header.version;
    Ok(match header.api {
        Api::Produce => Call::Produce(produce::read(r, names)?),
        Api::Fetch => Call::Fetch(fetch::read(r, version, names)?),
        Api::OffsetFetch => Call::OffsetFetch(commits::read_fetch(r, version, names)?),
        Api::FindCoordinator => {
            Call::FindCoordinator(membership::read_find_coordinator(r, version, names)?)
        }
        Api::ListGroups => Call::ListGroups(groups::read_list(r, version)?),
        Api::DescribeConfigs => Call::DescribeConfigs(configs::read_describe(r, version)?),
        Api::DescribeCluster => Call::DescribeCluster {
            endpoints: metadata::read_describe_cluster(r, version)?,
        },
        Api::ApiVersions => {
            versions::read(r, version)?;
            Call::ApiVersions
        }
        _ => Call::Broker(read_for_broker(header, r, client, names)?),
    })
}

fn read_for_broker<B>(
    header: &RequestHeader<'_>,
    r: &mut Reader<'_>,
    client: Name,
    names: &mut Names,
) -> Result<Request<B>, Malformed> {
    let version = header.version;
    Ok(match header.api {
        Api::Metadata => Request::Metadata(metadata::read_metadata(r, version, names)?),
        Api::ListOffsets => Request::ListOffsets(offsets::read_list_offsets(r, version, names)?),
        Api::OffsetForLeaderEpoch => {
            Request::OffsetForLeaderEpoch(offsets::read_epochs(r, version, names)?)
        }
        Api::JoinGroup => Request::JoinGroup(membership::read_join(r, version, client, names)?),
        Api::SyncGroup => Request::SyncGroup(membership::read_sync(r, version, names)?),
        Api::Heartbeat => Request::Heartbeat(membership::read_heartbeat(r, version, names)?),
        Api::LeaveGroup => Request::LeaveGroup(membership::read_leave(r, version, names)?),
        Api::OffsetCommit => Request::OffsetCommit(commits::read_commit(r, version, names)?),
        Api::DescribeGroups => Request::DescribeGroups {
            groups: groups::read_describe(r, version, names)?,
        },
        Api::DeleteGroups => Request::DeleteGroups {
            groups: groups::read_delete(r, names)?,
        },
        Api::CreateTopics => Request::CreateTopics(admin::read_create_topics(r, names)?),
        Api::DeleteTopics => {
            let (topics, timeout_ms) = admin::read_delete_topics(r, names)?;
            Request::DeleteTopics { topics, timeout_ms }
        }
        Api::CreatePartitions => {
            let data = admin::read_create_partitions(r, names)?;
            Request::CreatePartitions {
                topics: data.topics,
                timeout_ms: data.timeout_ms,
                validate_only: data.validate_only,
            }
        }
        Api::InitProducerId => {
            Request::InitProducerId(admin::read_init_producer_id(r, version, names)?)
        }
        other => return Err(Malformed::UnknownApi(other as i16)),
    })
}

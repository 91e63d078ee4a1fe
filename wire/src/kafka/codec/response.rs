//! One encoder for all responses.

use super::answer::Answer;
use super::api::Api;
use super::configs::DescribedResource;
use super::frame::Frame;
use super::groups::ListGroupsData;
use super::writer::Writer;
use super::{
    admin, commits, configs, fetch, groups, membership, metadata, offsets, produce, versions,
};
use squall_model::kafka::{
    Coordinator, Entry, ListedGroup, MetadataResponse, OffsetFetchResponse, Response,
};

/// What goes back to a client: most of it as the broker's machine said, the rest completed by the server.
#[derive(Debug)]
pub enum Reply<'a, B> {
    Broker(&'a Response<B>),
    ApiVersions,
    UnsupportedApiVersions,
    /// A Fetch that is refused as a whole, with this error code.
    FetchError(i16),
    OffsetFetch(&'a [OffsetFetchResponse]),
    Coordinators {
        found: &'a [Coordinator],
        message: Option<&'a str>,
    },
    ListGroups {
        filter: &'a ListGroupsData,
        listed: &'a [ListedGroup],
    },
    DescribeConfigs(&'a [DescribedResource]),
    DescribeCluster {
        endpoints: i8,
        metadata: &'a MetadataResponse,
    },
}

/// Encodes a whole response frame; `record` writes one record batch of a fetch.
pub fn write<X, B>(
    api: Api,
    version: i16,
    correlation: i32,
    answer: &Answer<'_>,
    reply: &Reply<'_, B>,
    record: impl FnMut(&mut Writer<X>, &Entry<B>),
) -> Frame<X> {
    let mut writer = Writer::response(
        correlation,
        api.has_flexible_response_header(version),
        api.is_flexible(version),
    );
    let w = &mut writer;
    match reply {
        Reply::Broker(response) => write_response(w, version, answer, response, record),
        Reply::ApiVersions => versions::write(w, version),
        Reply::UnsupportedApiVersions => versions::write_unsupported(w),
        Reply::FetchError(code) => fetch::write_error(w, version, *code),
        Reply::OffsetFetch(fetched) => commits::write_fetch(w, version, answer, fetched),
        Reply::Coordinators { found, message } => {
            membership::write_coordinators(w, version, answer, found, *message);
        }
        Reply::ListGroups { filter, listed } => {
            groups::write_list(w, version, answer, filter, listed);
        }
        Reply::DescribeConfigs(described) => configs::write_describe(w, version, described),
        Reply::DescribeCluster {
            endpoints,
            metadata,
        } => metadata::write_describe_cluster(w, version, *endpoints, answer, metadata),
    }
    writer.finish()
}

fn write_response<X, B>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    response: &Response<B>,
    record: impl FnMut(&mut Writer<X>, &Entry<B>),
) {
    match response {
        Response::Metadata(m) => metadata::write_metadata(w, version, answer, m),
        Response::Produce(p) => produce::write(w, version, answer, p),
        Response::Fetch(f) => fetch::write(w, version, answer, f, record),
        Response::ListOffsets(l) => offsets::write_list_offsets(w, version, answer, l),
        Response::OffsetForLeaderEpoch(e) => offsets::write_epochs(w, answer, e),
        Response::InitProducerId(i) => admin::write_init_producer_id(w, i),
        Response::FindCoordinator(found) => {
            membership::write_coordinators(w, version, answer, found, None);
        }
        Response::JoinGroup(j) => membership::write_join(w, version, answer, j),
        Response::SyncGroup(s) => membership::write_sync(w, version, answer, s),
        Response::Heartbeat(error) => membership::write_heartbeat(w, version, *error),
        Response::LeaveGroup(l) => membership::write_leave(w, version, answer, l),
        Response::OffsetCommit(c) => commits::write_commit(w, version, answer, c),
        Response::OffsetFetch(f) => {
            commits::write_fetch(w, version, answer, std::slice::from_ref(f));
        }
        Response::ListGroups(listed) => {
            groups::write_list(w, version, answer, &ListGroupsData::default(), listed);
        }
        Response::DescribeGroups(d) => groups::write_describe(w, version, answer, d),
        Response::DeleteGroups(d) => groups::write_delete(w, answer, d),
        Response::CreateTopics(c) => admin::write_create_topics(w, version, answer, c),
        Response::DeleteTopics(d) => admin::write_delete_topics(w, version, answer, d),
        Response::CreatePartitions(c) => admin::write_create_partitions(w, answer, c),
        // The server turns it into `Reply::DescribeConfigs`, which knows what was asked for.
        Response::DescribeTopicConfigs(_) => configs::write_describe(w, version, &[]),
    }
}

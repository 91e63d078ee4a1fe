//! Questions to one node over Kafka's protocol, one connection each: few are asked, and a broker may die at any time.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::{
    CreateTopicsRequest, DescribeQuorumRequest, MetadataRequest, MetadataResponse, RequestHeader,
    ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use squall_plan::system::TopicSpec;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A broker on this machine answers in milliseconds, a busy one in a second.
const WITHIN: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u32 = 16 << 20;
/// In versions that Kafka 4.0 and later speak.
const METADATA: i16 = 9;
const DESCRIBE_QUORUM: i16 = 0;
const CREATE_TOPICS: i16 = 5;
/// The topic of the controllers' own log.
const CONTROLLERS_LOG: &str = "__cluster_metadata";

/// All topics, and which brokers are there.
pub fn metadata(broker: SocketAddr) -> io::Result<MetadataResponse> {
    let all = MetadataRequest::default()
        .with_topics(None)
        .with_allow_auto_topic_creation(false);
    ask(broker, &all, METADATA, WITHIN)
}

/// How far each broker has followed the controller's log.
pub fn followed(controller: SocketAddr) -> io::Result<Vec<(u32, i64)>> {
    let log = TopicData::default()
        .with_topic_name(TopicName(StrBytes::from_static_str(CONTROLLERS_LOG)))
        .with_partitions(vec![PartitionData::default()]);
    let request = DescribeQuorumRequest::default().with_topics(vec![log]);
    let answer = ask(controller, &request, DESCRIBE_QUORUM, WITHIN)?;
    let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    let brokers = partitions.flat_map(|partition| &partition.observers);
    let known = brokers.filter_map(|broker| {
        let number = u32::try_from(broker.replica_id.0).ok()?;
        Some((number, broker.log_end_offset))
    });
    Ok(known.collect())
}

/// # Errors
/// Text for users: which topic was refused, and why.
pub fn create_topics(
    broker: SocketAddr,
    topics: &[TopicSpec],
    within: Duration,
) -> Result<(), String> {
    let request = CreateTopicsRequest::default()
        .with_topics(topics.iter().map(topic).collect())
        .with_timeout_ms(i32::try_from(within.as_millis()).unwrap_or(i32::MAX));
    let answer = ask(broker, &request, CREATE_TOPICS, within);
    let answer = answer.map_err(|error| format!("broker at {broker}: {error}"))?;
    match answer.topics.iter().find(|topic| topic.error_code != 0) {
        Some(refused) => {
            let why = refused.error_message.as_ref();
            let why = why.map_or_else(
                || format!("error {}", refused.error_code),
                ToString::to_string,
            );
            Err(format!(
                "the topic {} cannot be made: {why}",
                refused.name.0.as_str()
            ))
        }
        None => Ok(()),
    }
}

fn topic(spec: &TopicSpec) -> CreatableTopic {
    let least = (
        "min.insync.replicas".to_owned(),
        spec.min_insync_replicas.to_string(),
    );
    let configs = spec.config.clone().into_iter().chain([least]);
    let config = |(name, value): (String, String)| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_string(name))
            .with_value(Some(StrBytes::from_string(value)))
    };
    CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(spec.name.clone())))
        .with_num_partitions(i32::try_from(spec.partitions).unwrap_or(i32::MAX))
        .with_replication_factor(i16::try_from(spec.replicas).unwrap_or(i16::MAX))
        .with_configs(configs.map(config).collect())
}

fn ask<R: Request>(
    broker: SocketAddr,
    request: &R,
    version: i16,
    within: Duration,
) -> io::Result<R::Response> {
    let mut stream = TcpStream::connect_timeout(&broker, WITHIN)?;
    stream.set_read_timeout(Some(within))?;
    stream.set_write_timeout(Some(within))?;
    stream.write_all(&frame(request, version)?)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = u32::from_be_bytes(size).min(ANSWER_BYTES_MAX);
    let mut answer = Vec::new();
    stream.take(u64::from(size)).read_to_end(&mut answer)?;
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, R::Response::header_version(version)).map_err(malformed)?;
    R::Response::decode(&mut answer, version).map_err(malformed)
}

fn frame<R: Request>(request: &R, version: i16) -> io::Result<Vec<u8>> {
    let mut body = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(1)
        .with_client_id(Some(StrBytes::from_static_str("squall")));
    header
        .encode(&mut body, R::header_version(version))
        .map_err(malformed)?;
    request.encode(&mut body, version).map_err(malformed)?;
    let size = u32::try_from(body.len()).map_err(io::Error::other)?;
    Ok([&size.to_be_bytes()[..], &body].concat())
}

fn malformed(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

//! From a frame to an input of the broker's machine.

use super::pending::{Extra, Pending};
use super::sockets::Closing;
use super::{Server, index_of};
use crate::kafka::codec::{
    self, Call, ConfigResource, FetchData, FindCoordinatorData, ProduceData, RESOURCE_TOPIC,
    Reader, Reply, RequestHeader,
};
use crate::kafka::names::Names;
use crate::kafka::record_batch::{self, Limits};
use crate::kafka::store::Body;
use bytes::Bytes;
use squall_model::kafka::{
    Acks, Batch, ConnId, Coordinator, CreateTopicsRequest, ErrorCode, In, MetadataRequest, Name,
    OffsetFetchRequest, OffsetFetchResponse, ProduceRequest, ProducedPartition, Request, Response,
    TopicPartition, TopicResult,
};
use std::collections::VecDeque;

const FETCH_SESSION_ID_NOT_FOUND: i16 = 70;
const KEY_TYPE_GROUP: i8 = 0;
const TOPIC_NAME_RULE: &str =
    "a topic's name is 1 to 249 of a-z, A-Z, 0-9, `.`, `_` and `-`, and neither `.` nor `..`";

/// Kafka's own rule (`Topic.validate`).
fn is_topic_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=249).contains(&text.len()) && text != "." && text != ".." && text.chars().all(fits)
}

/// Whose request it is.
#[derive(Clone, Copy)]
struct From {
    conn: ConnId,
    client: Name,
    node: usize,
}

impl Server {
    /// Handles one request frame.
    pub(super) fn handle(&mut self, id: u64, frame: &Bytes) -> Result<(), Closing> {
        self.counters.requests += 1;
        self.counters.request_bytes += frame.len() as u64;
        let mut reader = Reader::new(frame);
        let header = RequestHeader::read(&mut reader).map_err(|_| Closing::Malformed)?;
        let client = self.client_name(id, header.client_id.unwrap_or_default());
        let call = codec::read(&header, &mut reader, client, &mut self.names)
            .map_err(|_| Closing::Malformed)?;
        let pending = Pending {
            api: header.api,
            version: header.version,
            correlation: header.correlation,
            extra: Extra::None,
        };
        let Some(connection) = self.connections.get(&id) else {
            return Ok(());
        };
        let from = From {
            conn: ConnId(id),
            client,
            node: index_of(connection.broker),
        };
        self.dispatch(from, pending, call);
        Ok(())
    }

    fn client_name(&mut self, id: u64, text: &str) -> Name {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Names::EMPTY;
        };
        match &connection.client {
            Some((known, name)) if known == text => *name,
            _ => {
                let name = self.names.intern_client(text);
                connection.client = Some((text.to_owned(), name));
                name
            }
        }
    }

    fn dispatch(&mut self, from: From, pending: Pending, call: Call<Body>) {
        match call {
            Call::Broker(Request::CreateTopics(request)) => {
                self.create_topics_for(from, pending, request);
            }
            Call::Broker(request) => self.ask(from, pending, request),
            Call::ApiVersions => self.reply(from.conn, &pending, &Reply::ApiVersions),
            Call::UnsupportedApiVersions => {
                self.reply(from.conn, &pending, &Reply::UnsupportedApiVersions);
            }
            Call::Produce(data) => self.produce(from, pending, data),
            Call::Fetch(data) => self.fetch(from, pending, data),
            Call::OffsetFetch(groups) => {
                self.fetch_offsets(from.conn, pending, groups.into(), Vec::new());
            }
            Call::FindCoordinator(data) => self.find_coordinator(from, pending, data),
            Call::ListGroups(filter) => {
                let extra = Extra::ListGroups(filter);
                self.ask(from, Pending { extra, ..pending }, Request::ListGroups);
            }
            Call::DescribeConfigs(resources) => self.describe_configs(from, pending, resources),
            Call::DescribeCluster { endpoints } => {
                let extra = Extra::DescribeCluster { endpoints };
                let request = MetadataRequest {
                    topics: Some(Vec::new()),
                    allow_auto_topic_creation: false,
                };
                self.ask(
                    from,
                    Pending { extra, ..pending },
                    Request::Metadata(request),
                );
            }
        }
    }

    /// Hands a request to the broker's machine; its answer will find `pending`.
    fn ask(&mut self, from: From, pending: Pending, request: Request<Body>) {
        if let Some(connection) = self.connections.get_mut(&from.conn.0) {
            connection.pending = Some(pending);
        }
        self.submit(from, request);
    }

    fn submit(&mut self, from: From, request: Request<Body>) {
        let input = In::Request {
            conn: from.conn,
            client: from.client,
            request,
        };
        self.step(from.node, input);
    }

    /// The machines do not see what names look like, so names that Kafka refuses are refused here.
    fn create_topics_for(
        &mut self,
        from: From,
        pending: Pending,
        mut request: CreateTopicsRequest,
    ) {
        let mut refused = Vec::new();
        request.topics.retain(|new| {
            let fits = is_topic_name(self.names.text(new.topic));
            if !fits {
                refused.push(TopicResult {
                    topic: new.topic,
                    error: ErrorCode::InvalidTopicException,
                    message: Some(TOPIC_NAME_RULE.to_owned()),
                    partitions: -1,
                    replication_factor: -1,
                });
            }
            fits
        });
        let extra = Extra::CreateTopics { refused };
        self.ask(
            from,
            Pending { extra, ..pending },
            Request::CreateTopics(request),
        );
    }

    fn produce(&mut self, from: From, pending: Pending, data: ProduceData) {
        let acks = match data.acks {
            0 => Acks::None,
            1 => Acks::Leader,
            -1 => Acks::All,
            _ => return self.refuse_acks(from, &pending, &data),
        };
        let partitions = data
            .partitions
            .into_iter()
            .map(|(place, records)| (place, self.keep(place, records.as_ref(), pending.version)))
            .collect();
        let request = Request::Produce(ProduceRequest {
            acks,
            timeout_ms: data.timeout_ms,
            partitions,
        });
        if acks == Acks::None {
            self.submit(from, request);
        } else {
            self.ask(from, pending, request);
        }
    }

    fn refuse_acks(&mut self, from: From, pending: &Pending, data: &ProduceData) {
        // An unknown partition is found before impossible acks are, and so is a batch that makes no sense.
        let broker = self.nodes[from.node].as_broker();
        let image = broker.map(|broker| broker.image());
        let exists = |place: &TopicPartition| image.is_none_or(|i| i.partitions.contains(*place));
        let limits = Limits {
            batch_bytes_max: usize::MAX,
            produce_version: pending.version,
        };
        let refusal = |place: &TopicPartition, records: Option<&Bytes>| {
            if !exists(place) {
                ErrorCode::UnknownTopicOrPartition
            } else if record_batch::check(records, limits).err() == Some(ErrorCode::InvalidRecord) {
                ErrorCode::InvalidRecord
            } else {
                ErrorCode::InvalidRequiredAcks
            }
        };
        let refused = data
            .partitions
            .iter()
            .map(|(partition, records)| ProducedPartition {
                partition: *partition,
                error: refusal(partition, records.as_ref()),
                base_offset: -1,
                log_start_offset: -1,
                current_leader: None,
            });
        let response = Response::Produce(refused.collect());
        self.reply(from.conn, pending, &Reply::Broker(&response));
    }

    /// Checks a partition's records and keeps their bytes.
    fn keep(
        &mut self,
        place: TopicPartition,
        records: Option<&Bytes>,
        produce_version: i16,
    ) -> Result<Batch<Body>, ErrorCode> {
        let own = self.limits.topic_batch_bytes_max.get(&place.topic);
        let limits = Limits {
            batch_bytes_max: own.copied().unwrap_or(self.limits.batch_bytes_max),
            produce_version,
        };
        let kept = record_batch::check(records, limits).and_then(|(header, bytes)| {
            let body = self.store.append(bytes);
            let body = body.map_err(|_| ErrorCode::KafkaStorageError)?;
            Ok(Batch { header, body })
        });
        if kept.is_err() {
            self.counters.refused_batches += 1;
        }
        kept
    }

    fn fetch(&mut self, from: From, pending: Pending, data: FetchData) {
        if data.session != 0 {
            let reply = Reply::FetchError(FETCH_SESSION_ID_NOT_FOUND);
            return self.reply(from.conn, &pending, &reply);
        }
        self.ask(from, pending, Request::Fetch(data.request));
    }

    /// Asks for the next group, or answers when all have been.
    pub(super) fn fetch_offsets(
        &mut self,
        conn: ConnId,
        mut pending: Pending,
        mut waiting: VecDeque<OffsetFetchRequest>,
        done: Vec<OffsetFetchResponse>,
    ) {
        let Some(request) = waiting.pop_front() else {
            return self.reply(conn, &pending, &Reply::OffsetFetch(&done));
        };
        let Some(connection) = self.connections.get(&conn.0) else {
            return;
        };
        let from = From {
            conn,
            client: connection.client.as_ref().map_or(Names::EMPTY, |c| c.1),
            node: index_of(connection.broker),
        };
        pending.extra = Extra::OffsetFetch { waiting, done };
        self.ask(from, pending, Request::OffsetFetch(request));
    }

    fn find_coordinator(&mut self, from: From, pending: Pending, data: FindCoordinatorData) {
        if data.key_type == KEY_TYPE_GROUP {
            let groups = data.keys;
            return self.ask(from, pending, Request::FindCoordinator { groups });
        }
        let found: Vec<_> = data
            .keys
            .iter()
            .map(|key| Coordinator {
                group: *key,
                error: ErrorCode::InvalidRequest,
                node: None,
            })
            .collect();
        let reply = Reply::Coordinators {
            found: &found,
            message: Some("This cluster coordinates consumer groups only, no transactions."),
        };
        self.reply(from.conn, &pending, &reply);
    }

    fn describe_configs(&mut self, from: From, pending: Pending, resources: Vec<ConfigResource>) {
        let topics = resources
            .iter()
            .filter(|r| r.kind == RESOURCE_TOPIC)
            .filter_map(|r| self.names.find(&r.name))
            .collect();
        let extra = Extra::DescribeConfigs(resources);
        let request = Request::DescribeTopicConfigs { topics };
        self.ask(from, Pending { extra, ..pending }, request);
    }
}

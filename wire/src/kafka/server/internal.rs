//! Requests that the server itself makes of its brokers, as a client would: creating topics, looking whether all is ready.

use super::command::{CommandError, Reply};
use super::node::Door;
use super::{Server, index_of};
use crate::kafka::config::TopicConfig;
use crate::kafka::names::Names;
use crate::kafka::store::Body;
use squall_model::Nanos;
use squall_model::kafka::{
    ConnId, CreateTopicsRequest, In, MetadataRequest, MetadataResponse, Name, NewTopic, NodeId,
    PartitionMetadata, Request, Response, TopicMetadata, TopicResult,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often readiness is looked at.
const PROBE_EVERY: Duration = Duration::from_millis(1);
const CREATE_TIMEOUT_MS: i32 = 30_000;

/// What to do with the answer to one of the server's own requests.
pub enum Internal {
    CreateTopics(Reply<()>),
    Probe { round: u64 },
}

/// Who waits until the cluster is ready, and how far the present look at it is.
#[derive(Default)]
pub struct Readiness {
    waiting: Vec<Reply<()>>,
    next_probe: Option<Nanos>,
    round: u64,
    /// Brokers whose answer to this round is still out, and whether all answers so far were good.
    outstanding: usize,
    good: bool,
    /// Topics that were created here, which every broker must know of.
    topics: BTreeSet<Name>,
}

impl Readiness {
    pub fn wait(&mut self, reply: Reply<()>) {
        self.waiting.push(reply);
        self.next_probe.get_or_insert(0);
    }

    /// It will not become ready.
    pub fn fail(&mut self, error: &CommandError) {
        for reply in self.waiting.drain(..) {
            let _ = reply.send(Err(error.clone()));
        }
    }

    /// A deleted topic is not waited for.
    pub fn forget(&mut self, topic: Name) {
        self.topics.remove(&topic);
    }

    pub fn next_probe(&self) -> Option<Nanos> {
        self.next_probe
    }
}

/// Whether every partition has a leader and all its replicas in sync.
fn is_whole(topic: &TopicMetadata) -> bool {
    let whole = |p: &PartitionMetadata| p.leader.is_some() && p.isr.len() == p.replicas.len();
    !topic.error.is_error() && topic.partitions.iter().all(whole)
}

impl Server {
    /// Asks every running broker what it sees, when somebody waits and it is time.
    pub(super) fn probe(&mut self, now: Nanos) {
        if self.readiness.next_probe.is_none_or(|at| at > now) {
            return;
        }
        if self.readiness.waiting.is_empty() {
            self.readiness.next_probe = None;
            return;
        }
        // A round whose answers do not come (a broker died) is given up by the next one.
        let retry = if self.readiness.outstanding == 0 {
            PROBE_EVERY
        } else {
            20 * PROBE_EVERY
        };
        self.readiness.next_probe = Some(now + u64::try_from(retry.as_nanos()).unwrap_or(0));
        self.readiness.round += 1;
        self.readiness.good = true;
        let brokers = self.running_brokers();
        self.readiness.outstanding = brokers.len();
        let round = self.readiness.round;
        for broker in brokers {
            let request = Request::Metadata(MetadataRequest {
                topics: None,
                allow_auto_topic_creation: false,
            });
            self.ask_internally(broker, request, Internal::Probe { round });
        }
    }

    fn ask_internally(&mut self, broker: NodeId, request: Request<Body>, internal: Internal) {
        let id = self.new_connection_id();
        self.internal.insert(id, (broker, internal));
        let input = In::Request {
            conn: ConnId(id),
            client: Names::EMPTY,
            request,
        };
        self.step(index_of(broker), input);
    }

    /// Gives the reply channel back when no broker runs.
    pub(super) fn ask_any_broker(
        &mut self,
        request: Request<Body>,
        internal: Internal,
    ) -> Result<(), Reply<()>> {
        match (self.running_brokers().first(), internal) {
            (Some(broker), internal) => {
                self.ask_internally(*broker, request, internal);
                Ok(())
            }
            (None, Internal::CreateTopics(reply)) => Err(reply),
            (None, Internal::Probe { .. }) => Ok(()),
        }
    }

    pub(super) fn respond_internally(&mut self, id: u64, response: Response<Body>) {
        let internal = self.internal.remove(&id).map(|(_, internal)| internal);
        match (internal, response) {
            (Some(Internal::CreateTopics(reply)), Response::CreateTopics(results)) => {
                let created = results.iter().filter(|r| !r.error.is_error());
                self.readiness.topics.extend(created.map(|r| r.topic));
                let failed = results.iter().find(|r| r.error.is_error());
                let result = failed.map_or(Ok(()), |r| Err(self.topic_error(r)));
                let _ = reply.send(result);
            }
            (Some(Internal::Probe { round }), Response::Metadata(metadata)) => {
                self.judge_probe(round, &metadata);
            }
            _ => {}
        }
    }

    fn topic_error(&self, result: &TopicResult) -> CommandError {
        CommandError::Topic {
            topic: self.names.text(result.topic).to_owned(),
            reason: result
                .message
                .clone()
                .unwrap_or_else(|| format!("{:?}", result.error)),
        }
    }

    fn judge_probe(&mut self, round: u64, metadata: &MetadataResponse) {
        if round != self.readiness.round {
            return;
        }
        let running = self.running_brokers();
        let open = |n: &NodeId| matches!(self.nodes[index_of(*n)].door, Door::Open(_));
        let all_here = metadata.brokers.len() == running.len() && running.iter().all(open);
        let known: BTreeSet<_> = metadata.topics.iter().map(|t| t.topic).collect();
        self.readiness.good &= all_here
            && self.readiness.topics.is_subset(&known)
            && metadata.topics.iter().all(is_whole);
        self.readiness.outstanding -= 1;
        if self.readiness.outstanding == 0 && self.readiness.good {
            self.readiness.next_probe = None;
            for reply in self.readiness.waiting.drain(..) {
                let _ = reply.send(Ok(()));
            }
        }
    }

    pub(super) fn create_topics_request(
        &mut self,
        topics: &[TopicConfig],
    ) -> Result<Request<Body>, CommandError> {
        let topics = topics.iter().map(|topic| {
            let name = self.names.intern(&topic.name);
            let name = name.map_err(|error| CommandError::Topic {
                topic: topic.name.clone(),
                reason: error.to_string(),
            })?;
            Ok(NewTopic {
                topic: name,
                partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                assignment: None,
                configs: topic.configs.clone(),
            })
        });
        Ok(Request::CreateTopics(CreateTopicsRequest {
            topics: topics.collect::<Result<_, CommandError>>()?,
            timeout_ms: CREATE_TIMEOUT_MS,
            validate_only: false,
        }))
    }
}

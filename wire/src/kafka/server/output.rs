//! Stepping a machine and carrying out what it says.

use super::connection::Cold;
use super::pending::{Extra, Pending};
use super::sockets::Closing;
use super::{Flush, Server, index_of};
use crate::kafka::codec::{
    self, Answer, DescribedResource, Frame, RESOURCE_BROKER, RESOURCE_TOPIC, Reply, Writer,
};
use crate::kafka::fact::{NamedFact, StampedFact};
use crate::kafka::record_batch::PATCHED_BYTES;
use crate::kafka::store::{Body, Store};
use squall_model::Nanos;
use squall_model::kafka::{
    Broker, ConnId, DescribedTopicConfig, Entry, ErrorCode, Fact, In, NodeId, Out, Outbox, Peer,
    Response,
};
use std::time::Instant;

/// The cluster id that clients see, 22 characters of base64 as Kafka's.
pub const CLUSTER_ID: &str = "c3F1YWxsLWNsdXN0ZXItMQ";
/// Batches that are no longer in memory and not larger than this are read while the answer is encoded.
const COLD_READ_BYTES: usize = 32 << 10;

impl Server {
    /// Feeds one input to a node's machine. Inputs that arise while outputs are being carried out wait for their turn, so that the
    /// outputs of two steps never mix.
    pub(super) fn step(&mut self, index: usize, input: In<Body>) {
        self.inputs.push_back((index, input));
        if self.stepping {
            return;
        }
        self.stepping = true;
        while let Some((index, input)) = self.inputs.pop_front() {
            self.step_now(index, input);
        }
        self.stepping = false;
    }

    fn step_now(&mut self, index: usize, input: In<Body>) {
        let now = self.now();
        let mut outbox = std::mem::take(&mut self.outbox);
        if let Some(node) = self.nodes.get_mut(index) {
            node.step(now, input, &mut outbox);
            let id = node.id;
            self.carry_out(id, now, &mut outbox);
            self.end_if_halted(index);
        }
        self.outbox = outbox;
    }

    fn carry_out(&mut self, id: NodeId, now: Nanos, outbox: &mut Outbox<Body>) {
        for out in outbox.drain() {
            match out {
                Out::Send { conn, response } => self.respond(conn, response),
                Out::Close { conn } => self.close(conn.0, Closing::Ended),
                Out::Peer { to, message } => self.send_peer(id, to, message),
                Out::Flush { token } => {
                    let at = now.saturating_add(self.flush_ns(id));
                    self.begin_flush(Flush {
                        at,
                        node: id,
                        token,
                    });
                }
                Out::Fact(fact) => self.tell(id, &fact),
            }
        }
    }

    /// Tells a broker something that is not an input, and carries out what it says.
    pub(super) fn step_with(
        &mut self,
        index: usize,
        what: impl FnOnce(&mut Broker<Body>, Nanos, &mut Outbox<Body>),
    ) {
        let now = self.now();
        let mut outbox = std::mem::take(&mut self.outbox);
        if let Some(node) = self.nodes.get_mut(index)
            && let Some(broker) = node.as_broker()
        {
            what(broker, now, &mut outbox);
            node.timer = broker.next_timer();
            let id = node.id;
            self.stepping = true;
            self.carry_out(id, now, &mut outbox);
            self.stepping = false;
        }
        self.outbox = outbox;
        self.step(index, In::Tick);
    }

    fn send_peer(&mut self, from: NodeId, to: NodeId, message: Peer<Body>) {
        let now = self.now();
        if let Peer::Metadata(update) = &message {
            self.observe_metadata(update);
        }
        if self
            .nodes
            .get(index_of(to))
            .is_some_and(|n| n.machine.is_some())
        {
            let bytes = message.bytes();
            self.link(from, to).send(now, bytes, message);
        }
    }

    fn tell(&mut self, node: NodeId, fact: &Fact) {
        self.observe(fact);
        if self.facts.is_empty() {
            return;
        }
        if let Some(fact) = NamedFact::new(fact, &self.names) {
            self.facts.send(&StampedFact {
                at: Instant::now(),
                node: node.0,
                fact,
            });
        }
    }

    fn respond(&mut self, conn: ConnId, response: Response<Body>) {
        let Some(connection) = self.connections.get_mut(&conn.0) else {
            return self.respond_internally(conn.0, response);
        };
        let Some(pending) = connection.pending.take() else {
            return;
        };
        let broker = connection.broker;
        self.complete(conn, broker, pending, response);
    }

    /// Answers `pending` with what the machine said, or asks it the next part of the question.
    fn complete(
        &mut self,
        conn: ConnId,
        broker: NodeId,
        mut pending: Pending,
        response: Response<Body>,
    ) {
        let extra = std::mem::replace(&mut pending.extra, Extra::None);
        match (extra, response) {
            (Extra::OffsetFetch { waiting, mut done }, Response::OffsetFetch(fetched)) => {
                done.push(fetched);
                self.fetch_offsets(conn, pending, waiting, done);
            }
            (Extra::CreateTopics { refused }, Response::CreateTopics(mut results)) => {
                results.extend(refused);
                let response = Response::CreateTopics(results);
                self.reply(conn, &pending, &Reply::Broker(&response));
            }
            (Extra::ListGroups(filter), Response::ListGroups(listed)) => {
                let (filter, listed) = (&filter, listed.as_slice());
                self.reply(conn, &pending, &Reply::ListGroups { filter, listed });
            }
            (Extra::DescribeConfigs(resources), Response::DescribeTopicConfigs(topics)) => {
                let described: Vec<_> = resources
                    .into_iter()
                    .map(|resource| self.describe(broker, resource, &topics))
                    .collect();
                self.reply(conn, &pending, &Reply::DescribeConfigs(&described));
            }
            (Extra::DescribeCluster { endpoints }, Response::Metadata(metadata)) => {
                let metadata = &metadata;
                self.reply(
                    conn,
                    &pending,
                    &Reply::DescribeCluster {
                        endpoints,
                        metadata,
                    },
                );
            }
            (_, response) => self.reply(conn, &pending, &Reply::Broker(&response)),
        }
    }

    /// Encodes an answer and gets it on its way.
    pub(super) fn reply(&mut self, conn: ConnId, pending: &Pending, reply: &Reply<'_, Body>) {
        let frame = self.encode(pending, reply);
        if let Some(connection) = self.connections.get_mut(&conn.0) {
            connection.queue(frame);
        }
        self.activate(conn.0);
    }

    fn encode(&self, pending: &Pending, reply: &Reply<'_, Body>) -> Frame<Cold> {
        let answer = Answer {
            names: &self.names,
            addresses: &self.addresses,
            cluster_id: CLUSTER_ID,
        };
        codec::write(
            pending.api,
            pending.version,
            pending.correlation,
            &answer,
            reply,
            |w, entry| write_batch(w, &self.store, entry),
        )
    }

    fn describe(
        &self,
        broker: NodeId,
        resource: codec::ConfigResource,
        topics: &[DescribedTopicConfig],
    ) -> DescribedResource {
        let (error, entries) = match resource.kind {
            RESOURCE_TOPIC => topics
                .iter()
                .find(|t| self.names.text(t.topic) == resource.name)
                .map_or((ErrorCode::UnknownTopicOrPartition, Vec::new()), |t| {
                    (t.error, t.entries.clone())
                }),
            // An empty name asks for the cluster-wide dynamic defaults, of which there are none.
            RESOURCE_BROKER if resource.name.is_empty() => (ErrorCode::None, Vec::new()),
            RESOURCE_BROKER if resource.name == broker.to_string() => {
                (ErrorCode::None, self.broker_entries())
            }
            _ => (ErrorCode::InvalidRequest, Vec::new()),
        };
        DescribedResource {
            resource,
            error,
            entries,
        }
    }
}

/// Base offset and leader epoch as the log has them, in front of the producer's own bytes.
fn write_batch(w: &mut Writer<Cold>, store: &Store, entry: &Entry<Body>) {
    let body = &entry.batch.body;
    let bytes = body.size();
    w.i64(entry.base_offset);
    w.i32(i32::try_from(bytes - 12).unwrap_or(i32::MAX));
    w.i32(entry.leader_epoch);
    if let Some(cached) = store.cached(body) {
        return w.shared(cached.slice(PATCHED_BYTES..));
    }
    let rest = bytes - PATCHED_BYTES;
    if rest <= COLD_READ_BYTES {
        let mut read = vec![0; rest];
        if body.read_at(PATCHED_BYTES, &mut read).is_ok() {
            return w.raw(&read);
        }
    }
    // Read when the socket takes it; an error there closes the connection.
    let place = Cold {
        body: body.clone(),
        skip: PATCHED_BYTES,
    };
    w.elsewhere(place, rest);
}

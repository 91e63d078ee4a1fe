//! Connections of clients to brokers: requests in order, one at a time, answers in order.

use super::Cluster;
use crate::kernel::{Nanos, Pledge, ProcessId, promise};
use crate::network::{End, LinkProfile};
use crate::record::{Body, batch_bytes};
use squall_model::kafka::{Acks, ConnId, In, Name, NodeId, Request, Response};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Size of a request or answer without record data, in bytes.
const MESSAGE_BYTES: u64 = 128;

/// Nobody listens there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused;

/// The connection broke before the answer came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken;

/// The client's end.
pub struct Connection {
    cluster: Rc<Cluster>,
    pub id: ConnId,
    pub node: NodeId,
    process: ProcessId,
    end: Rc<ClientEnd>,
}

struct ClientEnd {
    open: Cell<bool>,
    waiting: RefCell<VecDeque<Pledge<Response<Body>>>>,
}

/// The broker's end.
pub(super) struct ServerConn {
    node: NodeId,
    process: ProcessId,
    client: Name,
    queue: VecDeque<Request<Body>>,
    busy: bool,
    peer: Rc<ClientEnd>,
}

impl ClientEnd {
    fn break_off(&self) {
        self.open.set(false);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        drop(waiting);
    }
}

impl Connection {
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.end.open.get()
    }

    /// Sends a request and waits for its answer, behind those that were sent before it.
    pub async fn call(&self, request: Request<Body>) -> Result<Response<Body>, Broken> {
        if !self.is_open() {
            return Err(Broken);
        }
        let (pledge, answer) = promise();
        self.end.waiting.borrow_mut().push_back(pledge);
        self.send(request);
        answer.await.ok_or(Broken)
    }

    /// Sends a request that is never answered (a produce with acks=0).
    pub fn send(&self, request: Request<Body>) {
        let bytes = MESSAGE_BYTES + request_bytes(&request);
        let (from, to) = (End::Process(self.process), End::Node(self.node));
        let cluster = &self.cluster;
        let arrival = cluster.network.arrival(from, to, bytes, LinkProfile::LOCAL);
        let (id, world) = (self.id, Rc::clone(cluster));
        cluster.kernel.at(arrival, move || {
            if let Some(conn) = world.conns.borrow_mut().get_mut(&id) {
                conn.queue.push_back(request);
            }
            world.feed_if_idle(id);
        });
    }

    pub fn close(&self) {
        self.end.break_off();
        let from = End::Process(self.process);
        self.cluster.closed_by_client(self.id, from);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_open() {
            self.close();
        }
    }
}

impl Cluster {
    /// Connects; takes a round trip.
    pub async fn connect(
        self: &Rc<Self>,
        process: ProcessId,
        node: NodeId,
        client: Name,
    ) -> Result<Connection, Refused> {
        let there = self.network.arrival(
            End::Process(process),
            End::Node(node),
            0,
            LinkProfile::LOCAL,
        );
        self.kernel.sleep_until(there).await;
        let listening = self.is_up(node).then(|| self.accept(process, node, client));
        let back = self.network.arrival(
            End::Node(node),
            End::Process(process),
            0,
            LinkProfile::LOCAL,
        );
        self.kernel.sleep_until(back).await;
        listening.ok_or(Refused)
    }

    fn accept(self: &Rc<Self>, process: ProcessId, node: NodeId, client: Name) -> Connection {
        self.last_conn.set(self.last_conn.get() + 1);
        let id = ConnId(self.last_conn.get());
        let end = Rc::new(ClientEnd {
            open: Cell::new(true),
            waiting: RefCell::default(),
        });
        let server = ServerConn {
            node,
            process,
            client,
            queue: VecDeque::new(),
            busy: false,
            peer: Rc::clone(&end),
        };
        self.conns.borrow_mut().insert(id, server);
        Connection {
            cluster: Rc::clone(self),
            id,
            node,
            process,
            end,
        }
    }

    fn feed_if_idle(self: &Rc<Self>, id: ConnId) {
        let idle = self.conns.borrow().get(&id).is_some_and(|conn| !conn.busy);
        if idle {
            self.feed(id);
        }
    }

    /// Gives the broker the connection's next request.
    pub(super) fn feed(self: &Rc<Self>, id: ConnId) {
        loop {
            let next = {
                let mut conns = self.conns.borrow_mut();
                let Some(conn) = conns.get_mut(&id) else {
                    return;
                };
                let next = conn.queue.pop_front();
                conn.busy = next.as_ref().is_some_and(is_answered);
                next.map(|request| (conn.node, conn.client, conn.busy, request))
            };
            let Some((node, client, answered, request)) = next else {
                return;
            };
            let conn = id;
            self.step(
                node,
                In::Request {
                    conn,
                    client,
                    request,
                },
            );
            if answered {
                return;
            }
        }
    }

    pub(super) fn send_answer(self: &Rc<Self>, node: NodeId, id: ConnId, response: Response<Body>) {
        let Some((process, peer)) = self
            .conns
            .borrow()
            .get(&id)
            .map(|conn| (conn.process, Rc::clone(&conn.peer)))
        else {
            return;
        };
        let bytes = MESSAGE_BYTES + response_bytes(&response);
        let arrival = self.network.arrival(
            End::Node(node),
            End::Process(process),
            bytes,
            LinkProfile::LOCAL,
        );
        self.kernel.at(arrival, move || {
            let waiting = peer.waiting.borrow_mut().pop_front();
            if let Some(pledge) = waiting {
                pledge.keep(response);
            }
        });
    }

    /// The broker hangs up.
    pub(super) fn close_by_broker(self: &Rc<Self>, id: ConnId) {
        let Some(conn) = self.conns.borrow_mut().remove(&id) else {
            return;
        };
        let arrival = self.network.arrival(
            End::Node(conn.node),
            End::Process(conn.process),
            0,
            LinkProfile::LOCAL,
        );
        self.kernel.at(arrival, move || conn.peer.break_off());
    }

    /// A broker is gone: its clients see it after a moment. Answers that were under way are lost with it.
    pub(super) fn break_connections_of(self: &Rc<Self>, node: NodeId) {
        let broken: Vec<ConnId> = self
            .conns
            .borrow()
            .iter()
            .filter(|(_, conn)| conn.node == node)
            .map(|(id, _)| *id)
            .collect();
        for id in broken {
            self.close_by_broker(id);
        }
    }

    fn closed_by_client(self: &Rc<Self>, id: ConnId, from: End) {
        let Some(node) = self.conns.borrow().get(&id).map(|conn| conn.node) else {
            return;
        };
        let arrival: Nanos = self
            .network
            .arrival(from, End::Node(node), 0, LinkProfile::LOCAL);
        let cluster = Rc::clone(self);
        self.kernel.at(arrival, move || {
            let known = cluster.conns.borrow_mut().remove(&id).is_some();
            if known {
                cluster.step(node, In::Closed { conn: id });
            }
        });
    }

    /// A client process is gone: the brokers see its connections close.
    pub fn process_died(self: &Rc<Self>, process: ProcessId) {
        let open: Vec<ConnId> = self
            .conns
            .borrow()
            .iter()
            .filter(|(_, conn)| conn.process == process)
            .map(|(id, _)| *id)
            .collect();
        for id in open {
            if let Some(conn) = self.conns.borrow().get(&id) {
                conn.peer.open.set(false);
            }
            self.closed_by_client(id, End::Process(process));
        }
    }
}

fn is_answered(request: &Request<Body>) -> bool {
    !matches!(request, Request::Produce(produce) if produce.acks == Acks::None)
}

fn request_bytes(request: &Request<Body>) -> u64 {
    let Request::Produce(produce) = request else {
        return 0;
    };
    let batches = produce
        .partitions
        .iter()
        .filter_map(|(_, batch)| batch.as_ref().ok());
    batches
        .map(|batch| u64::from(batch_bytes(&batch.body)))
        .sum()
}

fn response_bytes(response: &Response<Body>) -> u64 {
    let Response::Fetch(partitions) = response else {
        return 0;
    };
    let entries = partitions.iter().flat_map(|partition| &partition.entries);
    entries
        .map(|entry| u64::from(entry.batch.header.bytes))
        .sum()
}

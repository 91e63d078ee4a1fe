//! Connections of clients to brokers: requests in order, one at a time, answers in order.

use super::Cluster;
use super::refusal::refused;
use super::request::{api, is_answered, request_bytes, response_bytes};
use crate::kernel::{MS, Nanos, Pledge, ProcessId, promise};
use crate::network::{End, Fate, Lane, LinkProfile, Meeting};
use crate::occurrence::Occurrence;
use crate::record::Body;
use squall_model::kafka::{ConnId, In, Name, NodeId, Request, Response};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Size of a request or answer without record data, in bytes.
const MESSAGE_BYTES: u64 = 128;

/// `socket.connection.setup.timeout.ms` of librdkafka, and how often a SYN is sent meanwhile.
const CONNECT_TIMEOUT: Nanos = 30_000 * MS;
const SYN_AGAIN: Nanos = 200 * MS;

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
    node: NodeId,
    process: ProcessId,
    end: Rc<ClientEnd>,
    there: Lane,
}

/// What a client keeps of its connection, while answers are on their way to it.
pub struct ClientEnd {
    open: Cell<bool>,
    /// Requests that are to be answered, so far.
    asked: Cell<u64>,
    /// What comes instead of the answers to some of them, by their numbers.
    fates: RefCell<BTreeMap<u64, Fate>>,
    waiting: RefCell<VecDeque<Pledge<Response<Body>>>>,
}

/// The broker's end.
pub(super) struct ServerConn {
    pub node: NodeId,
    process: ProcessId,
    client: Name,
    queue: VecDeque<Request<Body>>,
    busy: bool,
    /// Requests that are to be answered and that the broker was given, and answers, so far.
    fed: u64,
    answered: u64,
    /// No answer is sent any more.
    pub silent: bool,
    peer: Rc<ClientEnd>,
    back: Lane,
}

/// The brokers' ends of all connections, by their numbers, which begin with 1 and are given once.
#[derive(Default)]
pub(super) struct Conns(Vec<Option<ServerConn>>);

impl Conns {
    fn push(&mut self, conn: ServerConn) -> ConnId {
        self.0.push(Some(conn));
        ConnId(self.0.len() as u64)
    }

    fn place(id: ConnId) -> usize {
        usize::try_from(id.0).map_or(usize::MAX, |number| number.wrapping_sub(1))
    }

    pub fn get(&self, id: ConnId) -> Option<&ServerConn> {
        self.0.get(Self::place(id))?.as_ref()
    }

    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut ServerConn> {
        self.0.get_mut(Self::place(id))?.as_mut()
    }

    fn remove(&mut self, id: ConnId) -> Option<ServerConn> {
        self.0.get_mut(Self::place(id))?.take()
    }

    /// Numbers of those for which it holds, in order.
    pub fn of(&self, holds: impl Fn(&ServerConn) -> bool) -> Vec<ConnId> {
        let open = (1..).map(ConnId).zip(&self.0);
        open.filter(|(_, conn)| conn.as_ref().is_some_and(&holds))
            .map(|(id, _)| id)
            .collect()
    }
}

impl ClientEnd {
    pub(super) fn answer_arrives(&self, response: Response<Body>) {
        let waiting = self.waiting.borrow_mut().pop_front();
        if let Some(pledge) = waiting {
            pledge.keep(response);
        }
    }

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
        let (pledge, answer) = promise(&self.cluster.kernel);
        self.end.waiting.borrow_mut().push_back(pledge);
        self.send(request);
        answer.await.ok_or(Broken)
    }

    /// Sends a request that is never answered (a produce with acks=0).
    pub fn send(&self, request: Request<Body>) {
        let bytes = MESSAGE_BYTES + request_bytes(&request);
        let cluster = &self.cluster;
        if cluster.network.resets(self.there) {
            return self.close();
        }
        let (number, answered) = (self.end.asked.get(), is_answered(&request));
        self.end.asked.set(number + u64::from(answered));
        match cluster.network.meets(self.there, api(&request)) {
            Some(Meeting::Cut) => return self.close(),
            Some(Meeting::Answered(fate)) if answered => {
                self.end.fates.borrow_mut().insert(number, fate);
            }
            Some(Meeting::Late(late)) => cluster.network.hold_back(self.there, late),
            Some(Meeting::Answered(_)) | None => {}
        }
        let arrival = cluster
            .network
            .arrival_on(self.there, bytes, LinkProfile::LOCAL);
        let conn = self.id;
        let way = (End::Process(self.process), End::Node(self.node));
        let what = Occurrence::Request { conn, request };
        cluster.network.plan(way, arrival, what);
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
        if !self.way_is_free(process, node).await {
            return Err(Refused);
        }
        let there = self.network.arrival(
            End::Process(process),
            End::Node(node),
            0,
            LinkProfile::LOCAL,
        );
        self.kernel.sleep_until(there).await;
        let listening = self
            .listens(node)
            .then(|| self.accept(process, node, client));
        let back = self.network.arrival(
            End::Node(node),
            End::Process(process),
            0,
            LinkProfile::LOCAL,
        );
        self.kernel.sleep_until(back).await;
        listening.ok_or(Refused)
    }

    /// A connection is tried again and again while the way is cut, until the client has no patience left.
    async fn way_is_free(&self, process: ProcessId, node: NodeId) -> bool {
        let (client, broker) = (End::Process(process), End::Node(node));
        let cut = || self.network.is_cut(client, broker) || self.network.is_cut(broker, client);
        let deadline = self.kernel.now() + CONNECT_TIMEOUT;
        while cut() {
            if self.kernel.now() >= deadline {
                return false;
            }
            self.kernel.sleep(SYN_AGAIN).await;
        }
        true
    }

    fn accept(self: &Rc<Self>, process: ProcessId, node: NodeId, client: Name) -> Connection {
        let end = Rc::new(ClientEnd {
            open: Cell::new(true),
            asked: Cell::new(0),
            fates: RefCell::default(),
            waiting: RefCell::default(),
        });
        let server = ServerConn {
            node,
            process,
            client,
            queue: VecDeque::new(),
            busy: false,
            fed: 0,
            answered: 0,
            silent: false,
            peer: Rc::clone(&end),
            back: self.network.lane(End::Node(node), End::Process(process)),
        };
        let id = self.conns.borrow_mut().push(server);
        Connection {
            cluster: Rc::clone(self),
            id,
            node,
            process,
            end,
            there: self.network.lane(End::Process(process), End::Node(node)),
        }
    }

    pub(super) fn request_arrives(self: &Rc<Self>, id: ConnId, request: Request<Body>) {
        let idle = {
            let mut conns = self.conns.borrow_mut();
            let Some(conn) = conns.get_mut(id) else {
                return;
            };
            conn.queue.push_back(request);
            !conn.busy
        };
        if idle {
            self.feed(id);
        }
    }

    /// Gives the broker the connection's next request.
    pub(super) fn feed(self: &Rc<Self>, id: ConnId) {
        loop {
            let next = {
                let mut conns = self.conns.borrow_mut();
                let Some(conn) = conns.get_mut(id) else {
                    return;
                };
                let next = conn.queue.pop_front();
                conn.busy = next.as_ref().is_some_and(is_answered);
                let number = conn.fed;
                conn.fed += u64::from(conn.busy);
                let fate = conn.peer.fates.borrow().get(&number).copied();
                let fate = fate.filter(|_| conn.busy);
                next.map(|request| (conn.node, conn.client, conn.busy, fate, request))
            };
            let Some((node, client, answered, fate, request)) = next else {
                return;
            };
            if let Some(Fate::Refused(error)) = fate
                && let Some(answer) = refused(&request, error)
            {
                self.send_answer(id, answer);
                continue;
            }
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

    pub(super) fn send_answer(self: &Rc<Self>, id: ConnId, response: Response<Body>) {
        let Some((way, silent, back, peer, number)) =
            self.conns.borrow_mut().get_mut(id).map(|conn| {
                let way = (End::Node(conn.node), End::Process(conn.process));
                conn.answered += 1;
                (
                    way,
                    conn.silent,
                    conn.back,
                    Rc::clone(&conn.peer),
                    conn.answered - 1,
                )
            })
        else {
            return;
        };
        if silent {
            return;
        }
        let fate = peer.fates.borrow_mut().remove(&number);
        if self.network.resets(back) || fate == Some(Fate::Lost) {
            return self.reset(id);
        }
        if let Some(Fate::Withheld(reset_after)) = fate {
            return self.fall_silent(id, reset_after);
        }
        let bytes = MESSAGE_BYTES + response_bytes(&response);
        let arrival = self.network.arrival_on(back, bytes, LinkProfile::LOCAL);
        let what = Occurrence::Answer { to: peer, response };
        self.network.plan(way, arrival, what);
    }

    /// The broker hangs up.
    pub(super) fn close_by_broker(self: &Rc<Self>, id: ConnId) {
        let Some(conn) = self.conns.borrow_mut().remove(id) else {
            return;
        };
        let arrival = self.network.arrival(
            End::Node(conn.node),
            End::Process(conn.process),
            0,
            LinkProfile::LOCAL,
        );
        let way = (End::Node(conn.node), End::Process(conn.process));
        let act = move || conn.peer.break_off();
        self.network.pass(way, arrival, act);
    }

    /// A broker is gone: its clients see it after a moment. Answers that were under way are lost with it.
    pub(super) fn break_connections_of(self: &Rc<Self>, node: NodeId) {
        let broken = self.conns.borrow().of(|conn| conn.node == node);
        for id in broken {
            self.close_by_broker(id);
        }
    }

    fn closed_by_client(self: &Rc<Self>, id: ConnId, from: End) {
        let Some(node) = self.conns.borrow().get(id).map(|conn| conn.node) else {
            return;
        };
        let arrival: Nanos = self
            .network
            .arrival(from, End::Node(node), 0, LinkProfile::LOCAL);
        let cluster = Rc::clone(self);
        self.network
            .pass((from, End::Node(node)), arrival, move || {
                let known = cluster.conns.borrow_mut().remove(id).is_some();
                if known {
                    cluster.step(node, In::Closed { conn: id });
                }
            });
    }

    /// A client process is gone: the brokers see its connections close.
    pub fn process_died(self: &Rc<Self>, process: ProcessId) {
        let open = self.conns.borrow().of(|conn| conn.process == process);
        for id in open {
            if let Some(conn) = self.conns.borrow().get(id) {
                conn.peer.open.set(false);
            }
            self.closed_by_client(id, End::Process(process));
        }
    }
}

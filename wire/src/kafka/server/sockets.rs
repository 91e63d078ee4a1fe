//! Accepting, reading, writing and closing client connections.

use super::connection::{Connection, Fill};
use super::node::Door;
use super::{FIRST_CONNECTION, Server, index_of};
use mio::event::Event;
use mio::{Interest, Token};
use squall_model::kafka::{ConnId, In, NodeId};
use std::io;

/// Frames that one connection may bring before the others have their turn.
const FRAMES_PER_TURN: usize = 16;
/// Reads of one connection in a turn.
const READS_PER_TURN: usize = 32;
const CONNECTIONS_MAX: usize = 10_000;
/// What half-read frames of all connections may hold together.
const INPUT_BYTES_MAX: usize = 1 << 30;

/// Why a connection is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closing {
    /// The client or the network ended it, or the machine wanted it.
    Ended,
    /// What it sent is not a request that is served.
    Malformed,
}

impl Server {
    pub(super) fn on_socket(&mut self, token: Token, event: &Event) {
        let id = token.0 as u64;
        if id < FIRST_CONNECTION {
            return self.accept(token.0);
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let paused = self.nodes[index_of(connection.broker)].is_paused();
        connection.readable |= event.is_readable();
        connection.writable |= event.is_writable();
        if event.is_error() || (event.is_read_closed() && event.is_write_closed()) {
            if connection.pending.is_some() && !paused {
                return self.close(id, Closing::Ended);
            }
            // Nothing can be answered any more, but what has arrived is still read: a producer with acks=0 may have left.
            connection.readable = true;
        }
        self.activate(id);
    }

    pub(super) fn activate(&mut self, id: u64) {
        if let Some(connection) = self.connections.get_mut(&id)
            && !connection.queued
        {
            connection.queued = true;
            self.active.push(id);
        }
    }

    pub(super) fn accept(&mut self, index: usize) {
        if self.nodes.get(index).is_some_and(|node| node.is_paused()) {
            return;
        }
        loop {
            let Some(Door::Open(listener)) = self.nodes.get(index).map(|n| &n.door) else {
                return;
            };
            match listener.accept() {
                Ok((stream, _)) => {
                    self.time.admitted(&stream);
                    self.admit(index, stream);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // WouldBlock, or no file descriptors: the next event tries again.
                Err(_) => return,
            }
        }
    }

    fn admit(&mut self, index: usize, mut stream: mio::net::TcpStream) {
        if self.connections.len() >= CONNECTIONS_MAX {
            return;
        }
        let id = self.new_connection_id();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(usize::try_from(id).unwrap_or(usize::MAX));
        if stream.set_nodelay(true).is_err()
            || self
                .poll
                .registry()
                .register(&mut stream, token, interest)
                .is_err()
        {
            return;
        }
        let connection = Connection::new(stream, self.nodes[index].id);
        self.connections.insert(id, connection);
        self.counters.connections_accepted += 1;
        self.activate(id);
    }

    pub(super) fn new_connection_id(&mut self) -> u64 {
        self.next_connection += 1;
        self.next_connection
    }

    /// Gives every active connection a turn.
    pub(super) fn work(&mut self) {
        let mut turn = std::mem::take(&mut self.active);
        for id in turn.drain(..) {
            let Some(connection) = self.connections.get_mut(&id) else {
                continue;
            };
            connection.queued = false;
            match self.turn(id) {
                Ok(true) => self.activate(id),
                Ok(false) => {}
                Err(closing) => self.close(id, closing),
            }
        }
        if self.active.is_empty() {
            self.active = turn;
        }
    }

    /// One connection's turn; `true` when it has more to do at once.
    fn turn(&mut self, id: u64) -> Result<bool, Closing> {
        let request_bytes_max = self.limits.request_bytes_max;
        let (mut frames, mut reads) = (0, 0);
        while frames < FRAMES_PER_TURN && reads < READS_PER_TURN {
            let Some(connection) = self.connections.get_mut(&id) else {
                return Ok(false);
            };
            if self.nodes[index_of(connection.broker)].is_paused() {
                return Ok(false);
            }
            if connection.has_output() && !connection.flush().map_err(|_| Closing::Ended)? {
                return Ok(false);
            }
            // One request at a time: the next is not even read before this one is answered.
            if connection.pending.is_some() {
                return Ok(false);
            }
            let frame = connection
                .next_frame(request_bytes_max)
                .map_err(|_| Closing::Malformed)?;
            if let Some(frame) = frame {
                frames += 1;
                self.handle(id, &frame)?;
                continue;
            }
            if !connection.readable {
                return Ok(false);
            }
            reads += 1;
            let before = connection.input_bytes();
            match connection.fill() {
                Ok(Fill::More) => {
                    let read = connection.input_bytes() - before;
                    if let Some(received) = self.time.received() {
                        received.count(&connection.stream, read);
                    }
                    self.check_input_bytes(id)?;
                }
                Ok(Fill::WouldBlock) => return Ok(false),
                Ok(Fill::Closed) | Err(_) => return Err(Closing::Ended),
            }
        }
        Ok(true)
    }

    /// Large frames of many connections together must not fill the memory: the one that would is closed.
    fn check_input_bytes(&self, id: u64) -> Result<(), Closing> {
        let large = |c: &Connection| c.buffered_bytes() > 1 << 20;
        if !self.connections.get(&id).is_some_and(large) {
            return Ok(());
        }
        let total: usize = self
            .connections
            .values()
            .map(Connection::buffered_bytes)
            .sum();
        if total > INPUT_BYTES_MAX {
            Err(Closing::Malformed)
        } else {
            Ok(())
        }
    }

    pub(super) fn close(&mut self, id: u64, closing: Closing) {
        let Some(mut connection) = self.connections.remove(&id) else {
            return;
        };
        if closing == Closing::Malformed {
            self.counters.malformed += 1;
        }
        if let Some(received) = self.time.received() {
            received.closed(&connection.stream);
        }
        // Dropping the socket closes it; epoll forgets it by itself.
        let _ = self.poll.registry().deregister(&mut connection.stream);
        self.step(index_of(connection.broker), In::Closed { conn: ConnId(id) });
    }

    /// Closes every connection of a broker whose process ended; there is no machine left to tell.
    pub(super) fn drop_connections(&mut self, broker: NodeId) {
        self.connections.retain(|_, c| c.broker != broker);
    }
}

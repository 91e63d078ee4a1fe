//! Clients come in, and get their connection to the upstream.

use super::connection::{Connection, Over};
use super::event_loop::{EventLoop, FIRST_LISTENER};
use super::proxy::{Door, Refusal};
use crate::layer::{ConnectionInfo, Side};
use crate::toxic::{Direction, Pipeline};
use mio::net::TcpStream;
use mio::{Interest, Token};
use socket2::SockRef;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// Connections of one proxy that are accepted before others have their turn.
const ACCEPTS_PER_TURN: usize = 256;
/// When accepting went on for long, or failed for want of file descriptors, it goes on after this.
const RETRY_ACCEPT_NS: u64 = 2_000_000;

impl EventLoop {
    pub fn accept(&mut self, proxy: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(Door::Open(listener)) = self.proxies.get(&proxy).map(|p| &p.door) else {
                return;
            };
            match listener.accept() {
                Ok((socket, _)) => self.admit(proxy, socket),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(_) => break,
            }
        }
        // More than a turn's worth, or no file descriptor is left: epoll tells of neither again.
        self.retry_accept();
    }

    fn admit(&mut self, slot: usize, mut socket: TcpStream) {
        let Some(proxy) = self.proxies.get_mut(&slot) else {
            return;
        };
        if proxy.refusal == Refusal::Reset {
            proxy.counters.connections_refused += 1;
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
            return;
        }
        proxy.counters.connections += 1;
        let ordinal = proxy.next_ordinal;
        proxy.next_ordinal += 1;
        let upstream = proxy.upstream.clone();
        let place = self.free.pop().unwrap_or(self.connections.len());
        let token = Token(place * 2 + Side::Client.index());
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = socket
            .set_nodelay(true)
            .and_then(|()| self.poll.registry().register(&mut socket, token, interest));
        self.next_generation += 1;
        let generation = self.next_generation;
        let connection = Box::new(Connection::new(slot, ordinal, generation, socket));
        if place == self.connections.len() {
            self.connections.push(None);
        }
        self.connections[place] = Some(connection);
        if let Some(proxy) = self.proxies.get_mut(&slot) {
            proxy.connections.insert(place);
        }
        if registered.is_err() {
            return self.end(place, Over::Closed);
        }
        match upstream.parse::<SocketAddr>() {
            Ok(address) => self.dial(place, VecDeque::from([address])),
            Err(_) => self.resolver.look_up(upstream, place, generation),
        }
    }

    /// The addresses of an upstream by name are known.
    pub fn resolved(&mut self, place: usize, generation: u64, addresses: VecDeque<SocketAddr>) {
        let current = self.connections.get(place).and_then(Option::as_ref);
        if current.is_some_and(|c| c.generation == generation) {
            self.dial(place, addresses);
        }
    }

    /// Connects to the first address that takes it; gives up when there is none.
    fn dial(&mut self, place: usize, mut addresses: VecDeque<SocketAddr>) {
        while let Some(address) = addresses.pop_front() {
            if let Ok(socket) = self.connect(place, address) {
                if let Some(Some(connection)) = self.connections.get_mut(place) {
                    let party = &mut connection.parties[Side::Upstream.index()];
                    party.socket = Some(socket);
                    (party.readable, party.writable, party.hung_up) = (false, false, false);
                    connection.untried = addresses;
                }
                return;
            }
        }
        let slot = self.connections.get(place).and_then(Option::as_ref);
        let slot = slot.map(|connection| connection.proxy);
        if let Some(proxy) = slot.and_then(|slot| self.proxies.get_mut(&slot)) {
            proxy.counters.upstream_failures += 1;
        }
        self.end(place, Over::Closed);
    }

    fn connect(&mut self, place: usize, address: SocketAddr) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        let token = Token(place * 2 + Side::Upstream.index());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut socket, token, interest)?;
        Ok(socket)
    }

    /// The socket to the upstream has something to say: connected, or why not.
    pub fn continue_connecting(&mut self, place: usize) {
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return;
        };
        let party = &mut connection.parties[Side::Upstream.index()];
        let Some(socket) = &party.socket else {
            return;
        };
        let refused = !matches!(socket.take_error(), Ok(None));
        if !refused && socket.peer_addr().is_err() {
            // Not yet, unless the event was of the other socket.
            return;
        }
        if refused {
            party.socket = None;
            let untried = std::mem::take(&mut connection.untried);
            return self.dial(place, untried);
        }
        connection.connecting = false;
        party.writable = true;
        self.equip(place);
        self.activate(place);
    }

    /// Gives a connection what is set on its proxy.
    fn equip(&mut self, place: usize) {
        let (now_ns, streams, seed) = (self.now_ns(), self.streams, self.seed);
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return;
        };
        let Some(proxy) = self.proxies.get(&connection.proxy) else {
            return;
        };
        for direction in Direction::BOTH {
            let flow = &mut connection.flows[direction.index()];
            flow.stalled = proxy.stalled_in(direction);
            for spec in &proxy.toxics[direction.index()] {
                let new = || Box::new(Pipeline::new(&proxy.name, streams, connection.ordinal));
                flow.pipeline.get_or_insert_with(new).add(now_ns, spec);
            }
        }
        let client = connection.parties[Side::Client.index()].socket.as_ref();
        let client = client.and_then(|socket| socket.peer_addr().ok());
        connection.layer = proxy.layer.as_ref().map(|factory| {
            factory.layer(&ConnectionInfo {
                proxy: proxy.name.clone(),
                ordinal: connection.ordinal,
                seed,
                client: client.unwrap_or(proxy.address),
                listen: proxy.address,
            })
        });
    }

    /// Opens the door of a proxy as its refusal has it.
    pub fn open_door(&mut self, slot: usize) -> Result<(), super::ProxyError> {
        let Some(proxy) = self.proxies.get_mut(&slot) else {
            return Err(super::ProxyError::ProxyNotFound);
        };
        let socket = match std::mem::replace(&mut proxy.door, Door::Closed) {
            Door::Refusing(socket) => socket,
            before @ (Door::Open(_) | Door::Closed) => {
                // A port that still listens cannot be bound.
                drop(before);
                let (socket, bound) = super::proxy::bind(proxy.address)?;
                proxy.address = bound;
                socket
            }
        };
        if proxy.refusal == Refusal::Refuse {
            proxy.listen = proxy.address.to_string();
            proxy.door = Door::Refusing(socket);
            return Ok(());
        }
        let mut listener = super::proxy::listen(socket, proxy.address)?;
        let token = Token(FIRST_LISTENER + slot);
        self.poll
            .registry()
            .register(&mut listener, token, Interest::READABLE)
            .map_err(|error| super::ProxyError::listen(&proxy.listen, "epoll", &error))?;
        proxy.listen = proxy.address.to_string();
        proxy.door = Door::Open(listener);
        Ok(())
    }

    fn retry_accept(&mut self) {
        self.retry_accept_ns = Some(self.now_ns() + RETRY_ACCEPT_NS);
    }
}

//! The connections of a load: those that are there, those that are free.

use super::connection::Connection;
use mio::{Interest, Registry, Token};
use std::collections::VecDeque;
use std::net::SocketAddr;

pub(super) struct Pool {
    places: Vec<Option<Connection>>,
    vacant: Vec<usize>,
    /// Place and serial, the longest idle first: that spreads requests over replicas. May hold some that are gone.
    idle: VecDeque<(usize, u64)>,
    addresses: Vec<SocketAddr>,
    connections_max: usize,
    opened: u64,
}

/// What came of asking for a connection.
pub(super) enum Found {
    At(usize),
    /// All are busy.
    None,
    /// A new one could not be made.
    Failed,
}

impl Pool {
    pub fn new(addresses: Vec<SocketAddr>, connections_max: usize) -> Self {
        Self {
            places: Vec::new(),
            vacant: Vec::new(),
            idle: VecDeque::new(),
            addresses,
            connections_max: connections_max.max(1),
            opened: 0,
        }
    }

    /// An idle connection, or a new one.
    pub fn find(&mut self, registry: &Registry) -> Found {
        while let Some((at, serial)) = self.idle.pop_front() {
            if self.get(at).is_some_and(|connection| {
                connection.serial == serial && connection.current.is_none()
            }) {
                return Found::At(at);
            }
        }
        if self.places.len() - self.vacant.len() >= self.connections_max {
            return Found::None;
        }
        self.open(registry).map_or(Found::Failed, Found::At)
    }

    fn open(&mut self, registry: &Registry) -> std::io::Result<usize> {
        let index = usize::try_from(self.opened).unwrap_or(0) % self.addresses.len();
        self.opened += 1;
        let mut connection = Connection::open(self.addresses[index], index, self.opened)?;
        let at = self.vacant.last().copied().unwrap_or(self.places.len());
        registry.register(
            &mut connection.stream,
            Token(at),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        if self.vacant.pop().is_some() {
            self.places[at] = Some(connection);
        } else {
            self.places.push(Some(connection));
        }
        Ok(at)
    }

    pub fn get(&mut self, at: usize) -> Option<&mut Connection> {
        self.places.get_mut(at)?.as_mut()
    }

    pub fn release(&mut self, at: usize) {
        if let Some(connection) = self.get(at) {
            let serial = connection.serial;
            self.idle.push_back((at, serial));
        }
    }

    /// Closes a connection.
    pub fn close(&mut self, at: usize, registry: &Registry) -> Option<Connection> {
        let mut connection = self.places.get_mut(at)?.take()?;
        self.vacant.push(at);
        // Dropping it closes it, deregistered or not.
        let _ = registry.deregister(&mut connection.stream);
        Some(connection)
    }
}

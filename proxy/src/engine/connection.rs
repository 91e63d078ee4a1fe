//! One proxied connection: two sockets, a flow each way, and perhaps a layer in between.

use super::counters::Counters;
use super::flow::Flow;
use crate::layer::{Layer, Side};
use crate::toxic::{Direction, End};
use bytes::BytesMut;
use mio::net::TcpStream;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The direction that starts at a side.
pub const fn direction_from(side: Side) -> Direction {
    match side {
        Side::Client => Direction::Upstream,
        Side::Upstream => Direction::Downstream,
    }
}

/// The side where a direction starts.
pub const fn source_of(direction: Direction) -> Side {
    match direction {
        Direction::Upstream => Side::Client,
        Direction::Downstream => Side::Upstream,
    }
}

/// A socket and what is known of it.
#[derive(Default)]
pub struct Party {
    pub socket: Option<TcpStream>,
    pub readable: bool,
    pub writable: bool,
    /// The other end has closed or failed: reading must go on until it says so.
    pub hung_up: bool,
    /// It was reset, or bytes cannot be written to it.
    pub failed: bool,
    /// What the layer has left.
    pub input: BytesMut,
}

impl Party {
    pub fn new(socket: TcpStream) -> Self {
        Self {
            socket: Some(socket),
            ..Self::default()
        }
    }
}

pub struct Connection {
    /// Place of its proxy in the event loop.
    pub proxy: usize,
    pub ordinal: u64,
    /// Tells it from others that had its place.
    pub generation: u64,
    pub parties: [Party; 2],
    /// By [`Direction::index`].
    pub flows: [Flow; 2],
    pub layer: Option<Box<dyn Layer>>,
    /// Whose bytes the layer wanted when it was last asked.
    pub wanted: [bool; 2],
    /// Not yet connected to the upstream.
    pub connecting: bool,
    /// Upstream addresses that have not been tried.
    pub untried: VecDeque<SocketAddr>,
    /// In the list of connections with work to do.
    pub queued: bool,
    /// The layer is to be called though nothing is due.
    pub poked: bool,
    /// The earliest time that is in the event loop's heap for it.
    pub timer: Option<u64>,
}

/// How a connection is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// Both directions have ended.
    Closed,
    /// A reset for both sides; whether the proxy itself wanted it.
    Reset { wanted: bool },
}

impl Connection {
    pub fn new(proxy: usize, ordinal: u64, generation: u64, client: TcpStream) -> Self {
        Self {
            proxy,
            ordinal,
            generation,
            parties: [Party::new(client), Party::default()],
            flows: Default::default(),
            layer: None,
            wanted: [true; 2],
            connecting: true,
            untried: VecDeque::new(),
            queued: false,
            poked: false,
            timer: None,
        }
    }

    /// The socket of a side is of no use any more: its reset goes to the other side as the bytes before it do, so a stall holds it too.
    pub fn fail(&mut self, side: Side, counters: &mut Counters) {
        let party = &mut self.parties[side.index()];
        (party.readable, party.writable) = (false, false);
        if std::mem::replace(&mut party.failed, true) {
            return;
        }
        let direction = direction_from(side);
        let flow = &mut self.flows[direction.index()];
        if flow.done || self.layer.is_some() {
            // It follows an end that is already through; and a layer has nothing to say about a broken connection.
            (flow.done, flow.source_done) = (false, true);
            flow.end = Some(End::Reset);
        } else {
            flow.end_source(End::Reset, counters.direction_mut(direction));
        }
    }

    /// When it has something to do though nothing arrives.
    pub fn next_timer(&self) -> Option<u64> {
        let flows = self.flows.iter().filter_map(Flow::next_timer);
        let layer = self.layer.as_ref().and_then(|layer| layer.next_timer());
        flows.chain(layer).min()
    }
}

//! One node of the cluster: its machine while its process runs, its disk while it does not.

use super::command::Ending;
use super::nodes::StartError;
use crate::kafka::store::Body;
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};
use squall_model::Nanos;
use squall_model::kafka::{In, NodeId, Outbox};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// The machine of a node.
pub struct Machine;

impl Machine {
    pub fn step(&mut self, _now: Nanos, _input: In<Body>, _outbox: &mut Outbox<Body>) {}
    pub fn next_timer(&self) -> Option<Nanos> {
        None
    }
}

/// A broker or the controller.
pub struct Node {
    pub id: NodeId,
    /// `None` while its process is down.
    pub machine: Option<Machine>,
    pub timer: Option<Nanos>,
    pub door: Door,
    pub port: u16,
}

/// Where clients come in.
pub enum Door {
    /// The controller has none.
    None,
    Open(TcpListener),
    /// The process is down. The port stays bound and does not listen, so that clients are refused and nobody else takes it.
    Closed(Socket),
}

const BACKLOG: i32 = 1024;

impl Node {
    pub fn controller(id: NodeId) -> Self {
        Self {
            id,
            machine: None,
            timer: None,
            door: Door::None,
            port: 0,
        }
    }

    pub fn broker(id: NodeId, socket: Socket, port: u16) -> Self {
        Self {
            door: Door::Closed(socket),
            port,
            ..Self::controller(id)
        }
    }

    pub fn start_controller(
        &mut self,
        brokers: i32,
        properties: &BTreeMap<String, String>,
        now: Nanos,
    ) -> Result<(), StartError> {
        self.machine = Some(Machine);
        Ok(())
    }

    pub fn start_broker(
        &mut self,
        properties: &BTreeMap<String, String>,
        now: Nanos,
    ) -> Result<(), StartError> {
        self.machine = Some(Machine);
        Ok(())
    }

    pub fn end(&mut self, how: Ending) {
        self.machine = None;
        self.timer = None;
    }

    pub fn step(&mut self, now: Nanos, input: In<Body>, outbox: &mut Outbox<Body>) {
        if let Some(machine) = &mut self.machine {
            machine.step(now, input, outbox);
            self.timer = machine.next_timer();
        }
    }
}

/// A bound socket on loopback that does not listen yet; port 0 takes a free one.
pub fn bind(port: u16) -> io::Result<(Socket, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).into())?;
    let port = socket
        .local_addr()?
        .as_socket_ipv4()
        .map_or(port, |a| a.port());
    Ok((socket, port))
}

/// Begins to listen.
pub fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

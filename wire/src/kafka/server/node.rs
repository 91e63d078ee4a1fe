//! One node of the cluster: its machine while its process runs, its disk while it does not.

use super::command::Ending;
use super::disk::Device;
use crate::kafka::store::Body;
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};
use squall_model::Nanos;
use squall_model::kafka::{
    Broker, BrokerConfig, BrokerDisk, Controller, ControllerDisk, In, NodeId, Outbox,
};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// The machine of a node.
pub enum Machine {
    Controller(Box<Controller<Body>>),
    Broker(Box<Broker<Body>>),
}

impl Machine {
    fn step(&mut self, now: Nanos, input: In<Body>, outbox: &mut Outbox<Body>) {
        match self {
            Self::Controller(controller) => controller.step(now, input, outbox),
            Self::Broker(broker) => broker.step(now, input, outbox),
        }
    }

    fn next_timer(&self) -> Option<Nanos> {
        match self {
            Self::Controller(controller) => controller.next_timer(),
            Self::Broker(broker) => broker.next_timer(),
        }
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
    /// What the disk of a broker holds while its process is down.
    disk: BrokerDisk<Body>,
    pub device: Device,
    /// How often the process has been started.
    starts: u64,
    /// `Some` while the process is stopped: what would have been its inputs.
    pub held: Option<Vec<In<Body>>>,
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
            disk: BrokerDisk::default(),
            device: Device::default(),
            starts: 0,
            held: None,
        }
    }

    pub fn broker(id: NodeId, socket: Socket, port: u16) -> Self {
        Self {
            door: Door::Closed(socket),
            port,
            ..Self::controller(id)
        }
    }

    pub fn start_controller(&mut self, config: BrokerConfig, now: Nanos) {
        let disk = ControllerDisk::default();
        let controller = Controller::start(self.id, config, disk, now);
        self.run(Machine::Controller(Box::new(controller)));
    }

    /// Starts the process of a broker on what its disk holds.
    pub fn start_broker(&mut self, controller: NodeId, config: BrokerConfig, now: Nanos) {
        self.starts += 1;
        let disk = std::mem::take(&mut self.disk);
        let mut broker = Broker::start(self.id, controller, config, self.starts, disk, now);
        broker.set_disk(self.device.disk.state());
        self.run(Machine::Broker(Box::new(broker)));
    }

    fn run(&mut self, machine: Machine) {
        self.timer = machine.next_timer();
        self.machine = Some(machine);
    }

    /// The machine of a broker that runs.
    pub fn as_broker(&mut self) -> Option<&mut Broker<Body>> {
        match &mut self.machine {
            Some(Machine::Broker(broker)) => Some(broker),
            _ => None,
        }
    }

    /// The process of a broker ends, and its disk keeps what it keeps.
    pub fn end(&mut self, how: Ending) {
        self.timer = None;
        self.held = None;
        if let Some(Machine::Broker(broker)) = self.machine.take() {
            self.disk = match how {
                Ending::Kill => broker.kill(),
                Ending::LosePower => broker.lose_power(),
                Ending::ShutDown => broker.end(),
            };
        }
    }

    pub const fn is_paused(&self) -> bool {
        self.held.is_some()
    }

    pub fn step(&mut self, now: Nanos, input: In<Body>, outbox: &mut Outbox<Body>) {
        if let Some(held) = &mut self.held {
            return held.push(input);
        }
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

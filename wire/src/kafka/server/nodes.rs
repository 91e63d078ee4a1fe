//! Starting, ending and restarting the processes of the cluster.

use super::command::{CommandError, Ending, Reply};
use super::node::{self, Door, Node};
use super::{CONTROLLER, Server, index_of};
use crate::kafka::config::ClusterConfig;
use crate::kafka::link::Link;
use crate::kafka::store::Body;
use mio::{Interest, Token};
use squall_model::kafka::{Fact, NodeId, Peer};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

const BROKERS_MAX: i32 = 100;

/// Why a cluster did not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("a cluster has 1 to {BROKERS_MAX} brokers, not {0}")]
    Brokers(i32),
    #[error("{brokers} brokers need as many ports, not {ports}")]
    Ports { brokers: i32, ports: usize },
    #[error(
        "broker {broker} cannot listen on 127.0.0.1:{port}: {source}; choose another port, or none for a free one"
    )]
    Port {
        broker: i32,
        port: u16,
        source: io::Error,
    },
    #[error("broker property {name}: {value:?} {reason}")]
    Property {
        name: String,
        value: String,
        reason: String,
    },
    #[error("the folder {} for segment files cannot be made: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("the event loop cannot be set up: {0}")]
    Loop(io::Error),
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// What the server itself needs of the broker properties.
#[derive(Clone, Debug)]
pub struct Properties {
    pub request_bytes_max: usize,
    pub batch_bytes_max: usize,
}

impl Properties {
    /// # Errors
    /// [`StartError::Property`] for a value that is none.
    pub fn new(properties: &BTreeMap<String, String>) -> Result<Self, StartError> {
        Ok(Self {
            request_bytes_max: bytes(properties, "socket.request.max.bytes", 104_857_600)?,
            batch_bytes_max: bytes(properties, "message.max.bytes", 1_048_588)?,
        })
    }
}

fn bytes(
    properties: &BTreeMap<String, String>,
    name: &str,
    default: usize,
) -> Result<usize, StartError> {
    let Some(value) = properties.get(name) else {
        return Ok(default);
    };
    value.parse().map_err(|_| StartError::Property {
        name: name.to_owned(),
        value: value.clone(),
        reason: "is not a number of bytes".to_owned(),
    })
}

/// The controller and all brokers, their ports bound and not open yet.
pub(super) fn bind_all(config: &ClusterConfig) -> Result<Vec<Node>, StartError> {
    if !(1..=BROKERS_MAX).contains(&config.brokers) {
        return Err(StartError::Brokers(config.brokers));
    }
    let count = usize::try_from(config.brokers).unwrap_or(0);
    if let Some(ports) = config.ports.as_ref().filter(|p| p.len() != count) {
        return Err(StartError::Ports {
            brokers: config.brokers,
            ports: ports.len(),
        });
    }
    let mut nodes = vec![Node::controller(CONTROLLER)];
    for broker in 1..=config.brokers {
        let index = index_of(NodeId(broker));
        let wanted = config.ports.as_ref().and_then(|p| p.get(index - 1));
        let wanted = wanted.copied().unwrap_or(0);
        let (socket, port) = node::bind(wanted).map_err(|source| StartError::Port {
            broker,
            port: wanted,
            source,
        })?;
        nodes.push(Node::broker(NodeId(broker), socket, port));
    }
    Ok(nodes)
}

impl Server {
    pub(super) fn start_all(&mut self) -> Result<(), StartError> {
        let now = self.now();
        self.nodes[0].start_controller(self.config.brokers, &self.config.broker_properties, now)?;
        for index in 1..self.nodes.len() {
            self.nodes[index].start_broker(&self.config.broker_properties, now)?;
            self.open(index).map_err(|source| StartError::Port {
                broker: self.nodes[index].id.0,
                port: self.nodes[index].port,
                source,
            })?;
        }
        Ok(())
    }

    /// Lets clients of a broker in.
    fn open(&mut self, index: usize) -> io::Result<()> {
        let node = &mut self.nodes[index];
        let door = std::mem::replace(&mut node.door, Door::None);
        if let Door::Closed(socket) = door {
            let mut listener = node::listen(socket)?;
            let registry = self.poll.registry();
            registry.register(&mut listener, Token(index), Interest::READABLE)?;
            node.door = Door::Open(listener);
        }
        Ok(())
    }

    /// Refuses clients and breaks what connections there are; the port stays taken.
    fn shut(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let (broker, port) = (node.id, node.port);
        node.door = Door::None;
        if let Ok((socket, _)) = node::bind(port) {
            node.door = Door::Closed(socket);
        }
        self.drop_connections(broker);
    }

    pub(super) fn broker_index(&self, broker: i32) -> Result<usize, CommandError> {
        let index = usize::try_from(broker).unwrap_or(0);
        if index == 0 || index >= self.nodes.len() {
            return Err(CommandError::NoSuchBroker(broker));
        }
        Ok(index)
    }

    pub(super) fn running_brokers(&self) -> Vec<NodeId> {
        let running = |n: &&Node| n.machine.is_some();
        self.nodes[1..]
            .iter()
            .filter(running)
            .map(|n| n.id)
            .collect()
    }

    pub(super) fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link<Peer<Body>> {
        let index = index_of(from) * self.nodes.len() + index_of(to);
        &mut self.links[index]
    }

    pub(super) fn end(&mut self, broker: i32, how: Ending, reply: Reply<()>) {
        let index = match self.broker_index(broker) {
            Ok(index) if self.nodes[index].machine.is_some() => index,
            Ok(_) => return drop(reply.send(Err(CommandError::NotRunning(broker)))),
            Err(error) => return drop(reply.send(Err(error))),
        };
        match how {
            Ending::Kill | Ending::LosePower => {
                self.end_process(index, how);
                let _ = reply.send(Ok(()));
            }
            Ending::ShutDown => self.begin_shut_down(index, reply),
        }
    }

    fn begin_shut_down(&mut self, _index: usize, _reply: Reply<()>) {}

    /// The process of a broker is gone, from one moment to the next.
    pub(super) fn end_process(&mut self, index: usize, how: Ending) {
        let id = self.nodes[index].id;
        self.nodes[index].end(how);
        self.shut(index);
        self.flushes.retain(|f| f.node != id);
        self.internal.retain(|_, (broker, _)| *broker != id);
        self.break_links(id);
    }

    /// What is in flight to and from a node is lost, and its peers see their connections break.
    fn break_links(&mut self, id: NodeId) {
        let now = self.now();
        for index in 0..self.nodes.len() {
            let peer = self.nodes[index].id;
            if peer != id {
                self.link(peer, id).clear();
                self.link(id, peer).reset(now);
            }
        }
    }

    pub(super) fn restart(&mut self, broker: i32) -> Result<(), CommandError> {
        let index = self.broker_index(broker)?;
        if self.nodes[index].machine.is_some() {
            return Err(CommandError::Running(broker));
        }
        let port = self.nodes[index].port;
        let failed = |reason: String| CommandError::Port {
            broker,
            port,
            reason,
        };
        if matches!(self.nodes[index].door, Door::None) {
            let (socket, _) = node::bind(port).map_err(|e| failed(e.to_string()))?;
            self.nodes[index].door = Door::Closed(socket);
        }
        let now = self.now();
        self.nodes[index]
            .start_broker(&self.config.broker_properties, now)
            .map_err(|e| failed(e.to_string()))?;
        self.break_links(NodeId(broker));
        self.open(index).map_err(|e| failed(e.to_string()))
    }

    /// What the server itself must know of what happened.
    pub(super) fn observe(&mut self, fact: &Fact) {
        if let Fact::TopicDeleted { topic } = fact {
            self.readiness.forget(*topic);
            self.limits.topic_batch_bytes_max.remove(topic);
        }
    }
}

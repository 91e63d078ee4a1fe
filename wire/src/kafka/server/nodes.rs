//! Starting, ending and restarting the processes of the cluster.

use super::command::{CommandError, Ending, Reply};
use super::node::{self, Door, Node};
use super::{CONTROLLER, Server, index_of};
use crate::kafka::config::ClusterConfig;
use crate::kafka::link::Link;
use crate::kafka::store::Body;
use mio::{Interest, Token};
use squall_model::kafka::{BrokerConfig, Fact, MetadataChange, MetadataUpdate, NodeId, Peer};
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
    /// Every property that cannot be used, with the reason.
    #[error("broker properties: {}", .0.join("; "))]
    Properties(Vec<String>),
    #[error("the folder {} for segment files cannot be made: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("the event loop cannot be set up: {0}")]
    Loop(io::Error),
    #[error(transparent)]
    Command(#[from] CommandError),
}

const REQUEST_BYTES_MAX: &str = "socket.request.max.bytes";

/// The broker properties, understood.
#[derive(Clone, Debug)]
pub struct Properties {
    pub request_bytes_max: usize,
    pub batch_bytes_max: usize,
    /// For the machines; its offsets topic has no name yet.
    pub broker: BrokerConfig,
    offsets_replication_given: bool,
}

impl Properties {
    /// # Errors
    /// [`StartError::Properties`] with all that cannot be used.
    pub fn new(properties: &BTreeMap<String, String>) -> Result<Self, StartError> {
        let mut problems = Vec::new();
        let mut for_broker = properties.clone();
        let request_bytes_max = for_broker
            .remove(REQUEST_BYTES_MAX)
            .map_or(Ok(100 << 20), |v| v.parse());
        if request_bytes_max.is_err() {
            problems.push(format!("{REQUEST_BYTES_MAX}: not a number of bytes"));
        }
        let broker = BrokerConfig::from_properties(&for_broker);
        if let Err(found) = &broker {
            problems.extend(found.iter().map(ToString::to_string));
        }
        match (request_bytes_max, broker) {
            (Ok(request_bytes_max), Ok(broker)) => Ok(Self {
                request_bytes_max,
                batch_bytes_max: usize::try_from(broker.message_max_bytes).unwrap_or(usize::MAX),
                broker,
                offsets_replication_given: properties
                    .contains_key("offsets.topic.replication.factor"),
            }),
            _ => Err(StartError::Properties(problems)),
        }
    }

    /// What the machines of a cluster of so many brokers are started with: one that is too small for Kafka's default replicates committed
    /// offsets as far as it can.
    pub fn broker_config(&self, brokers: i32) -> BrokerConfig {
        let mut config = self.broker.clone();
        if !self.offsets_replication_given {
            let most = i16::try_from(brokers).unwrap_or(i16::MAX);
            config.offsets_topic_replication_factor =
                config.offsets_topic_replication_factor.min(most);
        }
        config
    }
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
    pub(super) fn start_all(&mut self) {
        let now = self.now();
        self.nodes[0].start_controller(self.broker_config.clone(), now);
        for index in 1..self.nodes.len() {
            self.nodes[index].start_broker(CONTROLLER, self.broker_config.clone(), now);
        }
    }

    /// Lets clients in where a broker has come to know the cluster, itself included. Kafka refuses them until then too: what a broker without
    /// metadata answers makes clients forget brokers and topics.
    pub(super) fn open_doors(&mut self) {
        for index in 1..self.nodes.len() {
            let node = &mut self.nodes[index];
            let (id, port) = (node.id, node.port);
            let closed = matches!(node.door, Door::Closed(_));
            let ready = closed && node.as_broker().is_some_and(|b| b.image().is_alive(id));
            if ready && let Err(error) = self.open(index) {
                self.readiness.fail(&CommandError::Port {
                    broker: id.0,
                    port,
                    reason: error.to_string(),
                });
            }
        }
    }

    fn open(&mut self, index: usize) -> io::Result<()> {
        let node = &mut self.nodes[index];
        if let Door::Closed(socket) = std::mem::replace(&mut node.door, Door::None) {
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
            // It could not be asked; a signal that cannot be held off ends it all the same.
            Ok(index) if how == Ending::ShutDown && self.nodes[index].is_paused() => {
                return drop(reply.send(Err(CommandError::Paused(broker))));
            }
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

    /// Lets the broker ask the controller for leave; [`Self::end_shut_downs`] does the rest.
    fn begin_shut_down(&mut self, index: usize, reply: Reply<()>) {
        self.leaving.push((index, reply));
        self.step_with(index, |broker, now, outbox| broker.shut_down(now, outbox));
    }

    /// Ends the processes that have been let go.
    pub(super) fn end_shut_downs(&mut self) {
        let ready = |nodes: &mut [Node], index: usize| {
            let broker = nodes[index].as_broker();
            broker.is_none_or(|broker| broker.is_shut_down())
        };
        let nodes = &mut self.nodes;
        let gone: Vec<_> = self
            .leaving
            .extract_if(.., |(index, _)| ready(nodes, *index))
            .collect();
        for (index, reply) in gone {
            if self.nodes[index].machine.is_some() {
                self.end_process(index, Ending::ShutDown);
            }
            let _ = reply.send(Ok(()));
        }
    }

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
        self.nodes[index].start_broker(CONTROLLER, self.broker_config.clone(), now);
        self.break_links(NodeId(broker));
        Ok(())
    }

    /// What the server itself must know of what happened.
    pub(super) fn observe(&mut self, fact: &Fact) {
        match fact {
            Fact::TopicDeleted { topic } => {
                self.readiness.forget(*topic);
                self.committed.retain(|(_, place), _| place.topic != *topic);
            }
            Fact::Committed {
                group,
                partition,
                offset,
                ..
            } => {
                self.committed.insert((*group, *partition), *offset);
            }
            _ => {}
        }
    }

    /// Batches are checked against their topic's own limit before the machine sees them.
    pub(super) fn observe_metadata(&mut self, update: &MetadataUpdate) {
        for change in &update.changes {
            match change {
                MetadataChange::Topic { topic, configs } => {
                    let own = configs
                        .get("max.message.bytes")
                        .and_then(|v| v.parse().ok());
                    match own {
                        Some(bytes) => self.limits.topic_batch_bytes_max.insert(*topic, bytes),
                        None => self.limits.topic_batch_bytes_max.remove(topic),
                    };
                }
                MetadataChange::TopicRemoved { topic } => {
                    self.limits.topic_batch_bytes_max.remove(topic);
                }
                _ => {}
            }
        }
    }
}

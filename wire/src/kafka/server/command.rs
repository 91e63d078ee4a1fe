//! What other threads ask of the cluster's thread.

use super::disk::{Disk, DiskStats};
use super::internal::Internal;
use super::time::Pass;
use super::{CONTROLLER, Server, Snapshot};
use crate::kafka::config::TopicConfig;
use crate::kafka::fact::Facts;
use crate::kafka::link::{Draw, Link, LinkConfig, LinkStats};
use crate::kafka::store::Body;
use squall_model::kafka::{NodeId, Peer};
use std::sync::mpsc::Sender;
use std::time::Duration;
use thiserror::Error;

/// Why a command was not carried out.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum CommandError {
    #[error("there is no broker {0}; brokers are numbered from 1")]
    NoSuchBroker(i32),
    #[error("there is no node {0}; brokers are numbered from 1 and the controller is 0")]
    NoSuchNode(i32),
    #[error("broker {0} is not running")]
    NotRunning(i32),
    #[error("broker {0} is running already")]
    Running(i32),
    #[error("broker {0} is paused; resume it first")]
    Paused(i32),
    #[error("broker {0} is not paused")]
    NotPaused(i32),
    #[error("broker {broker} cannot listen on port {port} again: {reason}")]
    Port {
        broker: i32,
        port: u16,
        reason: String,
    },
    #[error("topic {topic}: {reason}")]
    Topic { topic: String, reason: String },
    #[error("no broker is running")]
    NoBroker,
    #[error("the cluster was not ready within {0:?}")]
    NotReady(Duration),
    #[error("time cannot be told to pass: the cluster lives in real time")]
    RealClock,
    #[error("the cluster has stopped")]
    Stopped,
}

/// Where the result of a command goes.
pub type Reply<T> = Sender<Result<T, CommandError>>;

/// How a broker's process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// SIGKILL: its page cache survives.
    Kill,
    /// Power loss: only what was flushed survives.
    LosePower,
    /// Controlled shutdown: leaders move away first.
    ShutDown,
}

pub enum Command {
    End {
        broker: i32,
        how: Ending,
        reply: Reply<()>,
    },
    Restart {
        broker: i32,
        reply: Reply<()>,
    },
    Pause {
        broker: i32,
        reply: Reply<()>,
    },
    Resume {
        broker: i32,
        reply: Reply<()>,
    },
    SetLink {
        from: i32,
        to: i32,
        change: LinkChange,
        reply: Reply<()>,
    },
    LinkStats {
        from: i32,
        to: i32,
        reply: Reply<LinkStats>,
    },
    SetDisk {
        broker: i32,
        disk: Disk,
        reply: Reply<()>,
    },
    DiskStats {
        broker: i32,
        reply: Reply<DiskStats>,
    },
    Advertise {
        broker: i32,
        host: String,
        port: u16,
        reply: Reply<()>,
    },
    CreateTopics {
        topics: Vec<TopicConfig>,
        reply: Reply<()>,
    },
    /// Answered once every broker sees every running broker, and every partition with a leader and all its replicas in sync.
    WaitReady {
        reply: Reply<()>,
    },
    Facts {
        reply: Reply<Facts>,
    },
    Snapshot {
        reply: Reply<Snapshot>,
    },
    Pass(Pass),
    Stop,
}

/// A change to one direction of a link.
pub enum LinkChange {
    Blocked(bool),
    Cut(bool),
    Config(LinkConfig),
    Draw(Option<Draw>),
}

impl Server {
    /// Carries out what has been asked since the last time.
    pub(super) fn obey(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            self.obey_one(command);
        }
    }

    fn obey_one(&mut self, command: Command) {
        // Whoever asked may have gone; then nobody waits for the answer.
        match command {
            Command::End { broker, how, reply } => self.end(broker, how, reply),
            Command::Restart { broker, reply } => drop(reply.send(self.restart(broker))),
            Command::Pause { broker, reply } => drop(reply.send(self.pause(broker))),
            Command::Resume { broker, reply } => drop(reply.send(self.resume(broker))),
            Command::SetLink {
                from,
                to,
                change,
                reply,
            } => drop(reply.send(self.set_link(from, to, change))),
            Command::SetDisk {
                broker,
                disk,
                reply,
            } => drop(reply.send(self.set_disk(broker, disk))),
            Command::DiskStats { broker, reply } => drop(reply.send(self.disk_stats(broker))),
            Command::LinkStats { from, to, reply } => {
                let now = self.now();
                let stats = self.known_link(from, to).map(|link| link.stats(now));
                drop(reply.send(stats));
            }
            Command::Advertise {
                broker,
                host,
                port,
                reply,
            } => drop(reply.send(self.advertise(broker, host, port))),
            Command::CreateTopics { topics, reply } => self.create_topics(&topics, reply),
            Command::WaitReady { reply } => self.readiness.wait(reply),
            Command::Facts { reply } => drop(reply.send(Ok(self.facts.open()))),
            Command::Snapshot { reply } => drop(reply.send(Ok(self.snapshot()))),
            Command::Pass(pass) => self.begin_pass(pass),
            Command::Stop => self.stopping = true,
        }
    }

    fn known_link(&mut self, from: i32, to: i32) -> Result<&mut Link<Peer<Body>>, CommandError> {
        for node in [from, to] {
            if node != CONTROLLER.0 {
                self.broker_index(node)
                    .map_err(|_| CommandError::NoSuchNode(node))?;
            }
        }
        Ok(self.link(NodeId(from), NodeId(to)))
    }

    fn set_link(&mut self, from: i32, to: i32, change: LinkChange) -> Result<(), CommandError> {
        let now = self.now();
        let link = self.known_link(from, to)?;
        match change {
            LinkChange::Blocked(blocked) => link.set_blocked(now, blocked),
            LinkChange::Cut(cut) => link.set_cut(cut),
            LinkChange::Config(config) => link.set_config(config),
            LinkChange::Draw(draw) => link.set_draw(draw),
        }
        Ok(())
    }

    fn advertise(&mut self, broker: i32, host: String, port: u16) -> Result<(), CommandError> {
        self.broker_index(broker)?;
        self.addresses.insert(NodeId(broker), (host, port));
        Ok(())
    }

    fn create_topics(&mut self, topics: &[TopicConfig], reply: Reply<()>) {
        if topics.is_empty() {
            return drop(reply.send(Ok(())));
        }
        match self.create_topics_request(topics) {
            Ok(request) => {
                if let Err(reply) = self.ask_any_broker(request, Internal::CreateTopics(reply)) {
                    let _ = reply.send(Err(CommandError::NoBroker));
                }
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }
}

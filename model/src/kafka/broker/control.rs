//! The broker's side of the controller: registration, heartbeats, the metadata log, and forwarded requests (KIP-631).

use super::{Broker, MILLISECOND, ms};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::{ConnId, Name, NodeId};
use crate::kafka::machine::Outbox;
use crate::kafka::message::{InitProducerIdResponse, Response, TopicResult};
use crate::kafka::peer::*;
use std::collections::{BTreeMap, VecDeque};

/// A registration or forwarded request without an answer is sent again after this time.
const RETRY: Nanos = 500 * MILLISECOND;
const FORWARD_TIMEOUT: Nanos = 10_000 * MILLISECOND;

/// What a forwarded request is for.
#[derive(Clone, Debug)]
pub enum Purpose {
    CreateTopics(ConnId),
    DeleteTopics(ConnId),
    CreatePartitions(ConnId),
    /// On behalf of nobody: an automatic topic.
    AutoCreate(Name),
    ProducerIds,
}

#[derive(Debug)]
struct Forward {
    purpose: Purpose,
    names: Vec<Name>,
    deadline: Nanos,
}

/// The link to the controller.
#[derive(Debug)]
pub struct Control {
    controller: NodeId,
    incarnation: u64,
    clean: bool,
    /// `None` until registered.
    pub broker_epoch: Option<i64>,
    next_send: Nanos,
    forwards: BTreeMap<u64, Forward>,
    /// Producer ids of the block in hand.
    producer_ids: std::ops::Range<i64>,
    waiting_for_ids: VecDeque<ConnId>,
    want_shut_down: bool,
    shut_down: bool,
}

impl Control {
    pub fn new(controller: NodeId, incarnation: u64, clean: bool, now: Nanos) -> Self {
        Self {
            controller,
            incarnation,
            clean,
            broker_epoch: None,
            next_send: now,
            forwards: BTreeMap::new(),
            producer_ids: 0..0,
            waiting_for_ids: VecDeque::new(),
            want_shut_down: false,
            shut_down: false,
        }
    }

    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub const fn controller(&self) -> NodeId {
        self.controller
    }

    pub fn next_timer(&self) -> Nanos {
        let forwards = self.forwards.values().map(|forward| forward.deadline).min();
        forwards.map_or(self.next_send, |deadline| deadline.min(self.next_send))
    }

    pub fn forget_conn(&mut self, conn: ConnId) {
        self.waiting_for_ids.retain(|waiting| *waiting != conn);
        self.forwards.retain(|_, forward| match forward.purpose {
            Purpose::CreateTopics(of)
            | Purpose::DeleteTopics(of)
            | Purpose::CreatePartitions(of) => of != conn,
            Purpose::AutoCreate(_) | Purpose::ProducerIds => true,
        });
    }

    pub fn reset(&mut self, now: Nanos, peer: NodeId) {
        if peer == self.controller {
            self.next_send = now;
        }
    }

    /// Whether an automatic creation of the topic is under way.
    pub fn is_creating(&self, topic: Name) -> bool {
        self.forwards
            .values()
            .any(|forward| matches!(forward.purpose, Purpose::AutoCreate(name) if name == topic))
    }
}

impl<B: Body> Broker<B> {
    /// Begins a controlled shutdown: leaders move away first, then [`Broker::is_shut_down`] holds.
    pub fn shut_down(&mut self, now: Nanos, out: &mut Outbox<B>) {
        self.control.want_shut_down = true;
        if !self.config.controlled_shutdown {
            self.control.shut_down = true;
            return;
        }
        self.control.next_send = now;
        self.control_tick(now, out);
    }

    #[must_use]
    pub const fn is_shut_down(&self) -> bool {
        self.control.shut_down
    }

    pub(super) fn control_tick(&mut self, now: Nanos, out: &mut Outbox<B>) {
        if now >= self.control.next_send {
            self.control.next_send = now + self.control_message(out);
        }
        let overdue: Vec<u64> = self
            .control
            .forwards
            .iter()
            .filter(|(_, f)| f.deadline <= now)
            .map(|(id, _)| *id)
            .collect();
        for correlation in overdue {
            self.answered(
                now,
                correlation,
                AdminAnswer::Failed(ErrorCode::RequestTimedOut),
                out,
            );
        }
    }

    /// Registers or heartbeats; returns when to do so again.
    fn control_message(&self, out: &mut Outbox<B>) -> Nanos {
        let (message, again) = match self.control.broker_epoch {
            None => (
                Peer::Register(Register {
                    incarnation: self.control.incarnation,
                    clean_shutdown: self.control.clean,
                }),
                RETRY,
            ),
            Some(broker_epoch) => {
                let heartbeat = BrokerHeartbeat {
                    broker_epoch,
                    metadata_version: self.image.version,
                    want_fence: false,
                    want_shut_down: self.control.want_shut_down,
                };
                let interval = ms(self.config.heartbeat_interval_ms);
                // Until it is unfenced or while it shuts down, Kafka asks again at once.
                let hurried = self.control.want_shut_down || !self.image.is_alive(self.id);
                (
                    Peer::Heartbeat(heartbeat),
                    if hurried {
                        interval.min(50 * MILLISECOND)
                    } else {
                        interval
                    },
                )
            }
        };
        out.peer(self.control.controller, message);
        again
    }

    pub(super) fn controller_says(&mut self, now: Nanos, message: Peer<B>, out: &mut Outbox<B>) {
        match message {
            Peer::Registered {
                incarnation,
                broker_epoch,
            } if incarnation == self.control.incarnation => {
                self.control.broker_epoch = Some(broker_epoch);
                self.control.next_send = now;
            }
            Peer::HeartbeatAnswer(answer) => {
                if answer.error == ErrorCode::StaleBrokerEpoch {
                    self.control.broker_epoch = None;
                    self.control.next_send = now;
                }
                self.control.shut_down |= answer.should_shut_down && self.control.want_shut_down;
            }
            Peer::Metadata(update) => self.apply(now, update, out),
            Peer::AlteredPartition(answer) => self.altered(now, answer, out),
            Peer::Forwarded {
                correlation,
                answer,
            } => self.answered(now, correlation, answer, out),
            _ => {}
        }
    }

    fn apply(&mut self, now: Nanos, update: MetadataUpdate, out: &mut Outbox<B>) {
        // What comes before the registration speaks of the process before this one: whoever acted on it would lead on in an old epoch,
        // perhaps without the tail that power loss took.
        if self.control.broker_epoch.is_none() {
            return;
        }
        if update.from_version > self.image.version || update.to_version <= self.image.version {
            return;
        }
        update
            .changes
            .iter()
            .for_each(|change| self.image.apply(change));
        self.image.version = update.to_version;
        let is_broker = |change: &MetadataChange| matches!(change, MetadataChange::Broker { .. });
        let brokers_changed = update.changes.iter().any(is_broker);
        for change in update.changes {
            match change {
                MetadataChange::Partition { partition, state } => {
                    self.follow_leadership(now, partition, &state, out)
                }
                MetadataChange::TopicRemoved { topic } => self.drop_topic(now, topic, out),
                MetadataChange::Broker { .. } | MetadataChange::Topic { .. } => {}
            }
        }
        if brokers_changed {
            self.reconsider_all(now, out);
        }
        if !self.control.want_shut_down {
            // Acknowledged at once while the controller waits for it to catch up.
            let fenced = !self.image.is_alive(self.id);
            self.control.next_send = if fenced { now } else { self.control.next_send };
        }
    }

    /// Sends an administrative request to the controller.
    pub(super) fn forward(
        &mut self,
        now: Nanos,
        purpose: Purpose,
        names: Vec<Name>,
        admin: Admin,
        out: &mut Outbox<B>,
    ) {
        let correlation = self.next_correlation();
        self.control.forwards.insert(
            correlation,
            Forward {
                purpose,
                names,
                deadline: now + FORWARD_TIMEOUT,
            },
        );
        out.peer(
            self.control.controller,
            Peer::Forward { correlation, admin },
        );
    }

    fn answered(&mut self, now: Nanos, correlation: u64, answer: AdminAnswer, out: &mut Outbox<B>) {
        let Some(forward) = self.control.forwards.remove(&correlation) else {
            return;
        };
        match forward.purpose {
            Purpose::CreateTopics(conn) => {
                out.send(conn, Response::CreateTopics(topics(answer, &forward.names)))
            }
            Purpose::CreatePartitions(conn) => out.send(
                conn,
                Response::CreatePartitions(topics(answer, &forward.names)),
            ),
            Purpose::DeleteTopics(conn) => out.send(
                conn,
                Response::DeleteTopics(deleted(answer, &forward.names)),
            ),
            Purpose::AutoCreate(_) => {}
            Purpose::ProducerIds => {
                if let AdminAnswer::ProducerIds { first, count } = answer {
                    self.control.producer_ids = first..first + count;
                }
                let waiting: Vec<ConnId> = self.control.waiting_for_ids.drain(..).collect();
                waiting
                    .into_iter()
                    .for_each(|conn| self.init_producer_id(now, conn, out));
            }
        }
    }

    /// Gives out the next producer id, or asks the controller for more.
    pub(super) fn init_producer_id(&mut self, now: Nanos, conn: ConnId, out: &mut Outbox<B>) {
        if let Some(producer_id) = self.control.producer_ids.next() {
            let response = InitProducerIdResponse {
                error: ErrorCode::None,
                producer_id,
                producer_epoch: 0,
            };
            out.send(conn, Response::InitProducerId(response));
            return;
        }
        let asked = self
            .control
            .forwards
            .values()
            .any(|forward| matches!(forward.purpose, Purpose::ProducerIds));
        self.control.waiting_for_ids.push_back(conn);
        if !asked {
            self.forward(
                now,
                Purpose::ProducerIds,
                Vec::new(),
                Admin::AllocateProducerIds,
                out,
            );
        }
    }
}

fn topics(answer: AdminAnswer, names: &[Name]) -> Vec<TopicResult> {
    match answer {
        AdminAnswer::Topics(results) => results,
        AdminAnswer::Failed(error) => names
            .iter()
            .map(|topic| TopicResult {
                topic: *topic,
                error,
                message: None,
                partitions: -1,
                replication_factor: -1,
            })
            .collect(),
        AdminAnswer::Deleted(_) | AdminAnswer::ProducerIds { .. } => Vec::new(),
    }
}

fn deleted(answer: AdminAnswer, names: &[Name]) -> Vec<(Name, ErrorCode)> {
    match answer {
        AdminAnswer::Deleted(results) => results,
        AdminAnswer::Failed(error) => names.iter().map(|topic| (*topic, error)).collect(),
        AdminAnswer::Topics(_) | AdminAnswer::ProducerIds { .. } => Vec::new(),
    }
}

//! Which brokers live: registration, heartbeats, fencing (KIP-631).

use super::Controller;
use crate::Nanos;
use crate::kafka::error::ErrorCode;
use crate::kafka::fact::{Fact, Why};
use crate::kafka::ids::NodeId;
use crate::kafka::machine::Outbox;
use crate::kafka::peer::{BrokerHeartbeat, BrokerHeartbeatAnswer, Peer, Register};

/// A broker's session.
#[derive(Clone, Debug)]
pub struct Registration {
    pub epoch: i64,
    pub fenced: bool,
    pub heard_at: Nanos,
    /// Of the metadata log.
    pub acked_version: u64,
    pub sent_version: u64,
    pub sent_at: Nanos,
    /// Version at registration: a broker that has applied it may be unfenced.
    registered_at: u64,
    shutting_down: bool,
    /// Its process was heard of since this controller started.
    listening: bool,
}

impl Registration {
    /// As a restarted controller finds it.
    pub const fn found(epoch: i64, fenced: bool, now: Nanos) -> Self {
        Self {
            epoch,
            fenced,
            heard_at: now,
            acked_version: 0,
            sent_version: 0,
            sent_at: 0,
            registered_at: 0,
            shutting_down: false,
            listening: true,
        }
    }

    pub const fn is_listening(&self) -> bool {
        self.listening
    }
}

impl<B: Clone> Controller<B> {
    pub(super) fn register(
        &mut self,
        now: Nanos,
        from: NodeId,
        register: &Register,
        out: &mut Outbox<B>,
    ) {
        let known = self.disk.incarnations.get(&from).copied();
        if let Some(older) = self.registrations.get(&from) {
            let valid = !older.fenced && now < older.heard_at + self.session();
            match known {
                Some(incarnation) if incarnation == register.incarnation => {
                    out.peer(
                        from,
                        Peer::Registered {
                            incarnation,
                            broker_epoch: older.epoch,
                        },
                    );
                    return;
                }
                // DUPLICATE_BROKER_REGISTRATION: the broker tries again until the older process's session is over.
                Some(_) if valid && !older.shutting_down => return,
                _ => {}
            }
        }
        if !register.clean_shutdown {
            self.unclean_restart(from, out);
        }
        let version = self.disk.version + 1;
        let epoch = i64::try_from(version).unwrap_or(i64::MAX);
        let fresh = Registration {
            registered_at: version,
            ..Registration::found(epoch, true, now)
        };
        self.registrations.insert(from, fresh);
        self.disk.incarnations.insert(from, register.incarnation);
        self.commit_broker(from, epoch, true);
        out.peer(
            from,
            Peer::Registered {
                incarnation: register.incarnation,
                broker_epoch: epoch,
            },
        );
    }

    pub(super) fn heartbeat(
        &mut self,
        now: Nanos,
        from: NodeId,
        heartbeat: BrokerHeartbeat,
        out: &mut Outbox<B>,
    ) {
        let Some(registration) = self
            .registrations
            .get_mut(&from)
            .filter(|known| known.epoch == heartbeat.broker_epoch)
        else {
            let answer = BrokerHeartbeatAnswer {
                error: ErrorCode::StaleBrokerEpoch,
                fenced: true,
                should_shut_down: false,
            };
            out.peer(from, Peer::HeartbeatAnswer(answer));
            return;
        };
        registration.heard_at = now;
        registration.listening = true;
        registration.acked_version = registration.acked_version.max(heartbeat.metadata_version);
        let caught_up = registration.acked_version >= registration.registered_at;
        let should_shut_down = if heartbeat.want_shut_down {
            self.move_away(from, out)
        } else {
            false
        };
        if !heartbeat.want_shut_down && !heartbeat.want_fence && caught_up && !self.is_alive(from) {
            self.unfence(from, out);
        }
        let fenced = !self.is_alive(from);
        let answer = BrokerHeartbeatAnswer {
            error: ErrorCode::None,
            fenced,
            should_shut_down,
        };
        out.peer(from, Peer::HeartbeatAnswer(answer));
    }

    fn unfence(&mut self, node: NodeId, out: &mut Outbox<B>) {
        let Some(registration) = self.registrations.get_mut(&node) else {
            return;
        };
        registration.fenced = false;
        let epoch = registration.epoch;
        self.commit_broker(node, epoch, false);
        out.fact(Fact::Unfenced { broker: node });
        self.elect_where_offline(out);
    }

    /// Takes the broker out of all in-sync sets and moves its leaders; true once nothing depends on it.
    fn move_away(&mut self, node: NodeId, out: &mut Outbox<B>) -> bool {
        let Some(registration) = self.registrations.get_mut(&node) else {
            return true;
        };
        if !registration.shutting_down {
            registration.shutting_down = true;
            self.leave_partitions(node, out);
        }
        if self.leads_anything(node) && self.has_other_brokers(node) {
            self.leave_partitions(node, out);
        }
        if let Some(registration) = self
            .registrations
            .get_mut(&node)
            .filter(|registration| !registration.fenced)
        {
            registration.fenced = true;
            let epoch = registration.epoch;
            self.commit_broker(node, epoch, true);
            out.fact(Fact::Fenced {
                broker: node,
                why: Why::ControlledShutdown,
            });
            self.leave_partitions(node, out);
        }
        true
    }

    fn leads_anything(&self, node: NodeId) -> bool {
        self.partitions()
            .any(|(_, state)| state.leader == Some(node))
    }

    fn has_other_brokers(&self, node: NodeId) -> bool {
        self.registrations
            .keys()
            .any(|other| *other != node && self.is_alive(*other))
    }

    pub(super) fn is_shutting_down(&self, node: NodeId) -> bool {
        self.registrations
            .get(&node)
            .is_some_and(|registration| registration.shutting_down)
    }

    pub(super) fn expire_sessions(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let session = self.session();
        let silent: Vec<NodeId> = self
            .registrations
            .iter()
            .filter(|(_, r)| !r.fenced && r.heard_at + session <= now)
            .map(|(node, _)| *node)
            .collect();
        for node in silent {
            if let Some(registration) = self.registrations.get_mut(&node) {
                registration.fenced = true;
                registration.listening = false;
                let epoch = registration.epoch;
                self.commit_broker(node, epoch, true);
                out.fact(Fact::Fenced {
                    broker: node,
                    why: Why::SessionTimeout,
                });
                self.leave_partitions(node, out);
            }
        }
    }
}

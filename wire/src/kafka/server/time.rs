//! The server's clock, real or virtual.

use super::command::{CommandError, Reply};
use super::{Server, index_of};
use crate::kafka::clock::{Clock, Sent};
use mio::net::TcpStream;
use squall_model::Nanos;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub enum Time {
    Real(Instant),
    Virtual(Virtual),
}

/// Time that goes on only when it is told to.
#[derive(Default)]
pub struct Virtual {
    now: Nanos,
    passes: Option<Pass>,
    /// Bytes read by the ports of client and broker.
    received: BTreeMap<Ports, u64>,
}

/// An order to let time pass.
pub struct Pass {
    pub sent: Vec<Sent>,
    pub duration: Duration,
    pub until_answered: bool,
    pub reply: Reply<Vec<Sent>>,
}

impl Time {
    pub fn new(clock: Clock) -> Self {
        match clock {
            Clock::Real => Self::Real(Instant::now()),
            Clock::Virtual => Self::Virtual(Virtual::default()),
        }
    }

    pub fn now(&self) -> Nanos {
        match self {
            Self::Real(start) => nanos(start.elapsed()),
            Self::Virtual(time) => time.now,
        }
    }

    /// The virtual clock, which wants to know what has been read.
    pub fn received(&mut self) -> Option<&mut Virtual> {
        match self {
            Self::Real(_) => None,
            Self::Virtual(time) => Some(time),
        }
    }

    /// A client connected; its port may have been another's before.
    pub fn admitted(&mut self, stream: &TcpStream) {
        if let (Self::Virtual(time), Some(ports)) = (self, ports(stream)) {
            time.received.insert(ports, 0);
        }
    }
}

impl Virtual {
    /// Nothing more will be read from a client.
    pub fn closed(&mut self, stream: &TcpStream) {
        if let Some(ports) = ports(stream) {
            self.received.insert(ports, u64::MAX);
        }
    }

    /// Bytes came from a client.
    pub fn count(&mut self, stream: &TcpStream, bytes: usize) {
        if let Some(ports) = ports(stream) {
            let received = self.received.entry(ports).or_default();
            *received = received.saturating_add(bytes as u64);
        }
    }
}

/// Of client and broker.
type Ports = (u16, u16);

fn ports(stream: &TcpStream) -> Option<Ports> {
    Some((
        stream.peer_addr().ok()?.port(),
        stream.local_addr().ok()?.port(),
    ))
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX / 4)
}

impl Server {
    /// Takes an order; its duration counts from now.
    pub(super) fn begin_pass(&mut self, mut pass: Pass) {
        match &mut self.time {
            Time::Real(_) => drop(pass.reply.send(Err(CommandError::RealClock))),
            Time::Virtual(time) => {
                pass.duration += Duration::from_nanos(time.now);
                time.passes = Some(pass);
            }
        }
    }

    /// Whether the loop must look again at once and must not wait for sockets.
    pub(super) fn is_time_to_move(&self) -> bool {
        match &self.time {
            Time::Real(_) => false,
            Time::Virtual(time) => match &time.passes {
                Some(pass) => self.has_read(time, &pass.sent),
                None => self.is_busy_inside(),
            },
        }
    }

    /// Start, creation of topics and shutting down need time, whoever asked for them.
    fn is_busy_inside(&self) -> bool {
        self.readiness.next_probe().is_some()
            || !self.internal.is_empty()
            || !self.leaving.is_empty()
    }

    fn has_read(&self, time: &Virtual, sent: &[Sent]) -> bool {
        let read = |s: &Sent| {
            let received = time.received.get(&s.ports).copied().unwrap_or(0);
            received >= s.bytes || self.is_in_work(s.ports)
        };
        sent.iter().all(read)
    }

    fn is_in_work(&self, of: Ports) -> bool {
        self.connections
            .values()
            .any(|c| c.pending.is_some() && ports(&c.stream) == Some(of))
    }

    /// Moves a virtual clock to what is due next, once everything of the present is done.
    pub(super) fn move_time(&mut self) {
        if !self.active.is_empty() || !self.is_time_to_move() {
            return;
        }
        let due = self.earliest_due();
        let waiting = self.unanswered();
        let Time::Virtual(time) = &mut self.time else {
            return;
        };
        if due.is_some_and(|due| due <= time.now) {
            return;
        }
        let Some(pass) = &time.passes else {
            time.now = due.unwrap_or(time.now);
            return;
        };
        let end = nanos(pass.duration);
        let answered = pass.until_answered && waiting.is_empty();
        match due {
            Some(due) if due <= end && !answered => time.now = due,
            _ => {
                if !answered {
                    time.now = end;
                }
                if let Some(pass) = time.passes.take() {
                    drop(pass.reply.send(Ok(waiting)));
                }
            }
        }
    }

    /// Of the connections that an order names, those with a request in work at a broker that is awake.
    fn unanswered(&self) -> Vec<Sent> {
        let Time::Virtual(Virtual {
            passes: Some(pass), ..
        }) = &self.time
        else {
            return Vec::new();
        };
        let awake = |sent: &&Sent| {
            self.connections.values().any(|c| {
                c.pending.is_some()
                    && ports(&c.stream) == Some(sent.ports)
                    && !self.nodes[index_of(c.broker)].is_paused()
            })
        };
        pass.sent.iter().filter(awake).copied().collect()
    }
}

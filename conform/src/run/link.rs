//! Connections of a sequence: one a broker for requests that are answered at once, and one for each member that may have to wait.

use super::{ANSWER_MS, RunError, Runner};
use crate::client::{Connection, Unheard};
use kafka_protocol::protocol::Request;
use std::collections::{BTreeMap, BTreeSet};

/// Which of the connections to a broker.
pub type Lane = u16;

pub const COMMON: Lane = 0;
/// For a request that is not answered before something happens to a broker; members have those between.
pub const CAUGHT: Lane = Lane::MAX;

#[derive(Default)]
pub struct Links {
    open: BTreeMap<(i32, Lane), Connection>,
    /// With an answer that nobody waits for any more: left open, because closing them is another event for the broker.
    abandoned: Vec<Connection>,
    pub down: Vec<i32>,
    pub paused: Vec<i32>,
    /// Answers, and knows nothing new.
    pub isolated: Vec<i32>,
}

impl Links {
    pub fn is_awake(&self, broker: i32) -> bool {
        !self.down.contains(&broker) && !self.paused.contains(&broker)
    }

    /// Those that can be asked how things are.
    pub fn awake(&self) -> BTreeSet<i32> {
        (1..=crate::arm::BROKERS)
            .filter(|b| self.is_awake(*b) && !self.isolated.contains(b))
            .collect()
    }

    pub fn take(&mut self, broker: i32, lane: Lane) -> Option<Connection> {
        self.open.remove(&(broker, lane))
    }

    pub fn put(&mut self, broker: i32, lane: Lane, connection: Connection) {
        self.open.insert((broker, lane), connection);
    }

    /// The broker's process ended.
    pub fn forget(&mut self, broker: i32) {
        self.open.retain(|(of, _), _| *of != broker);
    }
}

/// An answer, or why there is none.
pub type Heard<T> = Result<T, Unheard>;

impl Runner<'_> {
    /// Asks and waits for the answer.
    pub(super) fn ask<R: Request>(
        &mut self,
        broker: i32,
        request: R,
    ) -> Result<Heard<R::Response>, RunError> {
        self.ask_for(broker, COMMON, request, ANSWER_MS)
    }

    pub(super) fn ask_for<R: Request>(
        &mut self,
        broker: i32,
        lane: Lane,
        request: R,
        ms: u64,
    ) -> Result<Heard<R::Response>, RunError> {
        if let Err(unheard) = self.begin_ask(broker, lane, &[request], true) {
            return Ok(Err(unheard));
        }
        self.hear::<R>(broker, lane, ms)
    }

    /// Sends requests without waiting.
    pub(super) fn begin_ask<R: Request>(
        &mut self,
        broker: i32,
        lane: Lane,
        requests: &[R],
        answered: bool,
    ) -> Heard<()> {
        if self.links.down.contains(&broker) {
            return Err(Unheard::Closed);
        }
        let key = (broker, lane);
        if self
            .links
            .open
            .get(&key)
            .is_some_and(Connection::is_waiting)
        {
            self.links.abandoned.extend(self.links.open.remove(&key));
        }
        if !self.links.open.contains_key(&key) {
            let opened = Connection::open(self.arm.address(broker));
            let connection = opened.map_err(|_| Unheard::Closed)?;
            self.links.open.insert(key, connection);
        }
        let connection = self.links.open.get_mut(&key).ok_or(Unheard::Closed)?;
        let sent = connection.send(requests, answered);
        if sent.is_err() {
            self.links.open.remove(&key);
        }
        sent
    }

    /// Lets the broker take in what was sent to it, without time passing where that can be told.
    pub(super) fn take_in(&mut self, broker: i32, lane: Lane, ms: u64) -> Result<(), RunError> {
        let sent = self.links.open.get(&(broker, lane)).map(Connection::sent);
        if let Some(sent) = sent.filter(|_| self.links.is_awake(broker)) {
            self.arm.work(&[sent], ms)?;
        }
        Ok(())
    }

    /// The answer to the oldest open request of a lane.
    pub(super) fn hear<R: Request>(
        &mut self,
        broker: i32,
        lane: Lane,
        ms: u64,
    ) -> Result<Heard<R::Response>, RunError> {
        let Some(sent) = self.links.open.get(&(broker, lane)).map(Connection::sent) else {
            return Ok(Err(Unheard::Closed));
        };
        if self.links.paused.contains(&broker) {
            self.arm.pass(ms.min(300))?;
            return Ok(Err(Unheard::NoAnswer));
        }
        if self.arm.work(&[sent], ms)?.contains(&sent) {
            return Ok(Err(Unheard::NoAnswer));
        }
        let timeout = self.arm.read_timeout(ms);
        let Some(connection) = self.links.open.get_mut(&(broker, lane)) else {
            return Ok(Err(Unheard::Closed));
        };
        let heard = connection.receive::<R>(timeout);
        if matches!(heard, Err(Unheard::Closed)) {
            self.links.open.remove(&(broker, lane));
        }
        Ok(heard)
    }
}

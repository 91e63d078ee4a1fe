//! The layer on one connection: what both directions share.

use super::active::{ActiveRules, Fate};
use super::address::AddressMap;
use super::error_answer::Broker;
use super::flow::{Flow, FlowRegistry, Link};
use super::lane::{Flushed, Lane};
use super::reader::Malformed;
use super::rule::Way;
use super::rules::{SharedRules, Tracked};
use super::{answers, requests};
use crate::layer::{ConnectionInfo, Layer, LayerFactory, Output, Side};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::sync::Arc;

/// Kafka's own default for `socket.request.max.bytes` is 100 MiB; answers may be larger by one batch.
const FRAME_BYTES_MAX: usize = 128 << 20;
/// What one direction may keep waiting before its sender is made to wait too.
const LANE_BYTES_MAX: usize = 8 << 20;
/// Requests without an answer before the client is made to wait.
const PENDING_MAX: usize = 16_384;
/// How long before a cut, so that what passed before it has left the proxy: a reset takes along what is still queued.
const LINGER_NS: u64 = 5_000_000;

/// What connections of one listener share, and the factory of their layers.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    pub link: Link,
    pub rules: SharedRules,
    /// `None` leaves every answer as it is.
    pub addresses: Option<AddressMap>,
    pub flows: FlowRegistry,
    /// A longer request or answer ends its connection.
    pub frame_bytes_max: usize,
}

impl KafkaSettings {
    /// No rules yet, and no rewriting of addresses.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self {
            link,
            rules: SharedRules::default(),
            addresses: None,
            flows: FlowRegistry::default(),
            frame_bytes_max: FRAME_BYTES_MAX,
        }
    }
}

impl LayerFactory for KafkaSettings {
    fn layer(&self, connection: &ConnectionInfo) -> Box<dyn Layer> {
        Box::new(KafkaLayer::new(self.clone(), connection))
    }
}

/// A request whose answer the client waits for.
pub(super) enum Pending {
    Upstream(Asked),
    /// Answered here, once everything before it is.
    Local(Bytes),
}

/// A request that went upstream.
#[derive(Clone)]
pub(super) struct Asked {
    pub key: i16,
    pub version: i16,
    pub correlation: i32,
    /// The rule that loses its answer.
    pub lose: Option<Arc<Tracked>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing passes any more; reset at this time.
    Dying {
        at_ns: u64,
    },
    Over,
}

pub(super) struct Withholding {
    pub rule: Arc<Tracked>,
    pub reset_ns: Option<u64>,
}

/// The [`Layer`] on one connection between a party and a broker. Deterministic: the same calls with the same rules give the same output.
pub struct KafkaLayer {
    pub(super) settings: KafkaSettings,
    pub(super) flow: Arc<Flow>,
    pub(super) requests: requests::Intake,
    pub(super) answers: answers::Intake,
    pub(super) pending: VecDeque<Pending>,
    pub(super) lanes: [Lane; 2],
    pub(super) withholding: Option<Withholding>,
    active: ActiveRules,
    phase: Phase,
    connection: ConnectionInfo,
}

impl KafkaLayer {
    #[must_use]
    pub fn new(settings: KafkaSettings, connection: &ConnectionInfo) -> Self {
        Self {
            flow: settings.flows.open(&settings.link, connection.ordinal),
            requests: requests::Intake::Head,
            answers: answers::Intake::Head,
            pending: VecDeque::new(),
            lanes: Side::BOTH.map(Lane::new),
            withholding: None,
            active: ActiveRules::new(&settings, connection),
            phase: Phase::Open,
            connection: connection.clone(),
            settings,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(super) fn lane(&mut self, to: Side) -> &mut Lane {
        &mut self.lanes[to.index()]
    }

    /// Brokers as clients of this connection are told them; at least the one of the connection, where the client knows it.
    pub(super) fn brokers(&self) -> Vec<Broker> {
        if let Some(map) = &self.settings.addresses {
            let all = map.all().into_iter();
            return all
                .map(|(node, address)| Broker {
                    node,
                    host: address.host,
                    port: address.port,
                })
                .collect();
        }
        let (listen, node) = (self.connection.listen, self.settings.link.broker);
        let here = Broker {
            node,
            host: listen.ip().to_string(),
            port: listen.port(),
        };
        (node >= 0).then_some(here).into_iter().collect()
    }

    pub(super) fn fate(&mut self, now_ns: u64, way: Way, key: i16) -> Fate {
        self.active.fate(now_ns, way, key)
    }

    pub(super) fn is_active(&self, rule: &Arc<Tracked>) -> bool {
        self.active.has(rule)
    }

    /// What comes first in every call: rules that changed, frames whose time has come.
    fn begin(&mut self, now_ns: u64, out: &mut Output) {
        self.active.refresh(&self.settings, &self.connection);
        for to in Side::BOTH {
            self.flush(now_ns, to, out);
        }
        let Some(Withholding { rule, reset_ns }) = &self.withholding else {
            return;
        };
        // Answers are missing from the connection: it cannot go on.
        if reset_ns.is_some_and(|at_ns| at_ns <= now_ns) || !self.is_active(rule) {
            rule.reset();
            self.withholding = None;
            self.die(now_ns);
        }
    }

    pub(super) fn flush(&mut self, now_ns: u64, to: Side, out: &mut Output) {
        if !self.is_open() {
            return;
        }
        let active = &self.active;
        let lane = &mut self.lanes[to.index()];
        if let Flushed::Cut(rule) = lane.flush(now_ns, |rule| active.has(rule), out) {
            rule.acted(now_ns);
            rule.reset();
            self.die(now_ns.saturating_add(LINGER_NS));
        }
    }

    /// Cuts the connection once everything sent to `to` before has passed.
    pub(super) fn cut(&mut self, now_ns: u64, to: Side, rule: Arc<Tracked>, out: &mut Output) {
        self.lane(to).cut(rule);
        self.flush(now_ns, to, out);
    }

    pub(super) fn die(&mut self, at_ns: u64) {
        self.phase = Phase::Dying { at_ns };
    }

    /// Closes the connection after what was sent before.
    pub(super) fn malformed(&mut self, why: Malformed, out: &mut Output) {
        self.flow.malformed(why);
        self.phase = Phase::Over;
        for side in Side::BOTH {
            out.end(side);
        }
    }

    /// Passes the answers that were made here and that nothing is pending before any more.
    pub(super) fn drain_local(&mut self, out: &mut Output) {
        while let Some(Pending::Local(_)) = self.pending.front() {
            if let (Some(Pending::Local(answer)), None) =
                (self.pending.pop_front(), &self.withholding)
            {
                self.lane(Side::Client).send(answer, out);
            }
        }
    }
}

impl Layer for KafkaLayer {
    fn on_bytes(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        self.begin(now_ns, out);
        match from {
            Side::Client => self.take_requests(now_ns, input, out),
            Side::Upstream => self.take_answers(now_ns, input, out),
        }
        // A delay may be none.
        self.flush(now_ns, from.other(), out);
        if !self.is_open() {
            input.clear();
        }
    }

    fn on_end(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        self.on_bytes(now_ns, from, input, out);
        if !self.is_open() {
            return;
        }
        // The beginning of a frame that will never be whole: as it came, but for answers, which might name an address.
        let rest = input.split().freeze();
        let passes = match from {
            Side::Client => self.requests.is_at_head(),
            Side::Upstream => self.answers.is_at_head() && self.settings.addresses.is_none(),
        };
        let lane = self.lane(from.other());
        if passes {
            lane.send(rest, out);
        }
        lane.end(out);
    }

    fn next_timer(&self) -> Option<u64> {
        match self.phase {
            Phase::Dying { at_ns } => return Some(at_ns),
            Phase::Over => return None,
            Phase::Open => {}
        }
        let lanes = self.lanes.iter().filter_map(Lane::next);
        let withholding = self.withholding.as_ref().and_then(|w| w.reset_ns);
        lanes
            .chain(withholding)
            .chain(self.answers.gives_up_ns())
            .min()
    }

    fn on_timer(&mut self, now_ns: u64, out: &mut Output) {
        if self.is_open() {
            self.begin(now_ns, out);
        }
        if self.is_open() && self.answers.gives_up_ns().is_some_and(|at| at <= now_ns) {
            self.die(now_ns);
        }
        if let Phase::Dying { at_ns } = self.phase
            && at_ns <= now_ns
        {
            self.phase = Phase::Over;
            out.reset();
        }
    }

    fn wants(&self, from: Side) -> bool {
        if !self.is_open() {
            return true;
        }
        let has_room = self.lanes[from.other().index()].bytes() < LANE_BYTES_MAX;
        match from {
            Side::Client => has_room && self.pending.len() < PENDING_MAX,
            Side::Upstream => has_room && !self.answers.is_unmapped(&self.settings),
        }
    }
}

impl Drop for KafkaLayer {
    fn drop(&mut self) {
        let ordinal = self.connection.ordinal;
        self.settings.flows.close(&self.settings.link, ordinal);
    }
}

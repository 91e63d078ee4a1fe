//! The judge: fed with ops in recorded order, online and in little memory.

mod entry;
mod sink;

use crate::anomaly::Example;
use crate::check::order::OrderCheck;
use crate::health::Health;
use crate::judgement::Judgement;
use crate::latency::Latencies;
use crate::op::{EventId, Kind, Op};
use crate::spec::{Expected, JudgeSpec, Reading};
use crate::state::{CHUNK_EVENTS, Stream, outcome};
use std::collections::{BTreeMap, VecDeque};

/// Stand for an acceptance, a rejection and an indeterminate answer among the sinks of early ops.
const ENTRY: u16 = u16::MAX;
const REFUSED: u16 = u16::MAX - 1;
const DOUBTFUL: u16 = u16::MAX - 2;

/// Judges a run from its ops.
///
/// Ops of different threads may come in any order: an effect may be recorded before the offer of its event. Ops of one sink
/// must come in the order of the sink where order is judged.
pub struct Judge {
    pub(crate) spec: JudgeSpec,
    pub(crate) streams: Vec<Stream>,
    pub(crate) sinks: Vec<SinkState>,
    pub(crate) latencies: Latencies,
    pub(crate) defects: Defects,
    /// Live effects and acceptances that came before their offer.
    early: BTreeMap<(EventId, u16), u64>,
    /// Chunks with exact details, the oldest first.
    detailed: VecDeque<(u16, u32)>,
    detailed_max: usize,
}

/// What is kept of a sink beside the rows of the events.
pub(crate) struct SinkState {
    pub reading: Reading,
    pub order: Option<OrderCheck>,
    pub surplus: u64,
    /// Entries whose id cannot be read or was never planned.
    pub strays: u64,
    pub stray_examples: Vec<Example>,
    /// Accepted events that are due and not accounted for so far.
    pub missing: u64,
}

/// Signs that the history itself is not whole.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Defects {
    pub repeated_offers: u64,
    /// Ops of a sink or a load that the spec does not have.
    pub foreign: u64,
    pub beyond_plan: u64,
    /// Latencies that could not be told.
    pub unmeasured: u64,
}

impl Judge {
    #[must_use]
    pub fn new(spec: JudgeSpec) -> Self {
        let streams = u16::try_from(spec.loads.len()).unwrap_or(u16::MAX);
        let limits = spec.limits;
        let order = |ordered: bool| {
            let streams = usize::from(streams);
            ordered.then(|| OrderCheck::new(streams, limits.waiting_for_order, limits.examples))
        };
        Self {
            streams: (0..streams)
                .map(|stream| Stream::new(&spec, stream))
                .collect(),
            sinks: spec
                .sinks
                .iter()
                .map(|sink| SinkState {
                    reading: sink.reading,
                    order: order(sink.ordered),
                    surplus: 0,
                    strays: 0,
                    stray_examples: Vec::new(),
                    missing: 0,
                })
                .collect(),
            latencies: Latencies::new(&spec),
            defects: Defects::default(),
            early: BTreeMap::new(),
            detailed: VecDeque::new(),
            detailed_max: (limits.in_flight_events / CHUNK_EVENTS).max(1),
            spec,
        }
    }

    /// Takes the next op of the history.
    pub fn op(&mut self, op: &Op) {
        if Some(op.event.stream()) == self.spec.probe_stream {
            return;
        }
        match op.kind {
            Kind::Effect => self.effect(op),
            Kind::Offered => self.offered(op),
            Kind::Accepted => self.answered(op, outcome::ACCEPTED),
            Kind::Rejected => self.answered(op, outcome::REJECTED),
            Kind::Indeterminate => self.answered(op, outcome::INDETERMINATE),
            Kind::Final => self.final_effect(op),
            Kind::DeadLettered => self.dead_lettered(op),
            Kind::Stored => self.stored(op),
        }
    }

    pub fn ops(&mut self, ops: &[Op]) {
        for op in ops {
            self.op(op);
        }
    }

    /// Accepted events that are due in a sink and not accounted for so far. A drain waits until it is 0.
    #[must_use]
    pub fn missing(&self, sink: usize) -> u64 {
        self.sinks.get(sink).map_or(0, |sink| sink.missing)
    }

    /// Judges what was fed, in the light of what was shown of the run.
    #[must_use]
    pub fn finish(mut self, health: Health) -> Judgement {
        self.settle_order(true);
        crate::verdict::conclude(self, health)
    }

    /// Bytes of memory in use, roughly: the events' own.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let chunks = self.streams.iter().flat_map(|stream| &stream.chunks);
        chunks.map(|chunk| chunk.bytes()).sum()
    }
}

const fn is_settled(expected: Expected, marks: u8) -> bool {
    match expected {
        Expected::Nothing => true,
        Expected::Effect | Expected::DeadLetter => marks != 0,
    }
}

//! The judge: fed with ops in recorded order, online and in little memory.

use crate::anomaly::{Example, Place};
use crate::check::order::{OrderCheck, Waiting};
use crate::health::Health;
use crate::judgement::Judgement;
use crate::latency::Latencies;
use crate::op::{EventId, Kind, Op};
use crate::spec::{Expected, JudgeSpec, Reading};
use crate::state::{CHUNK_EVENTS, Spot, Stream, mark, outcome, told_place};
use std::collections::{BTreeMap, VecDeque};

/// Stands for the entry among the sinks of early ops.
const ENTRY: u16 = u16::MAX;

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

    fn offered(&mut self, op: &Op) {
        let Some((stream, spot)) = self.entry_spot(op) else {
            return;
        };
        let of = &mut self.streams[stream];
        if of.chunks[spot.chunk].set(spot.index, 0, outcome::OFFERED) & outcome::OFFERED != 0 {
            self.defects.repeated_offers += 1;
            return;
        }
        let (detail, made) = of.detail(spot);
        detail.offer(spot.index, op.at, op.offset);
        if made {
            self.remember_detail(stream, spot.chunk);
        }
        self.streams[stream].step(spot, 1);
        if !self.early.is_empty() {
            self.meet_early(op);
        }
    }

    fn answered(&mut self, op: &Op, bit: u8) {
        let Some((index, spot)) = self.entry_spot(op) else {
            return;
        };
        let stream = &mut self.streams[index];
        let before = stream.chunks[spot.chunk].set(spot.index, 0, bit);
        if before & bit != 0 {
            return;
        }
        let is_first = before & !outcome::OFFERED == 0;
        if bit == outcome::ACCEPTED {
            if before & outcome::OFFERED != 0 {
                if let Some(detail) = &stream.chunks[spot.chunk].detail {
                    let offered_at = detail.offered_at(spot.index);
                    self.latencies.accepted(offered_at, op.at);
                }
            } else {
                remember_early(&mut self.early, &self.spec, &mut self.defects, op, ENTRY);
            }
            for (sink, state) in self.sinks.iter_mut().enumerate() {
                let settled = is_settled(stream.expected[sink], stream.marks(spot, sink));
                state.missing += u64::from(!settled);
            }
            if let Some(place) = told_place(op.partition, op.offset) {
                self.set_place(index, spot, place);
            }
        }
        if is_first {
            let stream = &mut self.streams[index];
            let never = if bit == outcome::REJECTED {
                stream.steps_of_rejected(spot)
            } else {
                0
            };
            stream.step(spot, 1 + never);
        }
    }

    /// An input topic told where the event is.
    fn stored(&mut self, op: &Op) {
        let index = usize::from(op.event.stream());
        if let Some(stream) = self.streams.get_mut(index)
            && let Some(spot) = stream.spot(op.event.sequence())
            && stream.place(spot).is_none()
            && let Some(place) = told_place(op.partition, op.offset)
        {
            self.set_place(index, spot, place);
        }
    }

    fn set_place(&mut self, index: usize, spot: Spot, place: Place) {
        let stream = &mut self.streams[index];
        for sink in 0..stream.expected.len() {
            if stream.marks(spot, sink) != 0 {
                stream.seen[sink].note_place(place);
            }
        }
        if stream.is_open(spot) {
            let (detail, made) = stream.detail(spot);
            detail.set_place(spot.index, place);
            if made {
                self.remember_detail(index, spot.chunk);
            }
        }
    }

    fn effect(&mut self, op: &Op) {
        let Some((index, spot)) = self.sink_spot(op) else {
            return;
        };
        let sink = usize::from(op.place);
        let is_true = self.sinks[sink].reading == Reading::Tail;
        let bits = if is_true {
            mark::LIVE | mark::TRUTH
        } else {
            mark::LIVE
        };
        let before = self.mark(index, spot, sink, bits, op);
        if before & mark::LIVE == 0 && self.streams[index].expected[sink] != Expected::Nothing {
            self.measure_effect(index, spot, op);
        }
        if is_true {
            self.true_effect(index, spot, before, op);
        }
        self.settle(index, spot, sink, before, bits);
    }

    fn final_effect(&mut self, op: &Op) {
        let Some((index, spot)) = self.sink_spot(op) else {
            return;
        };
        let sink = usize::from(op.place);
        // A tail is the truth already: its final read repeats it.
        if self.sinks[sink].reading == Reading::Tail {
            return;
        }
        let before = self.mark(index, spot, sink, mark::TRUTH, op);
        self.true_effect(index, spot, before, op);
        self.settle(index, spot, sink, before, mark::TRUTH);
    }

    fn dead_lettered(&mut self, op: &Op) {
        let Some((index, spot)) = self.sink_spot(op) else {
            return;
        };
        let sink = usize::from(op.place);
        let before = self.mark(index, spot, sink, mark::DEAD, op);
        self.settle(index, spot, sink, before, mark::DEAD);
        let stream = &mut self.streams[index];
        let in_line = before & (mark::TRUTH | mark::DEAD) == 0;
        if stream.ordered[sink] && in_line && stream.outcome(spot) & outcome::REJECTED == 0 {
            stream.step(spot, 1);
        }
    }

    /// Sets marks, and on the first one notes how far the sink is.
    #[inline]
    fn mark(&mut self, index: usize, spot: Spot, sink: usize, bits: u8, op: &Op) -> u8 {
        let stream = &mut self.streams[index];
        let before = stream.chunks[spot.chunk].set(spot.index, 1 + sink, bits);
        if before == 0 {
            let place = stream.place(spot);
            stream.seen[sink].note(op.event.sequence(), place);
        }
        before
    }

    /// After the first mark the event is no longer expected in the sink.
    #[inline]
    fn settle(&mut self, index: usize, spot: Spot, sink: usize, before: u8, bits: u8) {
        let stream = &mut self.streams[index];
        let expected = stream.expected[sink];
        let outcome = stream.outcome(spot);
        if outcome & outcome::ACCEPTED != 0
            && !is_settled(expected, before)
            && is_settled(expected, before | bits)
        {
            self.sinks[sink].missing -= 1;
        }
        if before == 0 && expected != Expected::Nothing && outcome & outcome::REJECTED == 0 {
            stream.step(spot, 1);
        }
    }

    #[inline]
    fn measure_effect(&mut self, index: usize, spot: Spot, op: &Op) {
        let stream = &self.streams[index];
        if stream.outcome(spot) & outcome::OFFERED == 0 {
            remember_early(&mut self.early, &self.spec, &mut self.defects, op, op.place);
        } else if let Some(detail) = &stream.chunks[spot.chunk].detail {
            let offered_at = detail.offered_at(spot.index);
            self.latencies
                .effect(usize::from(op.place), offered_at, op.at);
        } else {
            self.defects.unmeasured += 1;
        }
    }

    #[inline]
    fn true_effect(&mut self, index: usize, spot: Spot, before: u8, op: &Op) {
        let sink = usize::from(op.place);
        let stream = &mut self.streams[index];
        if before & mark::TRUTH != 0 {
            self.sinks[sink].surplus += 1;
            stream.chunks[spot.chunk].set(spot.index, 1 + sink, mark::MULTIPLE);
            return;
        }
        let out_of_line = before & mark::DEAD != 0;
        if !stream.ordered[sink] || out_of_line || stream.outcome(spot) & outcome::REJECTED != 0 {
            return;
        }
        if let Some(order) = &mut self.sinks[sink].order {
            order.wait(Waiting {
                event: op.event,
                partition: op.partition,
            });
            settle_order(order, &mut self.streams, false);
        }
    }

    fn settle_order(&mut self, at_end: bool) {
        for sink in 0..self.sinks.len() {
            if let Some(order) = &mut self.sinks[sink].order {
                settle_order(order, &mut self.streams, at_end);
            }
        }
    }

    /// The spot of an event that the entry speaks of; what the spec does not know is a defect of the history.
    #[inline]
    fn entry_spot(&mut self, op: &Op) -> Option<(usize, Spot)> {
        let index = usize::from(op.event.stream());
        let sequence = op.event.sequence();
        let Some(stream) = self.streams.get_mut(index) else {
            self.defects.foreign += 1;
            return None;
        };
        if let Some(spot) = stream.spot(sequence) {
            return Some((index, spot));
        }
        self.defects.beyond_plan += 1;
        if !stream.extend(sequence) {
            return None;
        }
        stream.spot(sequence).map(|spot| (index, spot))
    }

    /// The spot of an event that a sink shows; what was never planned is a stray.
    #[inline]
    fn sink_spot(&mut self, op: &Op) -> Option<(usize, Spot)> {
        let Some(sink) = self.sinks.get_mut(usize::from(op.place)) else {
            self.defects.foreign += 1;
            return None;
        };
        let index = usize::from(op.event.stream());
        let stream = self.streams.get_mut(index);
        let spot = stream.and_then(|stream| stream.spot(op.event.sequence()));
        if spot.is_none() {
            sink.strays += 1;
            if sink.stray_examples.len() < self.spec.limits.examples {
                sink.stray_examples.push(Example {
                    event: op.event,
                    place: told_place(op.partition, op.offset),
                    after: None,
                });
            }
        }
        spot.map(|spot| (index, spot))
    }

    /// Records the latencies of what came before its offer.
    fn meet_early(&mut self, offer: &Op) {
        let range = (offer.event, 0)..=(offer.event, ENTRY);
        let met: Vec<_> = self
            .early
            .range(range)
            .map(|(&key, &at)| (key, at))
            .collect();
        for (key, at) in met {
            self.early.remove(&key);
            match key.1 {
                ENTRY => self.latencies.accepted(offer.at, at),
                sink => self.latencies.effect(usize::from(sink), offer.at, at),
            }
        }
    }

    /// Keeps the number of exact details within its bound.
    fn remember_detail(&mut self, stream: usize, chunk: usize) {
        self.detailed.push_back((stream as u16, chunk as u32));
        if self.detailed.len() > self.detailed_max {
            let streams = &self.streams;
            self.detailed.retain(|&(stream, chunk)| {
                let chunk = &streams[usize::from(stream)].chunks[chunk as usize];
                chunk
                    .detail
                    .as_ref()
                    .is_some_and(|detail| !detail.is_thin())
            });
        }
        while self.detailed.len() > self.detailed_max {
            let Some((stream, chunk)) = self.detailed.pop_front() else {
                break;
            };
            self.streams[usize::from(stream)].thin(chunk as usize);
        }
    }
}

const fn is_settled(expected: Expected, marks: u8) -> bool {
    match expected {
        Expected::Nothing => true,
        Expected::Effect | Expected::DeadLetter => marks != 0,
    }
}

fn remember_early(
    early: &mut BTreeMap<(EventId, u16), u64>,
    spec: &JudgeSpec,
    defects: &mut Defects,
    op: &Op,
    sink: u16,
) {
    if early.len() < spec.limits.early_ops {
        early.insert((op.event, sink), op.at);
    } else {
        defects.unmeasured += 1;
    }
}

/// Judges the effects whose events have an outcome, in their order, up to the first that has none.
fn settle_order(order: &mut OrderCheck, streams: &mut [Stream], at_end: bool) {
    while let Some(effect) = order.front() {
        let stream = &mut streams[usize::from(effect.event.stream())];
        let Some(spot) = stream.spot(effect.event.sequence()) else {
            order.pop();
            continue;
        };
        let outcome = stream.outcome(spot);
        let is_decided = outcome & outcome::OFFERED != 0 && outcome & !outcome::OFFERED != 0;
        if !is_decided && !at_end {
            if !order.is_full() {
                return;
            }
            order.undecided += 1;
        }
        if outcome & outcome::ACCEPTED != 0 {
            let detail = stream.chunks[spot.chunk].detail.as_ref();
            let key = detail.and_then(|detail| detail.key(spot.index));
            order.judge(effect, key);
        }
        order.pop();
        stream.step(spot, 1);
    }
}

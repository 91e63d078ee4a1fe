//! What the sinks say of events: effects, dead letters, final reads.

use super::{Judge, is_settled};
use crate::anomaly::Example;
use crate::check::order::{OrderCheck, Waiting};
use crate::op::Op;
use crate::spec::{Expected, Reading};
use crate::state::{CHUNK_EVENTS, Spot, Stream, mark, outcome, told_place};

impl Judge {
    pub(super) fn effect(&mut self, op: &Op) {
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

    pub(super) fn final_effect(&mut self, op: &Op) {
        let sink = usize::from(op.place);
        let reading = self.sinks.get(sink).map(|sink| sink.reading);
        // A tail is the truth already: its final read repeats it.
        if reading == Some(Reading::Tail) {
            return;
        }
        let Some((index, spot)) = self.sink_spot(op) else {
            return;
        };
        let before = self.mark(index, spot, sink, mark::TRUTH, op);
        self.true_effect(index, spot, before, op);
        self.settle(index, spot, sink, before, mark::TRUTH);
        // A final read comes mostly in order, so that here the chunk is likely through.
        if spot.index == CHUNK_EVENTS - 1 {
            self.streams[index].chunks[spot.chunk].compact();
        }
    }

    pub(super) fn dead_lettered(&mut self, op: &Op) {
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
            self.remember_early(op, op.place);
        } else if let Some(offered_at) = stream.offered_at(spot) {
            self.latencies
                .effect(index, usize::from(op.place), offered_at, op.at);
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

    pub(super) fn settle_order(&mut self, at_end: bool) {
        for sink in 0..self.sinks.len() {
            if let Some(order) = &mut self.sinks[sink].order {
                settle_order(order, &mut self.streams, at_end);
            }
        }
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

//! What the entry says of events: offers, outcomes, places.

use super::{DOUBTFUL, ENTRY, Judge, REFUSED, is_settled};
use crate::anomaly::Place;
use crate::op::Op;
use crate::state::{Spot, outcome, told_place};

/// Chunks that stay detailed without a look at how many of their events are in flight.
const DETAILED_AT_EASE: usize = 64;

impl Judge {
    pub(super) fn offered(&mut self, op: &Op) {
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
        self.latencies.offered(stream, op.at);
        if !self.early.is_empty() {
            self.meet_early(op);
        }
    }

    pub(super) fn answered(&mut self, op: &Op, bit: u8) {
        let Some((index, spot)) = self.entry_spot(op) else {
            return;
        };
        let stream = &mut self.streams[index];
        let before = stream.chunks[spot.chunk].set(spot.index, 0, bit);
        if before & bit != 0 {
            return;
        }
        if bit == outcome::ACCEPTED {
            self.accepted(index, spot, before, op);
        }
        let is_first = before & !outcome::OFFERED == 0;
        if is_first {
            if bit != outcome::ACCEPTED {
                self.refused(index, spot, before, bit, op);
            }
            let stream = &mut self.streams[index];
            let never = if bit == outcome::REJECTED {
                stream.steps_of_rejected(spot)
            } else {
                0
            };
            stream.step(spot, 1 + never);
        }
    }

    /// The first answer is an error.
    fn refused(&mut self, index: usize, spot: Spot, before: u8, bit: u8, op: &Op) {
        let definitely = bit == outcome::REJECTED;
        if before & outcome::OFFERED == 0 {
            self.remember_early(op, if definitely { REFUSED } else { DOUBTFUL });
        } else if let Some(offered_at) = self.streams[index].offered_at(spot) {
            self.latencies.refused(index, offered_at, op.at, definitely);
        }
    }

    /// The first acceptance: from here on the sinks owe something for the event.
    #[inline]
    fn accepted(&mut self, index: usize, spot: Spot, before: u8, op: &Op) {
        let stream = &self.streams[index];
        for (sink, state) in self.sinks.iter_mut().enumerate() {
            let settled = is_settled(stream.expected[sink], stream.marks(spot, sink));
            state.missing += u64::from(!settled);
        }
        if before & outcome::OFFERED == 0 {
            self.remember_early(op, ENTRY);
        } else if let Some(offered_at) = stream.offered_at(spot) {
            self.latencies.accepted(index, offered_at, op.at);
        } else {
            self.defects.unmeasured += 1;
        }
        if let Some(place) = told_place(op.partition, op.offset) {
            self.set_place(index, spot, place);
        }
    }

    /// An input topic told where the event is.
    pub(super) fn stored(&mut self, op: &Op) {
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
            let (stream, latencies) = (usize::from(offer.event.stream()), &mut self.latencies);
            match key.1 {
                ENTRY => latencies.accepted(stream, offer.at, at),
                REFUSED | DOUBTFUL => latencies.refused(stream, offer.at, at, key.1 == REFUSED),
                sink => latencies.effect(stream, usize::from(sink), offer.at, at),
            }
        }
    }

    /// Keeps the time of an op that came before the offer of its event. `sink` may stand for an answer.
    pub(super) fn remember_early(&mut self, op: &Op, sink: u16) {
        if self.early.len() < self.spec.limits.early_ops {
            self.early.insert((op.event, sink), op.at);
        } else {
            self.defects.unmeasured += 1;
        }
    }

    /// Keeps the number of exact details small: older chunks with few events in flight keep just these, and beyond the
    /// bound the oldest lose what is costly.
    fn remember_detail(&mut self, stream: usize, chunk: usize) {
        self.detailed.push_back((stream as u16, chunk as u32));
        if self.detailed.len() <= self.detailed_max.min(DETAILED_AT_EASE) {
            return;
        }
        let mut kept = std::mem::take(&mut self.detailed);
        let newest = kept.len().saturating_sub(DETAILED_AT_EASE / 2);
        let mut age = 0;
        kept.retain(|&(stream, chunk)| {
            age += 1;
            let of = &self.streams[usize::from(stream)];
            if age <= newest && of.has_few_in_flight(chunk as usize) {
                self.thin(stream, chunk as usize);
            }
            self.streams[usize::from(stream)].is_detailed(chunk as usize)
        });
        while kept.len() > self.detailed_max {
            if let Some((stream, chunk)) = kept.pop_front() {
                self.thin(stream, chunk as usize);
            }
        }
        self.detailed = kept;
    }

    fn thin(&mut self, stream: u16, chunk: usize) {
        let orders = self.sinks.iter().filter_map(|sink| sink.order.as_ref());
        let waiting = orders.flat_map(|order| order.waiting());
        let in_line = waiting.filter_map(|effect| {
            let spot = Spot::of(effect.event.sequence());
            let is_here = effect.event.stream() == stream && spot.chunk == chunk;
            is_here.then_some(spot.index)
        });
        let in_line = in_line.collect();
        self.streams[usize::from(stream)].thin(chunk, &in_line);
    }
}

//! Anomalies that are not of one event alone, told as soon as they are known: order, events that were passed, what is stuck.

use super::Feed;
use super::track::{Found, Outcome, Track};
use crate::board::Anomaly;
use squall_check::{AnomalyName, EventId, Expected, InLine, Kind, Op, OrderCheck};
use std::collections::BTreeMap;

impl Feed {
    /// Follows an event from its acceptance to its first sign in each sink.
    pub(super) fn follow(&mut self, op: &Op, found: &Found) {
        let event = op.event;
        let Some(track) = self.tracks.get(usize::from(event.stream())) else {
            return;
        };
        let place = track.place_of(event);
        if let Some(place) = place.filter(|_| found.accepted) {
            for (sink, rule) in self.rules.iter().enumerate() {
                if !rule.is_due(event.stream()) || rule.loss_is_legal {
                    continue;
                }
                if track.is_done(event, sink) {
                    // It showed before its acceptance was told.
                    let is_done = |one| track.is_done(one, sink);
                    self.passed.shown(op.at, sink, event, Some(place), is_done);
                } else {
                    self.passed.accepted(sink, event, place);
                }
            }
        }
        if !found.first_sign {
            return;
        }
        let sink = usize::from(op.place);
        let is_done = |one| track.is_done(one, sink);
        if self.passed.shown(op.at, sink, event, place, is_done) {
            self.let_go(sink, event);
        }
    }

    /// Tells who has been passed for long.
    pub(super) fn suspect(&mut self) {
        let now_ns = self.board.now_ns;
        while let Some((sink, event)) = self.passed.suspect(now_ns) {
            self.case(AnomalyName::LostWrite, Some(sink), event, now_ns, true);
        }
    }

    /// A suspect showed after all.
    fn let_go(&mut self, sink: usize, event: EventId) {
        let is_of = |anomaly: &Anomaly| {
            anomaly.suspected && anomaly.sink.as_ref().is_some_and(|(of, _)| *of == sink)
        };
        let anomalies = &mut self.board.anomalies;
        if let Some(anomaly) = anomalies.iter_mut().find(|anomaly| is_of(anomaly)) {
            anomaly.count = anomaly.count.saturating_sub(1);
            anomaly.events.retain(|known| *known != event);
        }
        anomalies.retain(|anomaly| anomaly.count > 0);
    }

    /// Gives the first live effect of an event its place in the line of its sink.
    pub(super) fn queue(&mut self, op: &Op) {
        let sink = usize::from(op.place);
        let rule = self.rules.get(sink);
        let is_due = rule.is_some_and(|rule| rule.expected(op.event.stream()) == Expected::Effect);
        let order = self.orders.get_mut(sink).and_then(Option::as_mut);
        if let Some(order) = order.filter(|_| is_due && op.kind == Kind::Effect) {
            order.wait(InLine {
                event: op.event,
                partition: op.partition,
            });
        }
    }

    /// Judges the order of effects whose events have an answer, up to the first that has none.
    pub(super) fn line_up(&mut self, op: &Op, found: &Found) {
        let answered = matches!(
            op.kind,
            Kind::Accepted | Kind::Rejected | Kind::Indeterminate
        );
        if found.first_effect || answered {
            self.settle_orders(op.at, false);
        }
    }

    fn settle_orders(&mut self, at_ns: u64, at_end: bool) {
        for sink in 0..self.orders.len() {
            let Some(order) = self.orders[sink].as_mut() else {
                continue;
            };
            for event in settle(order, &self.tracks, at_end) {
                self.anomaly(AnomalyName::Order, Some(sink), event, at_ns);
            }
        }
    }

    /// How old the oldest is that is on its way to each sink.
    pub(super) fn age(&mut self) {
        for (sink, row) in self.board.sinks.iter_mut().enumerate() {
            let Some(rule) = self.rules.get(sink) else {
                continue;
            };
            let streams = self.tracks.iter_mut().enumerate();
            let oldest = streams.filter_map(|(stream, track)| {
                let stream = u16::try_from(stream).unwrap_or(u16::MAX);
                track.oldest_ns(sink, rule.is_due(stream))
            });
            row.oldest_ns = oldest.min();
        }
    }

    /// The drain gave up: what is missing and may be on its way is stuck.
    pub(super) fn gave_up(&mut self, at_ns: u64) {
        self.gave_up = true;
        for sink in 0..self.board.sinks.len() {
            let missing = self.missing(sink);
            let stuck = self.stuck(sink, missing.len());
            for (event, _) in missing.into_iter().take(stuck) {
                self.anomaly(AnomalyName::Stuck, Some(sink), event, at_ns);
            }
        }
    }

    /// After the final read: what was accepted and is nowhere. What was suspected till now is known.
    pub(super) fn unseen(&mut self, at_ns: u64) {
        let is_known =
            |anomaly: &Anomaly| !anomaly.suspected && anomaly.name != AnomalyName::Stuck.name();
        self.board.anomalies.retain(is_known);
        self.settle_orders(at_ns, true);
        self.never_offered(at_ns);
        for sink in 0..self.board.sinks.len() {
            let missing = self.missing(sink);
            self.board.sinks[sink].unseen = Some(missing.len() as u64);
            if self.rules.get(sink).is_some_and(|rule| rule.loss_is_legal) {
                continue;
            }
            let stuck = self.stuck(sink, missing.len());
            for (index, (event, is_past)) in missing.into_iter().enumerate() {
                let name = match (index < stuck, is_past) {
                    (true, _) => AnomalyName::Stuck,
                    (false, true) => AnomalyName::LostWrite,
                    (false, false) => AnomalyName::Unseen,
                };
                self.anomaly(name, Some(sink), event, at_ns);
            }
        }
    }

    /// What showed of planned events whose offer never came.
    fn never_offered(&mut self, at_ns: u64) {
        let never = self.tracks.iter_mut().flat_map(Track::never_offered);
        let mut shown: BTreeMap<(EventId, u16), BTreeMap<Kind, u64>> = BTreeMap::new();
        for op in never {
            if matches!(op.kind, Kind::Effect | Kind::Final | Kind::DeadLettered) {
                let kinds = shown.entry((op.event, op.place)).or_default();
                *kinds.entry(op.kind).or_default() += 1;
            }
        }
        for ((event, sink), kinds) in shown {
            let sink = usize::from(sink);
            self.anomaly(AnomalyName::Phantom, Some(sink), event, at_ns);
            let twice = [Kind::Effect, Kind::Final]
                .iter()
                .any(|kind| kinds.get(kind).is_some_and(|count| *count > 1));
            let rule = self.rules.get(sink);
            if twice && rule.is_some_and(|rule| !rule.duplicates_are_legal) {
                self.anomaly(AnomalyName::DuplicateEffect, Some(sink), event, at_ns);
            }
        }
    }

    /// Due in a sink and not there, with whether the sink has shown later ones: those that it has not passed come first.
    fn missing(&self, sink: usize) -> Vec<(EventId, bool)> {
        let due = |stream: usize| {
            let stream = u16::try_from(stream).unwrap_or(u16::MAX);
            self.rules.get(sink).is_some_and(|rule| rule.is_due(stream))
        };
        let tracks = self.tracks.iter().enumerate();
        let of = |(_, track): (usize, &Track)| -> Vec<(EventId, bool)> {
            let past = |(event, by_sequence)| {
                let place = track.place_of(event);
                let by_place = place.map(|place| self.passed.is_past(sink, event, place));
                (event, by_place.unwrap_or(by_sequence))
            };
            track.missing(sink).map(past).collect()
        };
        let missing = tracks.filter(|(stream, _)| due(*stream)).flat_map(of);
        let mut missing: Vec<_> = missing.collect();
        missing.sort_by_key(|&(_, is_past)| is_past);
        missing
    }

    /// How many of the missing may be on their way, after a drain that gave up.
    fn stuck(&self, sink: usize, missing: usize) -> usize {
        let row = self.board.sinks.get(sink).filter(|_| self.gave_up);
        let in_flight = row.map_or(0, |row| self.in_flight.get(&row.name).copied().unwrap_or(0));
        missing.min(usize::try_from(in_flight).unwrap_or(usize::MAX))
    }
}

/// The events that stand behind later ones of their key.
fn settle(order: &mut OrderCheck, tracks: &[Track], at_end: bool) -> Vec<EventId> {
    let mut late = Vec::new();
    while let Some(effect) = order.front() {
        let track = tracks.get(usize::from(effect.event.stream()));
        let outcome = track.and_then(|track| track.outcome_of(effect.event));
        if outcome == Some(Outcome::Waiting) && !order.is_full() && !at_end {
            break;
        }
        order.pop();
        if outcome == Some(Outcome::Accepted) {
            let before = order.count;
            order.judge(effect, track.and_then(|track| track.key_of(effect.event)));
            if order.count > before {
                late.push(effect.event);
            }
        }
    }
    late
}

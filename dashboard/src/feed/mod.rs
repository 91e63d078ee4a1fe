//! From the rows of a history, in recorded order, to the [`Board`].

mod cluster;
mod live;
mod notes;
mod passed;
mod rules;
mod track;

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod tests;

use crate::board::{Anomaly, Board, FaultRow, FaultStage, LineKind, SinkRow};
use crate::{Broker, Line, Replay};
use passed::Passed;
use rules::Rules;
use squall_check::{AnomalyName, EventId, Kind, Op, OrderCheck};
use squall_history::Batch;
use squall_plan::Plan;
use squall_plan::fault::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;
use track::Track;

/// Lines of events that are kept.
const LINES_MAX: usize = 500;
/// Cases of an anomaly that can be inspected.
const CASES_MAX: usize = 100;
/// Effects that may wait for the answer to their event before their order is told.
const IN_LINE_MAX: usize = 1 << 18;

/// Takes rows, keeps the board. Counts are of distinct events as far as the feed's window reaches back, so that memory is
/// bounded; the verdict is the judge's.
pub struct Feed {
    board: Board,
    /// By stream.
    tracks: Vec<Track>,
    /// The faults of the plan and those by hand, for what they cut off.
    planned: Vec<Fault>,
    /// By sink.
    rules: Vec<Rules>,
    /// By sink; `None`: in no order.
    orders: Vec<Option<OrderCheck>>,
    passed: Passed,
    /// Entries on their way to a sink, by its name, when the drain gave up.
    in_flight: BTreeMap<String, u64>,
    gave_up: bool,
    ignored_stream: u16,
}

impl Feed {
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let rules = Rules::of(plan);
        let sink = |(spec, rule): (&squall_plan::system::SinkSpec, &Rules)| SinkRow {
            name: spec.name.clone(),
            repeats: rule.duplicates_are_legal,
            ..SinkRow::default()
        };
        let mut board = Board {
            scenario: plan.name.clone(),
            variant: plan.variant.clone(),
            environment: plan.environment.name().to_owned(),
            seed: plan.seed,
            phase: "set-up".to_owned(),
            load_ends_ns: plan.load_ends_ns,
            sinks: plan
                .system
                .spec
                .sinks
                .iter()
                .zip(&rules)
                .map(sink)
                .collect(),
            load_percent: 100,
            ..Board::default()
        };
        let sinks = rules.len();
        let brokers = 1..=plan.cluster.brokers;
        board.cluster.brokers = brokers.map(|id| (id, Broker::default())).collect();
        board.faults = plan.faults.iter().map(|fault| row(fault, false)).collect();
        Self {
            tracks: (0..)
                .zip(&plan.loads)
                .map(|(stream, load)| Track::of_stream(stream, sinks, load.events))
                .collect(),
            planned: plan.faults.clone(),
            orders: rules
                .iter()
                .map(|rule| {
                    let lines = OrderCheck::new(plan.loads.len(), IN_LINE_MAX, 0);
                    rule.ordered.then_some(lines)
                })
                .collect(),
            passed: Passed::default(),
            in_flight: BTreeMap::new(),
            gave_up: false,
            rules,
            ignored_stream: plan.probe_stream(),
            board,
        }
    }

    #[must_use]
    pub const fn board(&self) -> &Board {
        &self.board
    }

    /// Takes rows of a history.
    pub fn take(&mut self, batch: Batch<'_>) {
        match batch {
            Batch::Ops(ops) => ops.iter().for_each(|op| self.op(op)),
            Batch::Notes(notes) => notes.iter().for_each(|note| self.note(note)),
        }
    }

    /// A fault that the user causes by hand, from the moment when it is ordered.
    pub fn by_hand(&mut self, fault: &Fault) {
        self.board.faults.push(row(fault, true));
        self.planned.push(fault.clone());
    }

    pub fn set_now(&mut self, now_ns: u64) {
        self.board.now_ns = self.board.now_ns.max(now_ns);
        self.suspect();
        self.age();
    }

    pub fn set_load_percent(&mut self, percent: u32) {
        self.board.load_percent = percent;
    }

    pub fn set_replay(&mut self, replay: Replay) {
        self.board.replay = Some(replay);
    }

    /// The end: what the judge found takes the place of what was known on the way.
    pub fn judged(&mut self, report: &squall_render::Report) {
        self.board.verdict = Some((report.verdict, report.headline.clone()));
        self.board.anomalies = report
            .anomalies
            .iter()
            .map(|anomaly| self.judged_anomaly(anomaly))
            .collect();
    }

    fn judged_anomaly(&self, anomaly: &squall_render::report::Anomaly) -> Anomaly {
        let index = |name: &String| {
            let is = |sink: &SinkRow| sink.name == *name;
            self.board.sinks.iter().position(is)
        };
        Anomaly {
            name: anomaly.name.clone(),
            sink: anomaly
                .sink
                .as_ref()
                .and_then(|name| Some((index(name)?, name.clone()))),
            count: anomaly.count,
            events: anomaly.events.iter().filter_map(|id| event(id)).collect(),
            at_ns: self.board.now_ns,
            suspected: false,
        }
    }

    fn op(&mut self, op: &Op) {
        self.take_op(op, false);
    }

    fn take_op(&mut self, op: &Op, is_replayed: bool) {
        if op.event.stream() == self.ignored_stream && op.event != EventId::UNREADABLE {
            return;
        }
        let sink = usize::from(op.place);
        let stream = usize::from(op.event.stream());
        let Some(track) = self.tracks.get_mut(stream) else {
            if matches!(op.kind, Kind::Effect | Kind::Final) {
                self.anomaly(AnomalyName::Phantom, Some(sink), op.event, op.at);
            }
            return;
        };
        if let Some(is_first) = track.keep_early(op) {
            // It has its place in the line already.
            if is_first {
                self.queue(op);
            }
            return;
        }
        let early = track.early(op);
        let found = track.op(op, &self.rules, &mut self.board);
        if found.phantom {
            self.anomaly(AnomalyName::Phantom, Some(sink), op.event, op.at);
        }
        for &(sink, name) in &found.broken {
            self.anomaly(name, Some(sink), op.event, op.at);
        }
        self.follow(op, &found);
        if found.first_effect && !is_replayed {
            self.queue(op);
        }
        self.line_up(op, &found);
        early.iter().for_each(|op| self.take_op(op, true));
    }

    fn anomaly(&mut self, name: AnomalyName, sink: Option<usize>, event: EventId, at_ns: u64) {
        self.case(name, sink, event, at_ns, false);
    }

    fn case(
        &mut self,
        name: AnomalyName,
        sink: Option<usize>,
        event: EventId,
        at_ns: u64,
        suspected: bool,
    ) {
        let of = sink.and_then(|index| Some((index, self.board.sinks.get(index)?.name.clone())));
        let known = |anomaly: &&mut Anomaly| {
            anomaly.name == name.name() && anomaly.sink == of && anomaly.suspected == suspected
        };
        if let Some(anomaly) = self.board.anomalies.iter_mut().find(known) {
            anomaly.count += 1;
            if anomaly.events.len() < CASES_MAX {
                anomaly.events.push(event);
            }
            return;
        }
        let place = of.as_ref().map_or("", |(_, name)| name.as_str()).to_owned();
        let anomaly = Anomaly {
            name: name.name().to_owned(),
            sink: of,
            count: 1,
            events: vec![event],
            at_ns,
            suspected,
        };
        let text = format!("{} in {place}", anomaly.told());
        self.line(at_ns, LineKind::Anomaly, text);
        self.board.anomalies.push(anomaly);
    }

    fn line(&mut self, at_ns: u64, kind: LineKind, text: String) {
        let events = &mut self.board.events;
        if events.len() == LINES_MAX {
            events.pop_front();
        }
        events.push_back(Arc::new(Line { at_ns, kind, text }));
    }
}

fn row(fault: &Fault, by_hand: bool) -> FaultRow {
    FaultRow {
        name: fault.name.clone(),
        what: format!("{} {}{}", fault.kind.name(), fault.target, fault.terms),
        at_ns: fault.at_ns,
        until_ns: fault.for_ns.map(|length| fault.at_ns + length),
        stage: FaultStage::Planned,
        detail: String::new(),
        by_hand,
    }
}

/// `7421-0-9874`, as reports write it.
fn event(text: &str) -> Option<EventId> {
    let mut parts = text.rsplitn(3, '-');
    let sequence = parts.next()?.parse().ok()?;
    Some(EventId::new(parts.next()?.parse().ok()?, sequence))
}

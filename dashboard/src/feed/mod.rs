//! From the rows of a history, in recorded order, to the [`Board`].

mod cluster;
mod notes;
mod track;

#[cfg(test)]
mod tests;

use crate::board::{Anomaly, Board, FaultRow, FaultStage, LineKind, SinkRow};
use crate::{Broker, Line, Replay};
use squall_check::{EventId, Kind, Op, Semantics};
use squall_history::Batch;
use squall_plan::Plan;
use squall_plan::fault::Fault;
use squall_plan::scenario::Outcome;
use std::sync::Arc;
use track::{Finding, Track};

/// Lines of events that are kept.
const LINES_MAX: usize = 500;
/// Cases of an anomaly that can be inspected.
const CASES_MAX: usize = 100;

/// Takes rows, keeps the board. Counts are of distinct events as far as the feed's window reaches back, so that memory is
/// bounded; the verdict is the judge's.
pub struct Feed {
    board: Board,
    /// By stream.
    tracks: Vec<Track>,
    /// The faults of the plan and those by hand, for what they cut off.
    planned: Vec<Fault>,
    /// By stream and sink: whether an effect must come.
    expects: Vec<Vec<bool>>,
    ignored_stream: u16,
}

impl Feed {
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let sink = |(index, spec): (usize, &squall_plan::system::SinkSpec)| SinkRow {
            name: spec.name.clone(),
            exactly_once: plan
                .expect
                .sinks
                .get(index)
                .is_some_and(|expected| expected.semantics == Semantics::ExactlyOnce),
            ..SinkRow::default()
        };
        let expects = |load: &squall_plan::plan::PlannedLoad| {
            let effect = |outcome: &Outcome| *outcome == Outcome::Effect;
            load.load.outcomes.iter().map(effect).collect()
        };
        let mut board = Board {
            scenario: plan.name.clone(),
            environment: plan.environment.name().to_owned(),
            seed: plan.seed,
            phase: "set-up".to_owned(),
            load_ends_ns: plan.load_ends_ns,
            sinks: plan
                .system
                .spec
                .sinks
                .iter()
                .enumerate()
                .map(sink)
                .collect(),
            load_percent: 100,
            ..Board::default()
        };
        let brokers = 1..=plan.cluster.brokers;
        board.cluster.brokers = brokers.map(|id| (id, Broker::default())).collect();
        board.faults = plan.faults.iter().map(|fault| row(fault, false)).collect();
        Self {
            tracks: plan.loads.iter().map(|_| Track::default()).collect(),
            planned: plan.faults.clone(),
            expects: plan.loads.iter().map(expects).collect(),
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
        }
    }

    fn op(&mut self, op: &Op) {
        if op.event.stream() == self.ignored_stream && op.event != EventId::UNREADABLE {
            return;
        }
        let sink = usize::from(op.place);
        let Some(track) = self.tracks.get_mut(usize::from(op.event.stream())) else {
            if matches!(op.kind, Kind::Effect | Kind::Final) {
                self.anomaly("phantom", Some(sink), op.event, op.at);
            }
            return;
        };
        let expects = self
            .expects
            .get(usize::from(op.event.stream()))
            .map_or(&[][..], Vec::as_slice);
        let found = track.op(op, expects, &mut self.board);
        if let Some(finding) = found {
            let exactly_once = self.board.sinks.get(sink).is_some_and(|s| s.exactly_once);
            let name = match finding {
                Finding::Phantom => "phantom",
                Finding::Rejected => "rejected-effect",
                Finding::Duplicate if exactly_once => "duplicate-effect",
                Finding::Duplicate => return,
            };
            self.anomaly(name, Some(sink), op.event, op.at);
        }
    }

    /// After the final read: what was accepted and is nowhere.
    fn unseen(&mut self, at_ns: u64) {
        for sink in 0..self.board.sinks.len() {
            let mut missing = Vec::new();
            for (stream, (track, expects)) in self.tracks.iter().zip(&self.expects).enumerate() {
                if expects.get(sink).copied().unwrap_or(false) {
                    let stream = u16::try_from(stream).unwrap_or(u16::MAX);
                    missing.extend(track.missing(stream, sink));
                }
            }
            self.board.sinks[sink].unseen = Some(missing.len() as u64);
            for event in missing {
                self.anomaly("unseen", Some(sink), event, at_ns);
            }
        }
    }

    fn anomaly(&mut self, name: &str, sink: Option<usize>, event: EventId, at_ns: u64) {
        let of = sink.and_then(|index| Some((index, self.board.sinks.get(index)?.name.clone())));
        let known = |anomaly: &&mut Anomaly| anomaly.name == name && anomaly.sink == of;
        if let Some(anomaly) = self.board.anomalies.iter_mut().find(known) {
            anomaly.count += 1;
            if anomaly.events.len() < CASES_MAX {
                anomaly.events.push(event);
            }
            return;
        }
        let place = of.as_ref().map_or("", |(_, name)| name.as_str());
        self.line(at_ns, LineKind::Anomaly, format!("{name} in {place}"));
        self.board.anomalies.push(Anomaly {
            name: name.to_owned(),
            sink: of,
            count: 1,
            events: vec![event],
            at_ns,
        });
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

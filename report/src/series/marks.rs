//! What the notes tell: when the phases were, when faults held, what brokers and services did.

use squall_history::{Fact, FaultState, Head, Note, Phase, ServiceState, What};
use squall_plan::Plan;
use std::collections::BTreeMap;

/// Marks of one run at most; the rest is counted.
const MARKS_MAX: usize = 400;

/// Facts of one kind that follow each other within this time are one mark.
const TOGETHER_MS: f64 = 250.0;

/// The frame of a run's time and what stands out in it. `_ms` counts on the load clock, `_ns` since the start of the run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Marks {
    pub head: Head,
    /// Load clock 0.
    pub epoch_ns: u64,
    /// End of the warm-up.
    pub load_starts_ms: f64,
    /// When the last event was due.
    pub load_ends_ms: f64,
    /// End of the drain, or of the history where there was none.
    pub ends_ms: f64,
    /// In the order of the plan.
    pub faults: Vec<FaultBand>,
    /// By time.
    pub marks: Vec<Mark>,
    pub marks_left_out: u64,
    /// The last leader of each partition that was told, with its epoch's text.
    pub leaders: BTreeMap<(String, i32), String>,
}

/// A fault from its injection to its healing.
#[derive(Clone, PartialEq, Debug)]
pub struct FaultBand {
    pub name: String,
    pub from_ns: u64,
    pub until_ns: u64,
    pub from_ms: f64,
    pub until_ms: f64,
    /// Whether it was really injected; else the band is where the plan has it.
    pub injected: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MarkKind {
    Election,
    Rebalance,
    ServiceDown,
    ServiceUp,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Mark {
    pub at_ms: f64,
    pub kind: MarkKind,
    pub text: String,
    /// How often, where several came together.
    pub count: u64,
}

/// Run time to load clock.
pub fn on_load_clock_ms(ns: u64, epoch_ns: u64) -> f64 {
    (ns as f64 - epoch_ns as f64) / 1e6
}

#[derive(Default)]
pub struct Gather {
    marks: Marks,
    epoch: Option<u64>,
    drained: Option<u64>,
    last: u64,
    faults: BTreeMap<String, (Option<u64>, Option<u64>)>,
    raw: Vec<(u64, Mark)>,
}

impl Gather {
    pub fn new(plan: &Plan) -> Self {
        let fault = |fault: &squall_plan::fault::Fault| (fault.name.clone(), (None, None));
        Self {
            faults: plan.faults.iter().map(fault).collect(),
            ..Self::default()
        }
    }

    pub fn note(&mut self, note: &Note) {
        self.last = self.last.max(note.at);
        match &note.what {
            What::Head(head) => self.marks.head = head.clone(),
            What::Phase { name, began } => match (name, began) {
                (Phase::Load, true) => self.epoch = Some(note.at),
                (Phase::Drain, false) => self.drained = Some(note.at),
                _ => {}
            },
            What::Fault { name, state, .. } => {
                // One that the plan does not have has no place to be drawn in.
                if let Some((from, until)) = self.faults.get_mut(name) {
                    match state {
                        FaultState::Injected => *from = Some(note.at),
                        FaultState::Healed => *until = Some(note.at),
                        FaultState::Evidence | FaultState::Failed => {}
                    }
                }
            }
            What::Fact(fact) => self.fact(note.at, fact),
            What::Service {
                name,
                replica,
                state,
                detail,
                ..
            } => self.service(note.at, &format!("{name}/{replica}"), *state, detail),
            _ => {}
        }
    }

    fn fact(&mut self, at: u64, fact: &Fact) {
        let place = || {
            let partition = fact.partition.map(|partition| format!("/{partition}"));
            let topic = fact.topic.clone().unwrap_or_default();
            topic + &partition.unwrap_or_default()
        };
        match fact.kind.as_str() {
            "elected" => {
                if let (Some(topic), Some(partition)) = (&fact.topic, fact.partition) {
                    let text = fact.text.clone();
                    self.marks.leaders.insert((topic.clone(), partition), text);
                }
                self.mark(
                    at,
                    MarkKind::Election,
                    format!("{}: {}", place(), fact.text),
                );
            }
            "rebalanced" => self.mark(at, MarkKind::Rebalance, fact.text.clone()),
            _ => {}
        }
    }

    fn service(&mut self, at: u64, name: &str, state: ServiceState, detail: &str) {
        let (kind, what) = match state {
            ServiceState::Killed => (MarkKind::ServiceDown, "killed"),
            ServiceState::Exited => (MarkKind::ServiceDown, "ended"),
            ServiceState::Stopped => (MarkKind::ServiceDown, "stopped"),
            ServiceState::Ready => (MarkKind::ServiceUp, "ready"),
            ServiceState::Starting => return,
        };
        let text = format!("{name} {what} {detail}").trim_end().to_owned();
        self.mark(at, kind, text);
    }

    fn mark(&mut self, at: u64, kind: MarkKind, text: String) {
        // What comes before the load begins is not drawn, and partitions that get their first leader are many.
        let Some(epoch) = self.epoch else { return };
        if self.drained.is_some() {
            return;
        }
        let at_ms = on_load_clock_ms(at, epoch);
        let near = |mark: &Mark| mark.kind == kind && (at_ms - mark.at_ms).abs() < TOGETHER_MS;
        let same = self.raw.iter_mut().rev().take(8);
        if let Some((_, mark)) = same.into_iter().find(|(_, mark)| near(mark)) {
            mark.count += 1;
            return;
        }
        if self.raw.len() == MARKS_MAX {
            self.marks.marks_left_out += 1;
            return;
        }
        let mark = Mark {
            at_ms,
            kind,
            text,
            count: 1,
        };
        self.raw.push((at, mark));
    }

    pub fn finish(self, plan: &Plan) -> Marks {
        let mut marks = self.marks;
        let epoch = self.epoch.unwrap_or(0);
        let clock = |ns: u64| on_load_clock_ms(ns, epoch);
        marks.epoch_ns = epoch;
        marks.load_starts_ms = plan.load_starts_ns as f64 / 1e6;
        marks.load_ends_ms = plan.load_ends_ns as f64 / 1e6;
        marks.ends_ms = clock(self.drained.unwrap_or(self.last)).max(1.0);
        let mut raw = self.raw;
        raw.sort_by_key(|(at, _)| *at);
        marks.marks = raw.into_iter().map(|(_, mark)| mark).collect();
        let band = |fault: &squall_plan::fault::Fault| {
            let (from, until) = self.faults.get(&fault.name).copied().unwrap_or_default();
            let from_ns = from.unwrap_or(epoch + fault.at_ns);
            let until_ns = until.unwrap_or(self.last).max(from_ns);
            FaultBand {
                name: fault.name.clone(),
                from_ns,
                until_ns,
                from_ms: clock(from_ns),
                until_ms: clock(until_ns),
                injected: from.is_some(),
            }
        };
        marks.faults = plan.faults.iter().map(band).collect();
        marks
    }
}

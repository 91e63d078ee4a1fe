//! What the notes of a history say, gathered in one pass before the operations are judged.

use super::health::TAP_RESOLUTION;
use squall_check::Evaluated;
use squall_history::{
    FaultState, Head, HistoryError, InvariantState, Note, Phase, Reader, ServiceState, What,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Everything that judge and report need of the notes.
#[derive(Debug, Default)]
pub struct Survey {
    pub head: Head,
    /// Load clock 0, in run time.
    pub load_epoch_ns: Option<u64>,
    pub phases: Vec<(Phase, bool, u64)>,
    pub faults: BTreeMap<String, FaultSeen>,
    /// As they were recorded.
    pub fault_notes: Vec<What>,
    /// Key to whether it was shown, and what was seen.
    pub health: BTreeMap<String, (bool, String)>,
    /// By metric and labels; the last value counts.
    pub samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
    pub counters: BTreeMap<(String, String), u64>,
    /// Ends of processes that nobody asked for.
    pub unexpected_exits: Vec<String>,
    pub problems: Vec<String>,
    /// By its name.
    pub invariants: BTreeMap<String, Evaluated>,
    /// Why the run was stopped.
    pub harm: Option<String>,
    pub outcome: Option<String>,
    pub end_ns: u64,
    pub bytes_dropped: u64,
    pub notes: u64,
    pub ops: u64,
}

/// What became of a fault.
#[derive(Debug, Default)]
pub struct FaultSeen {
    pub injected_ns: Option<u64>,
    pub healed_ns: Option<u64>,
    pub evidence: Vec<String>,
}

impl Survey {
    pub fn read(folder: &Path) -> Result<Self, HistoryError> {
        let mut survey = Self::default();
        let mut reader = Reader::open(folder)?;
        while let Some(notes) = reader.next_notes()? {
            notes.iter().for_each(|note| survey.note(note));
        }
        survey.ops = reader.ops_skipped();
        survey.bytes_dropped = reader.tail().bytes_dropped;
        Ok(survey)
    }

    pub fn note(&mut self, note: &Note) {
        self.notes += 1;
        self.end_ns = self.end_ns.max(note.at);
        match &note.what {
            What::Head(head) => self.head = head.clone(),
            What::Phase { name, began } => self.phase(*name, *began, note.at),
            What::Fault {
                name,
                state,
                detail,
            } => {
                self.fault_notes.push(note.what.clone());
                self.fault(name, *state, detail, note.at);
            }
            What::Health { key, ok, detail } => {
                self.health.insert(key.clone(), (*ok, detail.clone()));
            }
            What::Sample {
                metric,
                labels,
                value,
            } => {
                self.samples
                    .insert((metric.clone(), labels.clone()), *value);
            }
            What::Counter {
                source,
                name,
                value,
            } => {
                self.counters.insert((source.clone(), name.clone()), *value);
            }
            What::Service {
                name,
                replica,
                state: ServiceState::Exited,
                detail,
                ..
            } => {
                self.unexpected_exits
                    .push(format!("{name}/{replica} {detail}"));
            }
            What::Problem { source, text } => self.problems.push(format!("{source}: {text}")),
            What::Invariant {
                name,
                state,
                detail,
            } => {
                let detail = detail.clone();
                let evaluated = match state {
                    InvariantState::Met => Evaluated::Met(detail),
                    InvariantState::Broken => Evaluated::Broken(detail),
                    InvariantState::Failed => Evaluated::Failed(detail),
                };
                self.invariants.insert(name.clone(), evaluated);
            }
            What::Harm { detail } => self.harm = Some(detail.clone()),
            What::End { outcome } => self.outcome = Some(outcome.clone()),
            _ => {}
        }
    }

    fn phase(&mut self, name: Phase, began: bool, at: u64) {
        if name == Phase::Load && began {
            self.load_epoch_ns = Some(at);
        }
        self.phases.push((name, began, at));
    }

    fn fault(&mut self, name: &str, state: FaultState, detail: &str, at: u64) {
        let seen = self.faults.entry(name.to_owned()).or_default();
        match state {
            FaultState::Injected => seen.injected_ns = Some(at),
            FaultState::Evidence => seen.evidence.push(detail.to_owned()),
            FaultState::Healed => seen.healed_ns = Some(at),
            FaultState::Failed => {}
        }
    }

    /// When a phase began.
    #[must_use]
    pub fn began_ns(&self, phase: Phase) -> Option<u64> {
        self.phases
            .iter()
            .find(|(name, began, _)| *name == phase && *began)
            .map(|(_, _, at)| *at)
    }

    /// When a phase ended.
    #[must_use]
    pub fn ended_ns(&self, phase: Phase) -> Option<u64> {
        self.phases
            .iter()
            .rfind(|(name, began, _)| *name == phase && !*began)
            .map(|(_, _, at)| *at)
    }

    /// Sinks with how finely they were watched.
    pub fn tap_resolution_ms(&self) -> impl Iterator<Item = (&str, f64)> {
        self.samples.iter().filter_map(|((metric, labels), value)| {
            let sink = labels.get("sink").filter(|_| metric == TAP_RESOLUTION)?;
            Some((sink.as_str(), *value))
        })
    }

    /// A sample without labels.
    #[must_use]
    pub fn sample(&self, metric: &str) -> Option<f64> {
        self.samples
            .get(&(metric.to_owned(), BTreeMap::new()))
            .copied()
    }
}

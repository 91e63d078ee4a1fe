//! Feeds the live view from the recorder's counters, or prints a plain line a few times a run.

use super::phases::phase_name;
use crate::environment::interrupt::Interrupt;
use crate::exit::Failure;
use squall_history::{Fact, FaultState, Note, Recorder, What};
use squall_plan::Plan;
use squall_render::Glyphs;
use squall_render::live::{self, FaultRow, Key, Screen, SinkRow, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_millis(200);
const HISTORY_SECONDS: usize = 600;
const NOTES_SHOWN: usize = 50;

/// The view's thread; dropping it restores the terminal.
pub struct LiveView {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl LiveView {
    /// Takes over the terminal. Keys that ask for an end go to `interrupt`.
    pub fn start(
        plan: &Plan,
        recorder: Recorder,
        began: Instant,
        glyphs: Glyphs,
        interrupt: Interrupt,
    ) -> Result<Self, Failure> {
        let mut screen = Screen::enter(glyphs).map_err(|error| {
            Failure::environment(format!("cannot take over the terminal: {error}"))
                .hint("use --plain")
        })?;
        let mut feed = Feed::new(plan, recorder, began);
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        // An end at once drops nothing.
        let at_once = interrupt.at_second(live::restore);
        let watch = move || {
            let _at_once = at_once;
            while !seen.load(Relaxed) {
                let snapshot = Snapshot {
                    stopping: interrupt.is_requested(),
                    ..feed.snapshot()
                };
                if screen.show(&snapshot).is_err() {
                    return;
                }
                match screen.key(FRAME) {
                    Ok(Some(Key::Stop)) => interrupt.request(),
                    Ok(Some(Key::Interrupt)) => interrupt.press(),
                    Ok(None) => {}
                    Err(_) => return,
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("live-view".to_owned())
            .spawn(watch);
        let thread = thread.map_err(|error| {
            Failure::environment(format!("cannot start the live view: {error}"))
        })?;
        Ok(Self {
            ended,
            thread: Some(thread),
        })
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// High watermarks move all the time, and a client's internal topics are of its own concern: neither is news to a user.
fn is_news(fact: &Fact) -> bool {
    let internal = fact
        .topic
        .as_ref()
        .is_some_and(|topic| topic.starts_with("__"));
    fact.kind != "high-watermark" && !internal
}

/// Turns totals into rates and notes into rows.
struct Feed {
    recorder: Recorder,
    began: Instant,
    snapshot: Snapshot,
    next_note: u64,
    second: u64,
    /// Offered, accepted, and effects by sink at the last whole second.
    last: (u64, u64, Vec<u64>),
    lag: BTreeMap<String, u64>,
}

impl Feed {
    fn new(plan: &Plan, recorder: Recorder, began: Instant) -> Self {
        let sinks = &plan.system.spec.sinks;
        let seconds = |ns: u64| ns as f64 / 1e9;
        let snapshot = Snapshot {
            scenario: plan.name.clone(),
            environment: plan.environment.name().to_owned(),
            seed: plan.seed,
            phase: "set-up".to_owned(),
            planned_s: seconds(plan.load_ends_ns),
            sinks: sinks
                .iter()
                .map(|sink| SinkRow {
                    name: sink.name.clone(),
                    ..SinkRow::default()
                })
                .collect(),
            faults: plan
                .faults
                .iter()
                .map(|fault| FaultRow {
                    name: fault.name.clone(),
                    at_s: seconds(fault.at_ns),
                    until_s: fault.for_ns.map(|for_ns| seconds(fault.at_ns + for_ns)),
                    state: live::FaultState::Planned,
                })
                .collect(),
            ..Snapshot::default()
        };
        Self {
            recorder,
            began,
            snapshot,
            next_note: 0,
            second: 0,
            last: (0, 0, vec![0; sinks.len()]),
            lag: BTreeMap::new(),
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let counters = self.recorder.counters();
        let (notes, next) = counters.notes_from(self.next_note);
        let snapshot = &mut self.snapshot;
        snapshot.offered = counters.offered.load(Relaxed);
        snapshot.accepted = counters.accepted.load(Relaxed);
        snapshot.rejected = counters.rejected.load(Relaxed);
        snapshot.indeterminate = counters.indeterminate.load(Relaxed);
        for (index, sink) in snapshot.sinks.iter_mut().enumerate() {
            sink.effects = counters
                .effects
                .get(index)
                .map_or(0, |count| count.load(Relaxed));
            sink.dead_lettered = counters
                .dead_letters
                .get(index)
                .map_or(0, |count| count.load(Relaxed));
        }
        self.next_note = next;
        notes.iter().for_each(|note| self.note(note));
        self.rates();
        self.snapshot.elapsed_s = self.began.elapsed().as_secs_f64();
        self.snapshot.clone()
    }

    fn rates(&mut self) {
        let second = self.began.elapsed().as_secs();
        let passed = second.saturating_sub(self.second);
        if passed == 0 {
            return;
        }
        let snapshot = &mut self.snapshot;
        let a_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / passed as f64;
        snapshot.offered_rate = a_second(snapshot.offered, self.last.0);
        snapshot.accepted_rate = a_second(snapshot.accepted, self.last.1);
        for (sink, before) in snapshot.sinks.iter_mut().zip(&mut self.last.2) {
            sink.rate = a_second(sink.effects, *before);
            *before = sink.effects;
        }
        snapshot.rate_history.push(snapshot.accepted_rate as u64);
        if snapshot.rate_history.len() > HISTORY_SECONDS {
            snapshot.rate_history.remove(0);
        }
        self.last.0 = snapshot.offered;
        self.last.1 = snapshot.accepted;
        self.second = second;
    }

    fn note(&mut self, note: &Note) {
        let text = match &note.what {
            What::Phase { name, began: true } => {
                self.snapshot.phase = phase_name(*name).to_owned();
                Some(format!("phase: {}", self.snapshot.phase))
            }
            What::Fault {
                name,
                state,
                detail,
            } => {
                self.fault(name, *state);
                Some(format!(
                    "{name} {}: {detail}",
                    format!("{state:?}").to_lowercase()
                ))
            }
            What::Fact(fact) if is_news(fact) => Some(fact.text.clone()),
            What::Service {
                name,
                replica,
                state,
                detail,
                ..
            } => Some(format!(
                "{name}/{replica} {} {detail}",
                format!("{state:?}").to_lowercase()
            )),
            What::Problem { source, text } => Some(format!("{source}: {text}")),
            What::Sample {
                metric,
                labels,
                value,
            } if metric == "lag" => {
                if let Some(group) = labels.get("group") {
                    self.lag.insert(group.clone(), *value as u64);
                    self.snapshot.lag = self
                        .lag
                        .iter()
                        .map(|(group, lag)| (group.clone(), *lag))
                        .collect();
                }
                None
            }
            _ => None,
        };
        if let Some(text) = text {
            self.snapshot.notes.push((note.at as f64 / 1e6, text));
            let excess = self.snapshot.notes.len().saturating_sub(NOTES_SHOWN);
            self.snapshot.notes.drain(..excess);
        }
    }

    fn fault(&mut self, name: &str, state: FaultState) {
        let row = self.snapshot.faults.iter_mut().find(|row| row.name == name);
        if let Some(row) = row {
            row.state = match state {
                FaultState::Injected => live::FaultState::Active,
                FaultState::Evidence => row.state,
                FaultState::Healed => live::FaultState::Healed,
                FaultState::Failed => live::FaultState::Failed,
            };
        }
    }
}

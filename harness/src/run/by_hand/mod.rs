//! Trouble that the user causes by hand from the dashboard: faults and changes of the load, carried out by the phases, and
//! kept so that the session can be written as a scenario.

mod session;
mod tempo;

pub use session::{SESSION_FILE, write};
pub use tempo::Tempo;

use squall_dashboard::Trouble;
use squall_plan::Plan;
use squall_plan::fault::{Fault, FaultKind, Flow, Target, Terms};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SECOND_NS: u64 = 1_000_000_000;
const KILL_FOR_NS: u64 = 15 * SECOND_NS;
const ISOLATE_FOR_NS: u64 = 15 * SECOND_NS;
/// A fault so short that it would end with the load proves nothing.
const LEAST_NS: u64 = SECOND_NS / 10;
/// Steps of the load in percent of the plan.
const STEPS: [u32; 11] = [10, 25, 50, 75, 100, 125, 150, 200, 300, 500, 1000];

/// What was ordered by hand; clones are the same one.
#[derive(Clone)]
pub struct ByHand {
    shared: Arc<Shared>,
}

struct Shared {
    /// Of the load now, 100 as planned.
    percent: AtomicU32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Not taken by the phases yet.
    ordered: Vec<Fault>,
    /// All that were ordered, by time.
    caused: Vec<Fault>,
    /// Load clock and percent, by time.
    changes: Vec<(u64, u32)>,
    /// The load goes on.
    open: bool,
    /// By load: events that were sent, once it has ended.
    sent: Vec<u64>,
}

impl Default for ByHand {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                percent: AtomicU32::new(100),
                state: Mutex::default(),
            }),
        }
    }
}

impl ByHand {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on orders are taken, or no longer.
    pub fn open(&self, open: bool) {
        self.lock().open = open;
    }

    /// Orders a fault that begins now.
    ///
    /// # Errors
    /// Text for the user: why it cannot be.
    pub fn cause(
        &self,
        trouble: Trouble,
        target: Target,
        load_now_ns: u64,
        plan: &Plan,
    ) -> Result<Fault, String> {
        let mut state = self.lock();
        if !state.open {
            return Err("only while the load goes on".to_owned());
        }
        // To the millisecond, as the scenario will have it.
        let at_ns = load_now_ns.div_ceil(1_000_000) * 1_000_000;
        let left = plan.load_ends_ns.saturating_sub(at_ns) / 1_000_000 * 1_000_000;
        if left < LEAST_NS {
            return Err("the load is about to end".to_owned());
        }
        let (word, kind, length_ns, terms) = match trouble {
            Trouble::Kill => ("kill", FaultKind::Kill, KILL_FOR_NS, Terms::None),
            Trouble::Isolate => {
                let from = vec![Target::Brokers, Target::Controller];
                let flow = Flow::Both;
                let terms = Terms::Apart { from, flow };
                ("isolate", FaultKind::Isolate, ISOLATE_FOR_NS, terms)
            }
        };
        let fault = Fault {
            name: format!("{word}-by-hand-{}", state.caused.len() + 1),
            at_ns,
            for_ns: Some(length_ns.min(left)),
            kind,
            target,
            terms,
            prove: Vec::new(),
            // It may find nothing to bite: nobody promised that it would.
            drawn: true,
        };
        let planned = plan.faults.iter().chain(&state.caused);
        if let Some(other) = planned.into_iter().find(|other| clash(other, &fault)) {
            return Err(format!("{} has it in hand already", other.name));
        }
        state.ordered.push(fault.clone());
        state.caused.push(fault.clone());
        Ok(fault)
    }

    /// One step more load or less; the percent of the plan that it is then.
    ///
    /// # Errors
    /// Text for the user.
    pub fn change_load(&self, more: bool, load_now_ns: u64) -> Result<u32, String> {
        let mut state = self.lock();
        if !state.open {
            return Err("only while the load goes on".to_owned());
        }
        let now = self.shared.percent.load(Relaxed);
        let next = match more {
            true => STEPS.into_iter().find(|step| *step > now),
            false => STEPS.into_iter().rev().find(|step| *step < now),
        };
        let next = next.ok_or_else(|| format!("{now} % is as far as it goes"))?;
        state.changes.push((load_now_ns, next));
        self.shared.percent.store(next, Relaxed);
        Ok(next)
    }

    /// Faults that were ordered since the last time.
    pub fn take(&self) -> Vec<Fault> {
        std::mem::take(&mut self.lock().ordered)
    }

    fn percent(&self) -> u32 {
        self.shared.percent.load(Relaxed)
    }

    /// A fault that came to nothing is no part of the session.
    pub fn forget(&self, name: &str) {
        self.lock().caused.retain(|fault| fault.name != name);
    }

    /// The load has ended with so many events, by load.
    pub fn sent(&self, events: Vec<u64>) {
        self.lock().sent = events;
    }

    #[must_use]
    pub fn load_changed(&self) -> bool {
        !self.lock().changes.is_empty()
    }
}

/// Whether a scenario with both would be refused.
fn clash(one: &Fault, other: &Fault) -> bool {
    let end = |fault: &Fault| {
        let length = fault.for_ns.unwrap_or(u64::MAX / 2);
        fault.at_ns.saturating_add(length)
    };
    let apart = end(one) <= other.at_ns || end(other) <= one.at_ns;
    let exclusive = one.kind.row().exclusive && other.kind.row().exclusive;
    exclusive && !apart && (one.target.covers(&other.target) || other.target.covers(&one.target))
}

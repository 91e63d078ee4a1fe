//! What is wrong with sinks at present, and what met it.

use crate::kernel::{Kernel, MS, Nanos, SECOND};
use squall_plan::fault::{Fault, SinkTrouble, Terms};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// By path of a database or a mail folder, the latest last: one may begin in the moment in which another ends.
#[derive(Default)]
pub struct Troubles {
    by_path: RefCell<BTreeMap<String, Vec<Trouble>>>,
}

struct Trouble {
    fault: String,
    kind: SinkTrouble,
    terms: Terms,
    met: u64,
}

/// How an attempt goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    Ordinary,
    /// Done so much later.
    Late(Nanos),
    /// Refused for now.
    Refused,
}

/// As long as a writer waits for a lock, unless it says otherwise.
pub const BUSY_NS: Nanos = 2 * SECOND;
/// A connection on one machine is refused at once.
pub const REFUSED_NS: Nanos = MS;

impl Troubles {
    pub fn begin(&self, path: &str, kind: SinkTrouble, fault: &Fault) {
        let trouble = Trouble {
            fault: fault.name.clone(),
            kind,
            terms: fault.terms.clone(),
            met: 0,
        };
        let mut all = self.by_path.borrow_mut();
        all.entry(path.to_owned()).or_default().push(trouble);
    }

    pub fn end(&self, path: &str, fault: &str) {
        if let Some(troubles) = self.by_path.borrow_mut().get_mut(path) {
            troubles.retain(|trouble| trouble.fault != fault);
        }
    }

    /// Attempts that met a fault that is in force.
    pub fn met(&self, path: &str, fault: &str) -> u64 {
        let all = self.by_path.borrow();
        let own = |trouble: &&Trouble| trouble.fault == fault;
        let found = all.get(path).and_then(|all| all.iter().find(own));
        found.map_or(0, |trouble| trouble.met)
    }

    /// Draws only where something is wrong.
    pub fn turn(&self, path: &str, kernel: &Rc<Kernel>) -> Turn {
        let mut all = self.by_path.borrow_mut();
        let Some(trouble) = all.get_mut(path).and_then(|all| all.last_mut()) else {
            return Turn::Ordinary;
        };
        let turn = match (trouble.kind, &trouble.terms) {
            (SinkTrouble::Down, _) => Turn::Refused,
            (SinkTrouble::Slow, Terms::Slow { by_ns }) => Turn::Late(*by_ns),
            (SinkTrouble::Error, Terms::Errors { per_mille, .. })
                if kernel.below("sink-error", 0, 1000) < u64::from(*per_mille) =>
            {
                Turn::Refused
            }
            _ => Turn::Ordinary,
        };
        if turn != Turn::Ordinary {
            trouble.met += 1;
        }
        turn
    }
}

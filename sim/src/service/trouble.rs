//! What is wrong with sinks at present, and what met it.

use crate::kernel::{Kernel, MS, Nanos, SECOND};
use squall_plan::fault::{SinkTrouble, Terms};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// By path of a database or a mail folder.
#[derive(Default)]
pub struct Troubles {
    by_path: RefCell<BTreeMap<String, Trouble>>,
}

struct Trouble {
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
    pub fn begin(&self, path: &str, kind: SinkTrouble, terms: &Terms) {
        let trouble = Trouble {
            kind,
            terms: terms.clone(),
            met: 0,
        };
        self.by_path.borrow_mut().insert(path.to_owned(), trouble);
    }

    pub fn end(&self, path: &str) {
        self.by_path.borrow_mut().remove(path);
    }

    /// Attempts that met what is wrong now.
    pub fn met(&self, path: &str) -> u64 {
        self.by_path.borrow().get(path).map_or(0, |it| it.met)
    }

    /// Draws only where something is wrong.
    pub fn turn(&self, path: &str, kernel: &Rc<Kernel>) -> Turn {
        let mut all = self.by_path.borrow_mut();
        let Some(trouble) = all.get_mut(path) else {
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

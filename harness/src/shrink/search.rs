//! The search: a candidate that shows the violation is the next to be cut down.

use super::{Signature, Trial};
use crate::exit::Failure;
use squall_plan::Plan;
use squall_plan::fault::Fault;
use squall_plan::plan::Environment;
use squall_plan::scenario::Draft;
use std::path::PathBuf;

/// Cuts of the load that are tried at most.
const CUTS_MAX: usize = 4;
/// What is left of the load behind the last fault's end, at least: effects of it may take a while to show.
const BEHIND_NS: u64 = 1_000_000_000;

/// A step that was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// `without leader-lost`, `load ends at 6.0 s`.
    pub what: String,
    /// What was seen of the violation; `None`: it was gone, and the step taken back.
    pub still: Option<String>,
}

/// The smallest scenario that was found.
#[derive(Debug)]
pub struct Shrunk {
    pub file: PathBuf,
    pub signature: Signature,
    pub plan: Plan,
    pub original: Plan,
    /// Runs that it took.
    pub runs: u64,
}

/// The state of the search.
pub struct Search {
    pub(super) original: Plan,
    pub(super) signature: Signature,
    pub(super) trial: Trial,
    pub(super) draft: Draft,
    pub(super) plan: Plan,
}

impl Search {
    pub fn new(
        original: Plan,
        signature: Signature,
        trial: Trial,
        draft: Draft,
    ) -> Result<Self, Failure> {
        Ok(Self {
            plan: trial.plan(&draft, original.seed)?,
            original,
            signature,
            trial,
            draft,
        })
    }

    pub fn run(mut self, tell: &mut dyn FnMut(&Step)) -> Result<Shrunk, Failure> {
        self.refuse_other_faults()?;
        self.first(tell)?;
        self.write_out(tell)?;
        self.faults(tell)?;
        self.load(tell)?;
        if self.plan.environment == Environment::Sim {
            self.smaller(tell)?;
        }
        self.end()
    }

    /// Another environment may draw other faults from the same seed.
    fn refuse_other_faults(&self) -> Result<(), Failure> {
        let names = |plan: &Plan| -> Vec<String> {
            plan.faults.iter().map(|fault| fault.name.clone()).collect()
        };
        if names(&self.plan) == names(&self.original) {
            return Ok(());
        }
        let message = format!(
            "{} draws other faults from this seed than {} did",
            self.plan.environment.name(),
            self.original.environment.name()
        );
        Err(Failure::bad_input(message).hint("leave --on out"))
    }

    /// The scenario as it is must show the violation, or nothing can be said of a smaller one.
    fn first(&mut self, tell: &mut dyn FnMut(&Step)) -> Result<(), Failure> {
        let draft = self.draft.clone();
        if self.attempt("as it was run".to_owned(), draft, tell)? {
            return Ok(());
        }
        let message = format!(
            "the scenario does not show {} again in {}",
            self.signature,
            squall_check::counted(self.trial.tries, "run")
        );
        Err(Failure::new(crate::exit::Exit::Inconclusive, message)
            .hint("it comes by chance: give --tries more, or look for it with --repeat"))
    }

    /// Takes out faults in halves, quarters and one by one, as long as one more can go.
    fn faults(&mut self, tell: &mut dyn FnMut(&Step)) -> Result<(), Failure> {
        if self.plan.faults.len() > 1 {
            let draft = self.draft.without_faults();
            if self.attempt("without any fault".to_owned(), draft, tell)? {
                return Ok(());
            }
        }
        let mut at_once = (self.plan.faults.len() / 2).max(1);
        while self.plan.faults.len() > 1 {
            let smaller = self.without(at_once, tell)?;
            if at_once > 1 {
                at_once /= 2;
            } else if !smaller {
                break;
            }
        }
        Ok(())
    }

    /// One pass over the faults, so many of them at once.
    fn without(&mut self, at_once: usize, tell: &mut dyn FnMut(&Step)) -> Result<bool, Failure> {
        let names: Vec<String> = self.names(|_| true);
        let mut smaller = false;
        for gone in names.chunks(at_once) {
            if self.plan.faults.len() <= gone.len() {
                break;
            }
            let mut draft = self.draft.clone();
            let mut drawn = self.names(|fault| fault.drawn);
            for name in gone {
                draft = draft.without_fault(name, &drawn);
                drawn.retain(|other| other != name);
            }
            smaller |= self.attempt(format!("without {}", gone.join(", ")), draft, tell)?;
        }
        Ok(smaller)
    }

    pub(super) fn names(&self, of: impl Fn(&Fault) -> bool) -> Vec<String> {
        let faults = self.plan.faults.iter().filter(|fault| of(fault));
        faults.map(|fault| fault.name.clone()).collect()
    }

    /// Halves what comes after the last fault. Where the seed draws faults the load stays, for the draw goes by its length.
    fn load(&mut self, tell: &mut dyn FnMut(&Step)) -> Result<(), Failure> {
        if self.plan.faults.iter().any(|fault| fault.drawn) {
            return Ok(());
        }
        let ends = |fault: &Fault| fault.at_ns + fault.for_ns.unwrap_or(0);
        let last_ns = self.plan.faults.iter().map(ends).max().unwrap_or(0);
        for _ in 0..CUTS_MAX {
            let warm_up_ns = self.plan.load_starts_ns;
            let (from, to) = (last_ns.max(warm_up_ns) + BEHIND_NS, self.plan.load_ends_ns);
            let cut_ns = from + to.saturating_sub(from) / 2;
            if cut_ns + BEHIND_NS / 2 > to {
                return Ok(());
            }
            let Some(draft) = self.draft.ending_at(cut_ns - warm_up_ns) else {
                return Ok(());
            };
            let what = format!("load ends at {:.1} s", cut_ns as f64 / 1e9);
            if !self.attempt(what, draft, tell)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Runs a candidate, and keeps it when it shows the violation.
    pub(super) fn attempt(
        &mut self,
        what: String,
        draft: Draft,
        tell: &mut dyn FnMut(&Step),
    ) -> Result<bool, Failure> {
        let seen = match self.trial.seen(&draft, &self.signature)? {
            Some((plan, seen)) => {
                self.draft = draft;
                self.plan = plan;
                Some(seen)
            }
            None => None,
        };
        let shown = seen.is_some();
        tell(&Step { what, still: seen });
        Ok(shown)
    }

    fn end(self) -> Result<Shrunk, Failure> {
        let draft = self.draft.expecting(&self.signature.anomalies());
        self.trial.write(&draft, &self.original, &self.plan)?;
        Ok(Shrunk {
            file: self.trial.file,
            signature: self.signature,
            plan: self.plan,
            original: self.original,
            runs: self.trial.runs,
        })
    }
}

impl Shrunk {
    /// What went, on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let events = |plan: &Plan| plan.loads.iter().map(|load| load.events).sum::<u64>();
        let processes = |plan: &Plan| plan.system.scale.values().sum::<u32>();
        format!(
            "SHRUNK  {}  faults={} of {} load={:.1}s of {:.1}s events={} of {} processes={} of {} runs={}",
            self.signature,
            self.plan.faults.len(),
            self.original.faults.len(),
            self.plan.load_ends_ns as f64 / 1e9,
            self.original.load_ends_ns as f64 / 1e9,
            events(&self.plan),
            events(&self.original),
            processes(&self.plan),
            processes(&self.original),
            self.runs,
        )
    }
}

//! From a violated run to the smallest scenario that still shows the same violation: faults are taken out one by one, then the load is cut
//! short behind the last of them. Every candidate is written as YAML, read back and run, so that what is left replays as it stands.

mod signature;
mod trial;

#[cfg(test)]
mod tests;

pub use signature::Signature;
pub use trial::{Trial, on};

use crate::cli::problems;
use crate::exit::Failure;
use crate::verdict;
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Draft, Files, Request};
use std::path::{Path, PathBuf};

/// Name of the smaller scenario, in the folder of the run.
pub const SHRUNK_FILE: &str = "shrunk.yaml";

/// Cuts of the load that are tried at most.
const CUTS_MAX: usize = 4;
/// What is left of the load behind the last fault's end, at least: effects of it may take a while to show.
const BEHIND_NS: u64 = 1_000_000_000;

/// What is to be cut down, and how.
pub struct Shrink<'a> {
    /// The run's folder.
    pub run: &'a Path,
    /// Where candidates run; `None`: where the run did.
    pub environment: Option<Environment>,
    /// Runs of one candidate until it counts as clean.
    pub tries: u64,
}

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
    pub faults_before: usize,
    pub load_before_ns: u64,
    /// Runs that it took.
    pub runs: u64,
}

/// The state of the search.
struct Search<'a> {
    original: Plan,
    signature: Signature,
    trial: Trial<'a>,
    draft: Draft,
    plan: Plan,
}

/// Shrinks a run. `tell` hears of every step.
///
/// # Errors
/// When the run is not violated, does not carry its scenario, or does not show its violation again.
pub fn run(shrink: &Shrink<'_>, tell: &mut dyn FnMut(&Step)) -> Result<Shrunk, Failure> {
    let judged = verdict::judge(shrink.run)?;
    let signature = Signature::of(&judged.judgement).ok_or_else(|| {
        Failure::bad_input("the run is not violated, so there is nothing to shrink")
            .hint("name a run that is; `squall runs` lists them")
    })?;
    let environment = shrink.environment.unwrap_or(judged.plan.environment);
    // `latest` will be another run's before long.
    let folder = shrink
        .run
        .canonicalize()
        .unwrap_or_else(|_| shrink.run.to_owned());
    let file = folder.join(SHRUNK_FILE);
    let draft = draft(&judged.plan, &file)?;
    let trial = Trial::new(&judged.plan, environment, file, shrink);
    let mut search = Search {
        plan: trial.plan(&draft, judged.plan.seed)?,
        original: judged.plan,
        signature,
        trial,
        draft,
    };
    search.refuse_other_faults()?;
    search.first(tell)?;
    search.faults(tell)?;
    search.load(tell)?;
    search.end()
}

/// The scenario of a plan as it was run, its system file where the smaller one will find it.
fn draft(plan: &Plan, file: &Path) -> Result<Draft, Failure> {
    if plan.text.is_empty() {
        return Err(Failure::bad_input(
            "the run does not carry its scenario: it is of an older version",
        )
        .hint("run it again"));
    }
    let request = Request {
        variant: plan.variant.clone(),
        sets: plan.sets.clone(),
    };
    let draft = Draft::of(&plan.file, &plan.text, &request).map_err(problems)?;
    let Some(system) = draft.system_file() else {
        return Ok(draft);
    };
    let beside = |file: &Path| squall_plan::scenario::Disk::beside(file).find(system);
    let (was, now) = (beside(Path::new(&plan.file)), beside(file));
    Ok(match (was, now) {
        (Ok((was, folder)), now) if now.as_ref().map(|(text, _)| text).ok() != Some(&was) => {
            let name = Path::new(system).file_name().unwrap_or_default();
            let path = Path::new(&folder).join(name);
            let path = path.canonicalize().unwrap_or(path);
            draft.with_system_file(&path.display().to_string())
        }
        _ => draft,
    })
}

impl Search<'_> {
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

    /// Takes out one fault after the other, and begins anew as long as one more can go.
    fn faults(&mut self, tell: &mut dyn FnMut(&Step)) -> Result<(), Failure> {
        if self.plan.faults.len() > 1 {
            let draft = self.draft.without_faults();
            if self.attempt("without any fault".to_owned(), draft, tell)? {
                return Ok(());
            }
        }
        loop {
            let names: Vec<String> = self.names(|_| true);
            let mut smaller = false;
            for name in &names {
                if self.plan.faults.len() == 1 {
                    return Ok(());
                }
                let drawn = self.names(|fault| fault.drawn);
                let draft = self.draft.without_fault(name, &drawn);
                smaller |= self.attempt(format!("without {name}"), draft, tell)?;
            }
            if !smaller {
                return Ok(());
            }
        }
    }

    fn names(&self, of: impl Fn(&squall_plan::fault::Fault) -> bool) -> Vec<String> {
        let faults = self.plan.faults.iter().filter(|fault| of(fault));
        faults.map(|fault| fault.name.clone()).collect()
    }

    /// Halves what comes after the last fault. Where the seed draws faults the load stays, for the draw goes by its length.
    fn load(&mut self, tell: &mut dyn FnMut(&Step)) -> Result<(), Failure> {
        if self.plan.faults.iter().any(|fault| fault.drawn) {
            return Ok(());
        }
        let ends = |fault: &squall_plan::fault::Fault| fault.at_ns + fault.for_ns.unwrap_or(0);
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
    fn attempt(
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
            faults_before: self.original.faults.len(),
            load_before_ns: self.original.load_ends_ns,
            plan: self.plan,
            runs: self.trial.runs,
        })
    }
}

//! From a violated run, or a violated seed of a sweep, to the smallest scenario that still shows the same violation: what the seed drew is
//! written out, faults are taken out in halves and one by one, the load is cut short behind the last of them; in the simulator, where a
//! run takes no time, the events are thinned out, what is left of the faults gets shorter and rounder, and services, partitions and
//! replicas become fewer. Every candidate is written as YAML, read back and run, so that what is left replays as it stands.
//!
//! The search is deterministic: its bound is a number of runs, not a time.

mod search;
mod signature;
mod smaller;
mod trial;

#[cfg(test)]
mod tests;

pub use search::{Shrunk, Step};
pub use signature::Signature;
pub use trial::{Trial, on};

use crate::cli::problems;
use crate::exit::Failure;
use crate::verdict;
use search::Search;
use squall_check::Judgement;
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Draft, Files, Request};
use std::path::{Path, PathBuf};

/// Name of the smaller scenario, in the folder of the run.
pub const SHRUNK_FILE: &str = "shrunk.yaml";
/// Seeds of a candidate in which the violation must not show to be gone, where a sweep's seed is shrunk.
const TRIES_OF_A_SEED: u64 = 6;

/// What is to be cut down, and how.
pub struct Shrink<'a> {
    /// The run's folder.
    pub run: &'a Path,
    /// Where candidates run; `None`: where the run did.
    pub environment: Option<Environment>,
    /// Runs of one candidate until it counts as clean.
    pub tries: u64,
    /// Runs at most.
    pub runs_max: u64,
}

/// Shrinks a run. `tell` hears of every step.
///
/// # Errors
/// When the run is not violated, does not carry its scenario, or does not show its violation again.
pub fn run(shrink: &Shrink<'_>, tell: &mut dyn FnMut(&Step)) -> Result<Shrunk, Failure> {
    let judged = verdict::judge(shrink.run)?;
    let signature = signature_of(&judged.judgement)?;
    let environment = shrink.environment.unwrap_or(judged.plan.environment);
    // `latest` will be another run's before long.
    let folder = shrink
        .run
        .canonicalize()
        .unwrap_or_else(|_| shrink.run.to_owned());
    let file = folder.join(SHRUNK_FILE);
    let draft = draft(&judged.plan, &file)?;
    let mut trial = Trial::new(&judged.plan, environment, file, folder.join("shrink"));
    (trial.tries, trial.runs_max) = (shrink.tries, shrink.runs_max);
    Search::new(judged.plan, signature, trial, draft)?.run(tell)
}

/// Shrinks a seed of a sweep, of which the plan and the judgement are at hand, to a scenario in `file`.
///
/// # Errors
/// As [`run`].
pub fn seed(
    plan: &Plan,
    judgement: &Judgement,
    file: &Path,
    runs_max: u64,
    tell: &mut dyn FnMut(&Step),
) -> Result<Shrunk, Failure> {
    let signature = signature_of(judgement)?;
    let draft = draft(plan, file)?;
    let mut trial = Trial::new(plan, Environment::Sim, file.to_owned(), PathBuf::new());
    (trial.tries, trial.runs_max) = (TRIES_OF_A_SEED, runs_max);
    Search::new(plan.clone(), signature, trial, draft)?.run(tell)
}

fn signature_of(judgement: &Judgement) -> Result<Signature, Failure> {
    Signature::of(judgement).ok_or_else(|| {
        Failure::bad_input("the run is not violated, so there is nothing to shrink")
            .hint("name a run that is; `squall runs` lists them")
    })
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

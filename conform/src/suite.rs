//! The two questions: does what our cluster does satisfy the specification, and does a real one do the same?

use crate::arm::{Arm, Embedded};
use crate::exceptions;
use crate::run::{Outcome, RunError, run};
use crate::seen::Seen;
use crate::step::{Sequence, Step};
use crate::{shrink, spec, text};
use squall_model::kafka::Defects;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How many runs a counterexample may cost.
const SHRINK_TRIES: usize = 400;
const SHRINK_TRIES_REAL: usize = 40;
/// On a real cluster a disturbed sequence takes half a minute: no further try begins after this.
const SHRINK_WITHIN_REAL: Duration = Duration::from_secs(180);

/// Runs a sequence on a fresh embedded cluster.
///
/// # Errors
/// When the cluster cannot be handled.
pub fn embedded(sequence: &Sequence, defects: Defects) -> Result<Outcome, RunError> {
    let mut arm = Embedded::start(defects)?;
    run(sequence, &mut arm, "s", None)
}

/// What is wrong with our cluster, shrunk, as a text to replay; `None` if nothing is.
///
/// # Errors
/// When the cluster cannot be handled.
pub fn check(
    sequence: &Sequence,
    defects: Defects,
    shrinks: bool,
) -> Result<Option<String>, RunError> {
    let outcome = embedded(sequence, defects)?;
    let wrong = spec::violations(sequence, &outcome);
    if wrong.is_empty() {
        return Ok(None);
    }
    if !shrinks {
        return Ok(Some(tell(sequence, &outcome, &wrong)));
    }
    let small = shrink::shrink(sequence, SHRINK_TRIES, |shorter| {
        let outcome = embedded(shorter, defects)?;
        Ok::<_, RunError>(!spec::violations(shorter, &outcome).is_empty())
    })?;
    let outcome = embedded(&small, defects)?;
    Ok(Some(tell(
        &small,
        &outcome,
        &spec::violations(&small, &outcome),
    )))
}

/// The first of these seeds that fails, and with what.
///
/// # Errors
/// When a cluster cannot be handled.
pub fn first_failure(
    seeds: impl Iterator<Item = u64>,
    defects: Defects,
) -> Result<Option<(u64, String)>, RunError> {
    for seed in seeds {
        let sequence = crate::generate::sequence(seed);
        let outcome = embedded(&sequence, defects)?;
        if let Some(what) = spec::violations(&sequence, &outcome).into_iter().next() {
            return Ok(Some((seed, what)));
        }
    }
    Ok(None)
}

/// A sequence with what was seen of each step, and what is wrong. Can be replayed: all but the steps is comment.
#[must_use]
pub fn tell(sequence: &Sequence, outcome: &Outcome, wrong: &[String]) -> String {
    let mut told = String::new();
    for what in wrong {
        let _ = writeln!(told, "# {what}");
    }
    let lines = text::write(sequence);
    let mut lines = lines.lines();
    let _ = writeln!(told, "{}", lines.next().unwrap_or_default());
    for (index, line) in lines.enumerate() {
        let _ = writeln!(told, "{line}");
        if let Some(noted) = outcome.noted.get(index) {
            let _ = writeln!(told, "#   {index}: {:?}", noted.seen);
        }
    }
    told
}

/// A difference between the arms.
#[derive(Clone, Debug)]
pub struct Difference {
    pub index: usize,
    pub ours: Seen,
    pub theirs: Seen,
}

/// What came of comparing one sequence.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Steps that were alike.
    pub alike: usize,
    /// Steps that differ for a known reason, by its name.
    pub excepted: BTreeMap<&'static str, usize>,
    /// The first step that differs for no known reason; what follows it may follow from it.
    pub difference: Option<Difference>,
    /// What the specification says against the other cluster.
    pub theirs_wrong: Vec<String>,
}

/// Compares a sequence's outcome on ours with another cluster's.
#[must_use]
pub fn compare(sequence: &Sequence, ours: &Outcome, theirs: &Outcome) -> Comparison {
    let mut comparison = Comparison {
        theirs_wrong: spec::violations(sequence, theirs),
        ..Comparison::default()
    };
    if sequence.rough {
        return comparison;
    }
    for (index, (our, their)) in ours.noted.iter().zip(&theirs.noted).enumerate() {
        if our.seen == their.seen {
            comparison.alike += 1;
            continue;
        }
        let before = sequence.steps.get(..index).unwrap_or_default();
        match exceptions::find(&our.step, before, &our.seen, &their.seen) {
            Some(exception) => *comparison.excepted.entry(exception.name).or_default() += 1,
            None => {
                comparison.difference = Some(Difference {
                    index,
                    ours: our.seen.clone(),
                    theirs: their.seen.clone(),
                });
                return comparison;
            }
        }
    }
    compare_ends(sequence, ours, theirs, &mut comparison);
    comparison
}

fn compare_ends(
    sequence: &Sequence,
    ours: &Outcome,
    theirs: &Outcome,
    comparison: &mut Comparison,
) {
    let index = ours.noted.len();
    for (place, our) in &ours.last {
        if theirs.last.get(place) != Some(our) && comparison.difference.is_none() {
            let their = theirs.last.get(place).cloned().unwrap_or_default();
            comparison.difference = Some(Difference {
                index,
                ours: Seen::Fetched(our.clone()),
                theirs: Seen::Fetched(their),
            });
        }
    }
    for (group, our) in &ours.groups {
        let their = theirs.groups.get(group).unwrap_or(&Seen::NoAnswer);
        let step = Step::FetchOffsets { group: *group };
        if their == our || comparison.difference.is_some() {
            continue;
        }
        if let Some(exception) = exceptions::find(&step, &sequence.steps, our, their) {
            *comparison.excepted.entry(exception.name).or_default() += 1;
        } else {
            comparison.difference = Some(Difference {
                index,
                ours: our.clone(),
                theirs: their.clone(),
            });
        }
    }
}

/// Runs a sequence on ours and on `real`, and compares.
///
/// # Errors
/// When a cluster cannot be handled.
pub fn both(sequence: &Sequence, real: &mut dyn Arm, prefix: &str) -> Result<Comparison, RunError> {
    let ours = embedded(sequence, Defects::default())?;
    let like = (!sequence.rough).then_some(&ours);
    let theirs = run(sequence, real, prefix, like)?;
    Ok(compare(sequence, &ours, &theirs))
}

/// The smallest sequence found that differs still.
///
/// # Errors
/// When a cluster cannot be handled.
pub fn shrink_difference(
    sequence: &Sequence,
    real: &mut dyn Arm,
    prefix: &str,
) -> Result<Sequence, RunError> {
    let mut nth = 0;
    let begun = Instant::now();
    shrink::shrink(sequence, SHRINK_TRIES_REAL, |shorter| {
        if begun.elapsed() > SHRINK_WITHIN_REAL {
            return Ok(false);
        }
        nth += 1;
        let comparison = both(shorter, real, &format!("{prefix}-{nth}"))?;
        Ok(comparison.difference.is_some())
    })
}

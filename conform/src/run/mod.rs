//! Runs a sequence against a cluster and notes what a client sees.

mod admin;
mod batch;
mod begin;
mod book;
mod disturb;
mod groups;
mod link;
mod records;

pub use book::{Detail, SentBatch, Stamp};
pub use records::FIRST_TIMESTAMP;

use crate::arm::{Arm, ArmError};
use crate::exceptions;
use crate::seen::{Fetched, Seen};
use crate::step::{At, EpochClaim, Place, Sequence, Step, To};
use book::Book;
use link::Links;
use std::collections::BTreeMap;
use thiserror::Error;

/// A step, what was seen of it, and what an oracle needs to know besides.
#[derive(Clone, PartialEq, Debug)]
pub struct Noted {
    pub step: Step,
    pub seen: Seen,
    pub detail: Detail,
}

/// Everything that a sequence brought forth.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    pub noted: Vec<Noted>,
    /// Every partition that exists at the end, read from its beginning to its end from the healed cluster.
    pub last: BTreeMap<Place, Fetched>,
    /// The committed offsets of every group at the end.
    pub groups: BTreeMap<u8, Seen>,
    /// `Some` when the cluster did not come to rest.
    pub restless: Option<String>,
}

#[derive(Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    Arm(#[from] ArmError),
}

/// For an answer of a broker that is awake.
const ANSWER_MS: u64 = 15_000;
/// How long a cluster that differs is given to become like the other.
const LIKENESS_MS: u64 = 4_000;

/// One sequence on one cluster.
pub struct Runner<'a> {
    arm: &'a mut dyn Arm,
    links: Links,
    book: Book,
    rough: bool,
    /// Index of the step in work: values are made of it.
    index: usize,
}

/// Runs a sequence; `prefix` keeps its names apart from those of others on the same cluster. With `like` every step is compared, and reads and
/// refusals that a changing cluster gives in passing are tried again until they are alike or patience ends.
///
/// # Errors
/// When the cluster itself cannot be handled; what it answers is never an error.
pub fn run(
    sequence: &Sequence,
    arm: &mut dyn Arm,
    prefix: &str,
    like: Option<&Outcome>,
) -> Result<Outcome, RunError> {
    let mut runner = Runner {
        arm,
        links: Links::default(),
        book: Book::new(prefix),
        rough: sequence.rough,
        index: 0,
    };
    let mut outcome = Outcome::default();
    runner.begin()?;
    for (index, step) in sequence.steps.iter().enumerate() {
        runner.index = index;
        let wanted = like.and_then(|like| like.noted.get(index)).map(|n| &n.seen);
        let before = &sequence.steps[..index];
        let noted = runner.step_like(step, before, wanted)?;
        // What comes after a difference differs by it.
        let differs = wanted.is_some_and(|wanted| !is_alike(step, before, wanted, &noted.seen));
        outcome.noted.push(noted);
        if differs {
            break;
        }
        if let Some(what) = runner.book.restless.take() {
            outcome.restless = Some(what);
            break;
        }
    }
    runner.index = sequence.steps.len();
    runner.finish(&sequence.steps, like, &mut outcome)?;
    Ok(outcome)
}

impl Runner<'_> {
    fn step_like(
        &mut self,
        step: &Step,
        before: &[Step],
        wanted: Option<&Seen>,
    ) -> Result<Noted, RunError> {
        let mut waited = 0;
        loop {
            if step.only_reads() && !self.rough {
                self.arm.pass(self.arm.rest_ms())?;
            }
            let (seen, detail) = self.step(step)?;
            let alike = wanted.is_none_or(|wanted| is_alike(step, before, wanted, &seen));
            let again = step.only_reads() || is_passing(&seen);
            if alike || !again || waited >= LIKENESS_MS {
                return Ok(Noted {
                    step: step.clone(),
                    seen,
                    detail,
                });
            }
            self.arm.pass(50)?;
            waited += 50;
        }
    }

    fn step(&mut self, step: &Step) -> Result<(Seen, Detail), RunError> {
        let plain = |seen: Seen| (seen, Detail::None);
        Ok(match step {
            Step::CreateTopic(new) => plain(self.create_topic(new)?),
            Step::DeleteTopic { topic } => plain(self.delete_topic(*topic)?),
            Step::CreatePartitions { topic, count } => {
                plain(self.create_partitions(*topic, *count)?)
            }
            Step::DescribeConfigs { topic } => plain(self.describe_configs(*topic)?),
            Step::Metadata { topic } => plain(self.see_topic(*topic)?),
            Step::Produce(produce) => self.produce(produce)?,
            Step::Burst {
                place,
                producer,
                batches,
            } => self.burst(*place, *producer, *batches)?,
            Step::InitProducer { producer, bump } => plain(self.init_producer(*producer, *bump)?),
            Step::Fetch {
                place,
                at,
                to,
                epoch,
            } => plain(self.fetch(*place, *at, *to, *epoch)?),
            Step::ListOffsets {
                place,
                what,
                to,
                epoch,
            } => plain(self.list_offsets(*place, *what, *to, *epoch)?),
            Step::EpochEnd { place, of, knows } => plain(self.epoch_end(*place, *of, *knows)?),
            Step::Disturb { broker, act } => plain(self.disturb(*broker, *act)?),
            Step::PowerCycle { broker } => plain(self.power_cycle(*broker)?),
            Step::UntilLeaderMoves { place } => plain(self.until_leader_moves(*place)?),
            Step::UntilInSync { place } => plain(self.until_in_sync(*place)?),
            Step::Caught { place, meanwhile } => self.caught(*place, meanwhile)?,
            Step::LosePowerEverywhere => plain(self.lose_power_everywhere()?),
            Step::Pass { ms } => {
                self.arm.pass(*ms)?;
                plain(Seen::Done)
            }
            group => self.group_step(group)?,
        })
    }

    /// Heals the cluster, lets it come to rest, and reads everything.
    fn finish(
        &mut self,
        steps: &[Step],
        like: Option<&Outcome>,
        outcome: &mut Outcome,
    ) -> Result<(), RunError> {
        self.heal()?;
        if let Some(what) = self.book.restless.take() {
            outcome.restless.get_or_insert(what);
        }
        self.arm.pass(100)?;
        let last = self.places()?;
        for place in last {
            if let Some(fetched) = self.read_to_end(place)? {
                outcome.last.insert(place, fetched);
            }
        }
        for group in self.book.groups.keys().copied().collect::<Vec<_>>() {
            let wanted = like.and_then(|like| like.groups.get(&group));
            let noted = self.step_like(&Step::FetchOffsets { group }, steps, wanted)?;
            outcome.groups.insert(group, noted.seen);
        }
        self.clean_up()
    }
}

fn is_alike(step: &Step, before: &[Step], wanted: &Seen, seen: &Seen) -> bool {
    wanted == seen || exceptions::find(step, before, wanted, seen).is_some()
}

impl Runner<'_> {
    /// Reads a partition once all that its leader has is replicated.
    fn read_to_end(&mut self, place: Place) -> Result<Option<Fetched>, RunError> {
        let mut waited = 0;
        loop {
            let end = match self.epoch_end(place, EpochClaim::Right, EpochClaim::None)? {
                Seen::EpochEnd { code: 0, end, .. } => Some(end),
                _ => None,
            };
            let seen = self.fetch(place, At::Start, To::Leader, EpochClaim::None)?;
            let fetched = match seen {
                Seen::Fetched(fetched) => Some(fetched),
                _ => None,
            };
            let mark = fetched
                .as_ref()
                .filter(|f| f.code == 0)
                .map(|f| f.high_watermark);
            if (mark.is_some() && mark == end) || waited >= 10_000 {
                return Ok(fetched);
            }
            self.arm.pass(50)?;
            waited += 50;
        }
    }
}

/// Whether an answer is one that clients take as "not now" and that has no effect.
fn is_passing(seen: &Seen) -> bool {
    let passing = |code: i16| matches!(code, 3 | 5 | 6 | 14 | 15 | 16 | 19 | 74 | 75 | 78);
    match seen {
        Seen::Produced(produced) => passing(produced.code),
        Seen::Code(code) | Seen::Producer { code, .. } => passing(*code),
        Seen::Closed => true,
        _ => false,
    }
}

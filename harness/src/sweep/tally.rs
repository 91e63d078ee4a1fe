//! Sums over seeds. Their size does not depend on the number of seeds.

use super::seed::Seen;
use crate::exit::Exit;
use serde::{Deserialize, Serialize};
use squall_check::Verdict;
use std::collections::{BTreeMap, BTreeSet};

/// One distinct violation, or one reason why nothing was proven.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kind {
    pub seeds: u64,
    /// The lowest seed that showed it, and the command that runs it in full.
    pub first_seed: u64,
    pub repeat: String,
}

/// What a number of seeds came to.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Tally {
    pub seeds: u64,
    pub violated: u64,
    pub inconclusive: u64,
    /// By anomaly and sink, or by limit.
    pub violations: BTreeMap<String, Kind>,
    /// By the key of the reason.
    pub reasons: BTreeMap<String, Kind>,
    /// What happened, by name.
    pub happened: BTreeMap<String, u64>,
    /// By fault: seeds whose plan had it, and seeds in which it bit.
    pub faults: BTreeMap<String, (u64, u64)>,
    /// Kinds of faults that some seed had, and pairs of them that were in force at once.
    pub kinds: BTreeSet<String>,
    pub overlaps: BTreeMap<String, u64>,
    pub offered: u64,
    pub messages: u64,
    pub virtual_s: f64,
}

/// A tally with how long it took.
#[derive(Debug)]
pub struct Found {
    pub tally: Tally,
    pub seconds: f64,
    /// Seeds that were asked for.
    pub wanted: u64,
}

impl Found {
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match (self.tally.violated, self.tally.inconclusive) {
            (0, 0) => Exit::Held,
            (0, _) => Exit::Inconclusive,
            _ => Exit::Violated,
        }
    }
}

impl Tally {
    /// Adds a seed.
    pub fn seed(&mut self, seen: &Seen) {
        self.seeds += 1;
        let kind = || Kind {
            seeds: 1,
            first_seed: seen.seed,
            repeat: seen.repeat.clone(),
        };
        match seen.judgement.verdict {
            Verdict::Held => {}
            Verdict::Violated => {
                self.violated += 1;
                for name in seen.violations() {
                    merge(&mut self.violations, name, kind());
                }
            }
            Verdict::Inconclusive => {
                self.inconclusive += 1;
                for reason in &seen.judgement.reasons {
                    merge(&mut self.reasons, reason.key.clone(), kind());
                }
            }
        }
        let counts = seen.outcome.counts;
        let counted = [("retries", counts.retries), ("gave-up", counts.gave_up)];
        let facts = seen
            .facts
            .iter()
            .map(|(name, count)| (name.as_str(), *count));
        for (name, count) in facts.chain(counted) {
            *self.happened.entry(name.to_owned()).or_default() += count;
        }
        for (name, bit) in &seen.bit {
            let (seeds, bitten) = self.faults.entry(name.clone()).or_default();
            *seeds += 1;
            *bitten += u64::from(*bit);
        }
        self.kinds
            .extend(seen.kinds.iter().map(|kind| (*kind).to_owned()));
        for (pair, count) in &seen.overlaps {
            *self.overlaps.entry(pair.clone()).or_default() += count;
        }
        self.offered += seen.judgement.load.offered;
        self.messages += counts.messages;
        self.virtual_s += seen.outcome.virtual_ns as f64 / 1e9;
    }

    /// Adds what another worker counted.
    pub fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.violated += other.violated;
        self.inconclusive += other.inconclusive;
        for (name, kind) in other.violations {
            merge(&mut self.violations, name, kind);
        }
        for (name, kind) in other.reasons {
            merge(&mut self.reasons, name, kind);
        }
        for (name, count) in other.happened {
            *self.happened.entry(name).or_default() += count;
        }
        for (name, (seeds, bitten)) in other.faults {
            let sum = self.faults.entry(name).or_default();
            sum.0 += seeds;
            sum.1 += bitten;
        }
        self.kinds.extend(other.kinds);
        for (pair, count) in other.overlaps {
            *self.overlaps.entry(pair).or_default() += count;
        }
        self.offered += other.offered;
        self.messages += other.messages;
        self.virtual_s += other.virtual_s;
    }
}

fn merge(kinds: &mut BTreeMap<String, Kind>, name: String, kind: Kind) {
    let Some(known) = kinds.get_mut(&name) else {
        kinds.insert(name, kind);
        return;
    };
    known.seeds += kind.seeds;
    if kind.first_seed < known.first_seed {
        known.first_seed = kind.first_seed;
        known.repeat = kind.repeat;
    }
}

//! One consumer group: generations, membership, committed offsets.

use crate::run::{Detail, Noted};
use crate::seen::{Joined, Seen};
use crate::step::{Claim, Number, Step};
use std::collections::{BTreeMap, BTreeSet};

/// What may be committed for a partition: the last answer that was sure, and what is not known.
#[derive(Clone, Debug, Default)]
struct Position {
    may_be: BTreeSet<Option<(i64, String)>>,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    generation: i32,
    /// The latest generation whose assignment was synced. A coordinator keeps a generation in its log only then, so another
    /// one that takes over may begin from here again.
    kept: i32,
    committed: BTreeMap<(u8, i32), Position>,
    /// Whatever may have been deleted is not held against the cluster.
    unsure: bool,
}

impl Ledger {
    pub fn forget_topic(&mut self, topic: Number) {
        self.committed.retain(|(of, _), _| *of != topic);
        self.unsure = true;
    }

    /// The group's coordinator may be another one from now on.
    fn may_move(&mut self) {
        self.generation = self.kept;
    }

    /// What is wrong with the committed offsets that a client was told.
    pub fn check(&self, seen: &Seen) -> Vec<String> {
        let Seen::Offsets { code: 0, committed } = seen else {
            return Vec::new();
        };
        let mut wrong = Vec::new();
        for (place, position) in &self.committed {
            let told = committed
                .get(place)
                .filter(|(offset, _)| *offset >= 0)
                .cloned();
            if !position.may_be.contains(&told) {
                let may_be = &position.may_be;
                wrong.push(format!(
                    "of {place:?} is committed {told:?} and should be one of {may_be:?}"
                ));
            }
        }
        for (place, told) in committed {
            if told.0 >= 0 && !self.committed.contains_key(place) && !self.unsure {
                wrong.push(format!(
                    "of {place:?} is committed {told:?}, and nobody did"
                ));
            }
        }
        wrong
    }

    fn joined(&mut self, answers: &BTreeMap<u8, Joined>, wrong: &mut Vec<String>) {
        let good: Vec<_> = answers.values().filter(|j| j.code == 0).collect();
        let generations: BTreeSet<i32> = good.iter().map(|j| j.generation).collect();
        if generations.len() > 1 {
            wrong.push(format!(
                "members of one rebalance are in generations {generations:?}"
            ));
        }
        if let Some(newest) = generations.last() {
            if *newest < self.generation {
                wrong.push(format!(
                    "the generation went from {} to {newest}",
                    self.generation
                ));
            }
            self.generation = *newest;
        }
        if good.iter().filter(|j| j.leads).count() > 1 {
            wrong.push("two members lead".to_owned());
        }
    }
}

pub fn follow(
    noted: &Noted,
    rough: bool,
    power_lost: bool,
    ledgers: &mut BTreeMap<Number, Ledger>,
    wrong: &mut Vec<String>,
) {
    if let Detail::Commit {
        group,
        place,
        offset,
        metadata,
    } = &noted.detail
    {
        let ledger = ledgers.entry(*group).or_default();
        let position = ledger
            .committed
            .entry((place.topic, place.partition))
            .or_default();
        let value = Some((*offset, metadata.clone()));
        match &noted.seen {
            Seen::Code(0) => position.may_be = BTreeSet::from([value]),
            // Refused for good: what was there is there.
            Seen::Code(code) if !matches!(code, 7 | 14 | 15 | 16 | -1) => {
                if position.may_be.is_empty() {
                    position.may_be.insert(None);
                }
            }
            _ => {
                if position.may_be.is_empty() {
                    position.may_be.insert(None);
                }
                position.may_be.insert(value);
            }
        }
    }
    check_claim(noted, wrong);
    match (&noted.step, &noted.seen) {
        (Step::Join(join), Seen::Joined(answers)) => {
            let ledger = ledgers.entry(join.group).or_default();
            let all_new = answers.values().all(|j| j.generation <= 1);
            if power_lost || (all_new && !rough) {
                // A group that was deleted, or whose members are all gone with their coordinator's memory, begins anew.
                (ledger.generation, ledger.kept) = (0, 0);
            }
            ledger.joined(answers, wrong);
        }
        (Step::Sync { group, .. }, Seen::Synced(answers)) => {
            let ledger = ledgers.entry(*group).or_default();
            if answers.values().any(|(code, _)| *code == 0) {
                ledger.kept = ledger.generation;
            }
        }
        (Step::Disturb { .. }, _) => ledgers.values_mut().for_each(Ledger::may_move),
        (Step::FetchOffsets { group }, seen) if !power_lost => {
            if let Some(ledger) = ledgers.get(group) {
                wrong.extend(ledger.check(seen));
            }
        }
        (Step::DeleteGroup { group }, seen) if !matches!(seen, Seen::Code(code) if *code != 0) => {
            let ledger = ledgers.entry(*group).or_default();
            *ledger = Ledger {
                unsure: !matches!(seen, Seen::Code(0)),
                ..Ledger::default()
            };
        }
        _ => {}
    }
}

/// Who is not, or no more, what it claims to be is told so.
fn check_claim(noted: &Noted, wrong: &mut Vec<String>) {
    let claim = match &noted.step {
        Step::Heartbeat { claim, .. }
        | Step::SyncOne { claim, .. }
        | Step::Commit { claim, .. } => *claim,
        _ => return,
    };
    if matches!(claim, Claim::Stale | Claim::Future | Claim::UnknownMember)
        && noted.seen == Seen::Code(0)
    {
        wrong.push(format!("a claim of {claim:?} is taken: {:?}", noted.step));
    }
}

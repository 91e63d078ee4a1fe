//! What must hold of any cluster, whatever happens to its brokers: slow, obvious, and ignorant of how replication works.
//!
//! It is shown a whole sequence with everything that was seen and says what is wrong with it. It knows nothing but what clients were promised.

mod groups;
mod log;

use crate::run::{Detail, Noted, Outcome};
use crate::seen::Seen;
use crate::step::{Act, Number, Place, Sequence, Step};
use std::collections::BTreeMap;

/// What a sequence's topics can lose by what was done to the brokers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Stress {
    disturbed: bool,
    power_cycles: usize,
    power_everywhere: bool,
    kills: usize,
}

impl Stress {
    fn of(sequence: &Sequence) -> Self {
        let mut stress = Self::default();
        sequence.steps.iter().for_each(|step| stress.add(step));
        stress.disturbed |= stress.power_cycles > 0 || stress.power_everywhere;
        stress
    }

    fn add(&mut self, step: &Step) {
        match step {
            Step::Disturb { act, .. } => {
                self.disturbed = true;
                self.power_cycles += usize::from(*act == Act::LosePower);
                self.kills += usize::from(*act == Act::Kill);
            }
            Step::PowerCycle { .. } => self.power_cycles += 1,
            Step::LosePowerEverywhere => self.power_everywhere = true,
            Step::Caught { meanwhile, .. } => meanwhile.iter().for_each(|step| self.add(step)),
            _ => {}
        }
    }

    /// Whether what all in-sync replicas have is safe: pages of one broker may be lost, or those of all when they had been flushed.
    fn is_safe(self, topic: Topic) -> bool {
        // A process that was killed cannot know whether its pages are all there, and is not trusted (KIP-966).
        let alone = self.power_cycles == 1 && self.kills == 0;
        let one = self.power_cycles == 0 || (alone && topic.min_insync >= 2);
        topic.flushed || (one && !self.power_everywhere)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Topic {
    min_insync: i32,
    flushed: bool,
    /// Counts up when a topic of the same name begins anew.
    life: usize,
}

/// All that is wrong, in words.
#[must_use]
pub fn violations(sequence: &Sequence, outcome: &Outcome) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(what) = &outcome.restless {
        found.push(format!("the cluster does not come to rest: {what}"));
    }
    let stress = Stress::of(sequence);
    let mut logs: BTreeMap<Place, log::Ledger> = BTreeMap::new();
    let mut groups: BTreeMap<Number, groups::Ledger> = BTreeMap::new();
    let mut topics: BTreeMap<Number, Topic> = BTreeMap::new();
    for (index, noted) in outcome.noted.iter().enumerate() {
        let mut wrong = Vec::new();
        follow_topics(noted, &mut topics, &mut logs, &mut groups);
        follow_logs(noted, &topics, stress, &mut logs, &mut wrong);
        groups::follow(
            noted,
            sequence.rough,
            stress.power_cycles > 0 || stress.power_everywhere,
            &mut groups,
            &mut wrong,
        );
        found.extend(
            wrong
                .into_iter()
                .map(|what| format!("step {index}: {what}")),
        );
    }
    for (place, fetched) in &outcome.last {
        if let (Some(ledger), Some(topic)) = (logs.get_mut(place), topics.get(&place.topic)) {
            let mut wrong = Vec::new();
            ledger.end(
                fetched,
                stress.is_safe(*topic),
                stress.disturbed,
                &mut wrong,
            );
            found.extend(
                wrong
                    .into_iter()
                    .map(|what| format!("at the end of {place:?}: {what}")),
            );
        }
    }
    if stress.power_cycles == 0 && !stress.power_everywhere {
        for (group, seen) in &outcome.groups {
            if let Some(ledger) = groups.get(group) {
                let wrong = ledger.check(seen);
                found.extend(
                    wrong
                        .into_iter()
                        .map(|what| format!("at the end of group {group}: {what}")),
                );
            }
        }
    }
    found
}

fn follow_topics(
    noted: &Noted,
    topics: &mut BTreeMap<Number, Topic>,
    logs: &mut BTreeMap<Place, log::Ledger>,
    groups: &mut BTreeMap<Number, groups::Ledger>,
) {
    match (&noted.step, &noted.seen) {
        (Step::CreateTopic(new), Seen::Codes(codes))
            if codes.first() == Some(&0) && new.twist.is_none() =>
        {
            let life = topics.get(&new.topic).map_or(0, |t| t.life + 1);
            let topic = Topic {
                min_insync: new.min_insync,
                flushed: new.flushed,
                life,
            };
            topics.insert(new.topic, topic);
        }
        (Step::DeleteTopic { topic }, seen) if !matches!(seen, Seen::Code(code) if *code != 0) => {
            logs.retain(|place, _| place.topic != *topic);
            groups.values_mut().for_each(|g| g.forget_topic(*topic));
        }
        _ => {}
    }
}

fn follow_logs(
    noted: &Noted,
    topics: &BTreeMap<Number, Topic>,
    stress: Stress,
    logs: &mut BTreeMap<Place, log::Ledger>,
    wrong: &mut Vec<String>,
) {
    if let Detail::Batches(sent) = &noted.detail {
        for (nth, batch) in sent.iter().enumerate() {
            let produced = match &noted.seen {
                Seen::Produced(produced) => Some(produced),
                Seen::Burst(all) => all.get(nth),
                _ => None,
            };
            let safe = topics
                .get(&batch.place.topic)
                .is_some_and(|t| stress.is_safe(*t));
            let ledger = logs.entry(batch.place).or_default();
            ledger.produced(batch, produced, noted, safe, !stress.disturbed, wrong);
        }
    }
    match (&noted.step, &noted.seen) {
        (Step::Fetch { place, at, to, .. }, Seen::Fetched(fetched)) => {
            let safe = topics.get(&place.topic).is_some_and(|t| stress.is_safe(*t));
            let ledger = logs.entry(*place).or_default();
            ledger.fetched(fetched, *at, *to, !stress.disturbed, safe, wrong);
        }
        (
            Step::ListOffsets { place, what, .. },
            Seen::Listed {
                code: 0, offset, ..
            },
        ) => {
            let ledger = logs.entry(*place).or_default();
            ledger.listed(*what, *offset, wrong);
        }
        (
            Step::Metadata { topic },
            Seen::Topic {
                code: 0,
                partitions,
            },
        ) => {
            for partition in partitions {
                let place = Place {
                    topic: *topic,
                    partition: partition.index,
                };
                logs.entry(place).or_default().described(partition, wrong);
            }
        }
        _ => {}
    }
}

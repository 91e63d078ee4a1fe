//! What brokers say of themselves, and what happened between two looks at it.

use super::bus::Leadership;
use super::happenings::{Happening, Happenings};
use squall_history::{Fact, Place};
use std::collections::{BTreeMap, BTreeSet};

/// A partition as the brokers tell it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Partition {
    pub leader: Option<u32>,
    /// `None` where it is not told.
    pub epoch: Option<i32>,
    pub replicas: BTreeSet<u32>,
    pub in_sync: BTreeSet<u32>,
}

/// All partitions by topic and number, and the brokers that are there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    pub partitions: BTreeMap<(String, u32), Partition>,
    pub brokers: BTreeSet<u32>,
}

impl View {
    /// Whether every partition has a leader and all its replicas in sync, and all brokers are there.
    pub fn is_whole(&self, brokers: usize) -> bool {
        let whole = |one: &Partition| one.leader.is_some() && one.in_sync == one.replicas;
        self.brokers.len() == brokers && self.partitions.values().all(whole)
    }

    pub fn leaders(&self) -> Vec<Leadership> {
        let all = self.partitions.iter();
        all.map(|((topic, partition), known)| Leadership {
            topic: topic.clone(),
            partition: *partition,
            leader: known.leader,
        })
        .collect()
    }

    /// What is another than `before`: to the history by `tell`, and to those who wait for consequences.
    pub fn tell_since(&self, before: &Self, tell: &dyn Fn(Fact), happenings: &Happenings) {
        for broker in before.brokers.difference(&self.brokers) {
            tell(Fact::fenced(broker, "gone from the cluster's metadata"));
        }
        for broker in self.brokers.difference(&before.brokers) {
            tell(Fact::unfenced(broker));
        }
        for (place, now) in &self.partitions {
            now.tell_since(before.partitions.get(place), place, tell, happenings);
        }
    }
}

impl Partition {
    fn tell_since(
        &self,
        known: Option<&Self>,
        (topic, partition): &(String, u32),
        tell: &dyn Fn(Fact),
        happenings: &Happenings,
    ) {
        let place = Place {
            topic: topic.as_str(),
            partition: partition.cast_signed(),
        };
        let numbers =
            |ids: &BTreeSet<u32>| ids.iter().map(|id| id.cast_signed()).collect::<Vec<_>>();
        let in_sync = numbers(&self.in_sync);
        let of_epoch = |fact: Fact| Fact {
            epoch: self.epoch,
            ..fact
        };
        let epoch = self.epoch.unwrap_or_default();
        if known.is_none_or(|was| was.leader != self.leader || was.epoch != self.epoch) {
            let was_in_sync = |was: &Self| self.leader.is_none_or(|id| was.in_sync.contains(&id));
            let clean = known.is_none_or(was_in_sync);
            let leader = self.leader.map(u32::cast_signed);
            tell(of_epoch(place.elected(leader, epoch, &in_sync, clean)));
            if let Some(leader) = self.leader {
                happenings.saw(Happening::Elected {
                    topic: topic.clone(),
                    partition: *partition,
                    leader,
                    clean,
                });
            }
        }
        let Some(was) = known.filter(|was| was.in_sync != self.in_sync) else {
            return;
        };
        tell(of_epoch(place.isr_changed(
            epoch,
            &numbers(&was.in_sync),
            &in_sync,
        )));
        let lost: Vec<u32> = was.in_sync.difference(&self.in_sync).copied().collect();
        if !lost.is_empty() {
            happenings.saw(Happening::IsrShrank {
                topic: topic.clone(),
                partition: *partition,
                lost,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn view(leader: u32, in_sync: &[u32]) -> View {
        let partition = Partition {
            leader: Some(leader),
            epoch: None,
            replicas: BTreeSet::from([1, 2]),
            in_sync: in_sync.iter().copied().collect(),
        };
        View {
            partitions: BTreeMap::from([(("signups".to_owned(), 0), partition)]),
            brokers: BTreeSet::from([1, 2]),
        }
    }

    #[test]
    fn what_changed_between_two_looks_is_told_and_nothing_else() {
        let happenings = Happenings::default();
        let told = RefCell::new(Vec::new());
        let tell = |fact: Fact| {
            assert_eq!(fact.epoch, None);
            told.borrow_mut().push(fact.kind);
        };
        let (both, one, other) = (view(1, &[1, 2]), view(1, &[1]), view(2, &[2]));
        both.tell_since(&both, &tell, &happenings);
        assert_eq!(happenings.mark(), 0);
        one.tell_since(&both, &tell, &happenings);
        let shrank =
            |it: &Happening| matches!(it, Happening::IsrShrank { lost, .. } if *lost == [2]);
        assert!(happenings.find_after(0, shrank).is_some());
        let mark = happenings.mark();
        other.tell_since(&one, &tell, &happenings);
        let unclean = |it: &Happening| {
            matches!(
                it,
                Happening::Elected {
                    leader: 2,
                    clean: false,
                    ..
                }
            )
        };
        assert!(happenings.find_after(mark, unclean).is_some());
        assert_eq!(told.into_inner(), ["isr", "elected", "isr"]);
    }
}

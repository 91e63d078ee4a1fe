//! Who leads, gathered from the facts of the cluster.

use crate::environment::bus::Leadership;
use squall_wire::kafka::NamedFact;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct View {
    leaders: Mutex<BTreeMap<(String, u32), Option<u32>>>,
}

impl View {
    pub fn take_in(&self, fact: &NamedFact) {
        match fact {
            NamedFact::Elected {
                partition, leader, ..
            } => {
                let leader = leader.and_then(|leader| u32::try_from(leader).ok());
                if let Ok(number) = u32::try_from(partition.partition) {
                    let place = (partition.topic.to_string(), number);
                    self.lock().insert(place, leader);
                }
            }
            NamedFact::TopicDeleted { topic } => {
                self.lock().retain(|(known, _), _| **known != **topic);
            }
            _ => {}
        }
    }

    pub fn leaders(&self) -> Vec<Leadership> {
        let leaders = self.lock();
        let leadership =
            |((topic, partition), leader): (&(String, u32), &Option<u32>)| Leadership {
                topic: topic.clone(),
                partition: *partition,
                leader: *leader,
            };
        leaders.iter().map(leadership).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, u32), Option<u32>>> {
        self.leaders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_wire::kafka::PartitionName;

    fn elected(topic: &str, partition: i32, leader: Option<i32>) -> NamedFact {
        NamedFact::Elected {
            partition: PartitionName {
                topic: topic.into(),
                partition,
            },
            leader,
            epoch: 1,
            isr: Vec::new(),
            clean: true,
        }
    }

    #[test]
    fn the_latest_election_of_a_partition_counts() {
        let view = View::default();
        view.take_in(&elected("t", 0, Some(1)));
        view.take_in(&elected("t", 1, Some(2)));
        view.take_in(&elected("u", 0, Some(3)));
        view.take_in(&elected("t", 0, None));
        view.take_in(&NamedFact::TopicDeleted { topic: "u".into() });
        let leaders: Vec<_> = view.leaders().iter().map(|known| known.leader).collect();
        assert_eq!(leaders, [None, Some(2)]);
    }
}

//! Who leads and who coordinates, gathered from the facts of the cluster.

use crate::environment::bus::Leadership;
use squall_wire::kafka::NamedFact;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kafka keeps committed offsets here; the leader of a group's partition of it coordinates the group.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

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

    pub fn coordinator(&self, group: &str) -> Option<u32> {
        let leaders = self.lock();
        let of_offsets = leaders.keys().filter(|(topic, _)| topic == OFFSETS_TOPIC);
        let partitions = u32::try_from(of_offsets.count()).ok()?;
        let partition = partition_of(group).checked_rem(partitions)?;
        *leaders.get(&(OFFSETS_TOPIC.to_owned(), partition))?
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, u32), Option<u32>>> {
        self.leaders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kafka's choice, before the remainder: `Utils.abs(groupId.hashCode())`, where the abs of the least integer is 0.
fn partition_of(group: &str) -> u32 {
    let hash = group.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    hash.checked_abs().map_or(0, i32::unsigned_abs)
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

    /// The definition: s[0]*31^(n-1) + ... + s[n-1], taken to 32 bits at the end.
    fn java_abs(text: &str) -> u32 {
        let sum = text
            .bytes()
            .fold(0_i128, |sum, byte| sum * 31 + i128::from(byte));
        let hash = sum as i32;
        hash.unsigned_abs()
    }

    #[test]
    fn groups_are_hashed_as_java_does() {
        assert_eq!(partition_of("hello"), 99_162_322);
        assert_eq!(partition_of("consumer-db"), java_abs("consumer-db"));
        assert_eq!(partition_of("polygenelubricants"), 0); // Integer.MIN_VALUE
        assert_eq!(partition_of(""), 0);
    }

    #[test]
    fn a_coordinator_is_the_leader_of_the_groups_partition() {
        let view = View::default();
        assert_eq!(view.coordinator("hello"), None);
        for partition in 0..50 {
            view.take_in(&elected(OFFSETS_TOPIC, partition, Some(1 + partition % 3)));
        }
        let partition = 99_162_322_u32 % 50;
        assert_eq!(view.coordinator("hello"), Some(1 + partition % 3));
        view.take_in(&elected(OFFSETS_TOPIC, 22, None));
        assert_eq!(view.coordinator("hello"), None, "partition 22 is offline");
    }
}

//! Something for each of many partitions. Every step of a broker asks for the same partition a dozen times over, so that finding it must
//! cost next to nothing: topics are few and sorted, the partitions of a topic are numbered from 0.

use super::ids::{Name, TopicPartition};

/// In the order of topics and partitions. A negative partition is in no topic.
#[derive(Clone, Debug)]
pub struct ByPartition<V> {
    topics: Vec<Of<V>>,
    len: usize,
}

/// The partitions of one topic. Boxed, for a broker of many has only some of each topic.
#[derive(Clone, Debug)]
struct Of<V> {
    topic: Name,
    slots: Vec<Option<Box<V>>>,
}

impl<V> Default for ByPartition<V> {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            len: 0,
        }
    }
}

impl<V> ByPartition<V> {
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn find(&self, topic: Name) -> Result<usize, usize> {
        self.topics.binary_search_by_key(&topic, |of| of.topic)
    }

    #[inline]
    #[must_use]
    pub fn get(&self, partition: TopicPartition) -> Option<&V> {
        let of = &self.topics[self.find(partition.topic).ok()?];
        of.slots.get(place(partition)?)?.as_deref()
    }

    #[inline]
    pub fn get_mut(&mut self, partition: TopicPartition) -> Option<&mut V> {
        let at = self.find(partition.topic).ok()?;
        let slots = &mut self.topics[at].slots;
        slots.get_mut(place(partition)?)?.as_deref_mut()
    }

    #[must_use]
    pub fn contains(&self, partition: TopicPartition) -> bool {
        self.get(partition).is_some()
    }

    /// The slot of a partition, made when it is missing.
    fn slot(&mut self, partition: TopicPartition) -> Option<&mut Option<Box<V>>> {
        let place = place(partition)?;
        let at = self.find(partition.topic).unwrap_or_else(|at| {
            let topic = partition.topic;
            let slots = Vec::new();
            self.topics.insert(at, Of { topic, slots });
            at
        });
        let slots = &mut self.topics[at].slots;
        if slots.len() <= place {
            slots.resize_with(place + 1, || None);
        }
        slots.get_mut(place)
    }

    /// Gives what was there before.
    pub fn insert(&mut self, partition: TopicPartition, value: V) -> Option<V> {
        let before = self.slot(partition)?.replace(Box::new(value));
        self.len += usize::from(before.is_none());
        before.map(|before| *before)
    }

    /// What is there, made when it is missing. `None` for a negative partition.
    pub fn get_or_insert_with(
        &mut self,
        partition: TopicPartition,
        make: impl FnOnce() -> V,
    ) -> Option<&mut V> {
        if !self.contains(partition) {
            self.insert(partition, make());
        }
        self.get_mut(partition)
    }

    pub fn remove(&mut self, partition: TopicPartition) -> Option<V> {
        let at = self.find(partition.topic).ok()?;
        let value = self.topics[at].slots.get_mut(place(partition)?)?.take()?;
        self.len -= 1;
        Some(*value)
    }

    /// Forgets a topic.
    pub fn remove_topic(&mut self, topic: Name) {
        if let Ok(at) = self.find(topic) {
            let gone = self.topics.remove(at);
            self.len -= gone.slots.iter().flatten().count();
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (TopicPartition, &V)> + Clone {
        self.topics.iter().flat_map(Of::iter)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (TopicPartition, &mut V)> {
        self.topics.iter_mut().flat_map(|of| {
            let topic = of.topic;
            let slots = (0..).zip(&mut of.slots);
            slots.filter_map(move |(partition, slot)| {
                Some((TopicPartition { topic, partition }, slot.as_deref_mut()?))
            })
        })
    }

    pub fn keys(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        self.iter().map(|(partition, _)| partition)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// The partitions of one topic.
    pub fn of_topic(&self, topic: Name) -> impl Iterator<Item = (TopicPartition, &V)> {
        let of = self.find(topic).ok().map(|at| &self.topics[at]);
        of.into_iter().flat_map(Of::iter)
    }

    #[must_use]
    pub fn count_of(&self, topic: Name) -> u32 {
        u32::try_from(self.of_topic(topic).count()).unwrap_or(u32::MAX)
    }

    pub fn into_entries(self) -> impl Iterator<Item = (TopicPartition, V)> {
        self.topics.into_iter().flat_map(|of| {
            let topic = of.topic;
            let slots = (0..).zip(of.slots);
            slots.filter_map(move |(partition, slot)| {
                Some((TopicPartition { topic, partition }, *slot?))
            })
        })
    }
}

impl<V> Of<V> {
    fn iter(&self) -> impl Iterator<Item = (TopicPartition, &V)> + Clone {
        let topic = self.topic;
        let slots = (0..).zip(&self.slots);
        slots.filter_map(move |(partition, slot)| {
            Some((TopicPartition { topic, partition }, slot.as_deref()?))
        })
    }
}

impl<V> FromIterator<(TopicPartition, V)> for ByPartition<V> {
    fn from_iter<I: IntoIterator<Item = (TopicPartition, V)>>(entries: I) -> Self {
        let mut all = Self::default();
        for (partition, value) in entries {
            all.insert(partition, value);
        }
        all
    }
}

fn place(partition: TopicPartition) -> Option<usize> {
    usize::try_from(partition.partition).ok()
}

/// Partitions in order, each once. In a vector that keeps its memory: the sets of a broker are filled and emptied with every message.
#[derive(Clone, Debug, Default)]
pub struct PartitionSet {
    sorted: Vec<TopicPartition>,
}

impl PartitionSet {
    pub fn insert(&mut self, partition: TopicPartition) {
        // Those that come in order need no search.
        if self.sorted.last().is_none_or(|last| *last < partition) {
            return self.sorted.push(partition);
        }
        if let Err(at) = self.sorted.binary_search(&partition) {
            self.sorted.insert(at, partition);
        }
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        self.sorted.iter().copied()
    }

    pub fn drain(&mut self) -> impl Iterator<Item = TopicPartition> + '_ {
        self.sorted.drain(..)
    }

    /// Keeps those for which it holds, asked in order.
    pub fn retain(&mut self, mut keep: impl FnMut(TopicPartition) -> bool) {
        self.sorted.retain(|partition| keep(*partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn partition() -> impl Strategy<Value = TopicPartition> {
        (0..4_u32, 0..6_i32).prop_map(|(topic, partition)| TopicPartition {
            topic: Name(topic * 1_000),
            partition,
        })
    }

    proptest! {
        #[test]
        fn it_is_an_ordered_map(steps in prop::collection::vec((partition(), 0..5_u8, any::<u8>()), 0..80)) {
            let mut map = ByPartition::default();
            let mut oracle: BTreeMap<TopicPartition, u8> = BTreeMap::new();
            for (at, step, value) in steps {
                match step {
                    0 | 1 => prop_assert_eq!(map.insert(at, value), oracle.insert(at, value)),
                    2 => prop_assert_eq!(map.remove(at), oracle.remove(&at)),
                    3 => {
                        let made = map.get_or_insert_with(at, || value).copied();
                        prop_assert_eq!(made, Some(*oracle.entry(at).or_insert(value)));
                    }
                    _ if value < 20 => {
                        map.remove_topic(at.topic);
                        oracle.retain(|known, _| known.topic != at.topic);
                    }
                    _ => {}
                }
                prop_assert_eq!(map.get(at), oracle.get(&at));
                prop_assert_eq!(map.contains(at), oracle.contains_key(&at));
                prop_assert_eq!((map.len(), map.is_empty()), (oracle.len(), oracle.is_empty()));
                let of_topic = oracle.iter().filter(|(known, _)| known.topic == at.topic);
                prop_assert!(map.of_topic(at.topic).eq(of_topic.map(|(known, value)| (*known, value))));
            }
            prop_assert!(map.iter().eq(oracle.iter().map(|(at, value)| (*at, value))));
            map.values_mut().for_each(|value| *value ^= 1);
            let changed = oracle.into_iter().map(|(at, value)| (at, value ^ 1));
            prop_assert!(map.into_entries().eq(changed));
        }

        #[test]
        fn a_set_is_in_order_and_has_each_once(all in prop::collection::vec(partition(), 0..40)) {
            let mut set = PartitionSet::default();
            all.iter().for_each(|at| set.insert(*at));
            let oracle: BTreeSet<TopicPartition> = all.into_iter().collect();
            prop_assert!(set.iter().eq(oracle.iter().copied()));
            set.retain(|at| at.partition % 2 == 0);
            prop_assert!(set.drain().eq(oracle.into_iter().filter(|at| at.partition % 2 == 0)));
            prop_assert!(set.is_empty());
        }
    }

    #[test]
    fn a_negative_partition_is_nowhere() {
        let at = TopicPartition {
            topic: Name(1),
            partition: -1,
        };
        let mut map = ByPartition::default();
        assert_eq!(map.insert(at, 1), None);
        assert_eq!(map.remove(at), None);
        assert_eq!((map.get(at), map.len()), (None, 0));
        assert_eq!(map.get_or_insert_with(at, || 1), None);
    }
}

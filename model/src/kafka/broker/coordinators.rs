//! The coordinators of the partitions of the offsets topic that are led here, and when the first of them wants to be called.

use crate::Nanos;
use crate::kafka::group::Coordinator;
use std::cell::Cell;
use std::collections::BTreeMap;

/// By partition of the offsets topic.
#[derive(Debug, Default)]
pub struct Coordinators {
    by_partition: BTreeMap<i32, Coordinator>,
    /// A broker leads many of these partitions, most of them without a group, and asks after every step: what it was told holds until
    /// somebody may have changed something.
    next: Cell<Option<Option<Nanos>>>,
}

impl Coordinators {
    pub fn get(&self, partition: i32) -> Option<&Coordinator> {
        self.by_partition.get(&partition)
    }

    pub fn get_mut(&mut self, partition: i32) -> Option<&mut Coordinator> {
        self.next.set(None);
        self.by_partition.get_mut(&partition)
    }

    pub fn contains(&self, partition: i32) -> bool {
        self.by_partition.contains_key(&partition)
    }

    pub fn insert(&mut self, partition: i32, coordinator: Coordinator) {
        self.next.set(None);
        self.by_partition.insert(partition, coordinator);
    }

    pub fn remove(&mut self, partition: i32) -> Option<Coordinator> {
        self.next.set(None);
        self.by_partition.remove(&partition)
    }

    pub fn values(&self) -> impl Iterator<Item = &Coordinator> {
        self.by_partition.values()
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Coordinator> {
        self.next.set(None);
        self.by_partition.values_mut()
    }

    /// Those that want to be called by `now`.
    pub fn due(&self, now: Nanos) -> Vec<i32> {
        if self.next_timer().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let due = |coordinator: &Coordinator| coordinator.next_timer().is_some_and(|at| at <= now);
        let all = self.by_partition.iter();
        all.filter(|(_, coordinator)| due(coordinator))
            .map(|(partition, _)| *partition)
            .collect()
    }

    pub fn next_timer(&self) -> Option<Nanos> {
        if let Some(known) = self.next.get() {
            return known;
        }
        let next = self.values().filter_map(Coordinator::next_timer).min();
        self.next.set(Some(next));
        next
    }
}

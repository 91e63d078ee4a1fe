//! Requests that wait: for replication, for data, or for their deadline (Kafka's purgatory).

use crate::Nanos;
use crate::kafka::by_partition::ByPartition;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::{ConnId, Offset, TopicPartition};
use crate::kafka::message::{FetchRequest, ProducedPartition};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What waits.
#[derive(Debug)]
pub enum Wait {
    Produce {
        conn: ConnId,
        results: Vec<ProducedPartition>,
        pending: Vec<Pending>,
    },
    Fetch {
        conn: ConnId,
        request: FetchRequest,
    },
    /// Records that the broker itself appended for a group coordinator.
    Group {
        partition: i32,
        token: u64,
        pending: [Pending; 1],
    },
}

/// An append that is not replicated yet.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    pub partition: TopicPartition,
    /// What the high watermark (or the leader's own disk) must reach.
    pub end_offset: Offset,
    /// acks=all; else only the leader counts.
    pub by_all: bool,
    /// Once it has one it keeps it.
    pub outcome: Option<Result<(), ErrorCode>>,
}

impl Wait {
    const fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Produce { conn, .. } | Self::Fetch { conn, .. } => Some(*conn),
            Self::Group { .. } => None,
        }
    }

    /// Appends that it waits for.
    pub fn pending(&self) -> &[Pending] {
        match self {
            Self::Produce { pending, .. } => pending,
            Self::Group { pending, .. } => pending,
            Self::Fetch { .. } => &[],
        }
    }

    pub fn pending_mut(&mut self) -> &mut [Pending] {
        match self {
            Self::Produce { pending, .. } => pending,
            Self::Group { pending, .. } => pending,
            Self::Fetch { .. } => &mut [],
        }
    }

    fn each_partition(&self, act: impl FnMut(TopicPartition)) {
        match self {
            Self::Produce { pending, .. } => pending.iter().map(|p| p.partition).for_each(act),
            Self::Fetch { request, .. } => {
                let asked = request.partitions.iter();
                asked.map(|part| part.partition).for_each(act);
            }
            Self::Group { pending, .. } => pending.iter().map(|p| p.partition).for_each(act),
        }
    }
}

/// All waits of a broker. They come and go with every request, so that each lies in a slot which its number names.
#[derive(Debug, Default)]
pub struct Waits {
    /// How many there have been.
    begun: u64,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Numbers in order.
    on: ByPartition<Vec<u64>>,
    /// The first deadline first. Some are of waits that are over; the first never is.
    deadlines: BinaryHeap<Reverse<(Nanos, u64)>>,
}

#[derive(Debug, Default)]
struct Slot {
    id: u64,
    wait: Option<Wait>,
}

/// A number grows with each wait and has the slot in its low bits.
const SLOT_BITS: u32 = 24;
/// Below so many deadlines it is not worth to look for those that do not matter any more.
const DEADLINES_AT_EASE: usize = if cfg!(test) { 4 } else { 1024 };

const fn slot_of(id: u64) -> usize {
    (id & ((1 << SLOT_BITS) - 1)) as usize
}

impl Waits {
    /// Returns the number of the wait.
    pub fn insert(&mut self, deadline: Nanos, wait: Wait) -> u64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        debug_assert!(
            slot < 1 << SLOT_BITS,
            "a broker has fewer requests than that"
        );
        let id = self.begun << SLOT_BITS | slot as u64;
        self.begun += 1;
        let on = &mut self.on;
        wait.each_partition(|partition| {
            let ids = on.get_or_insert_with(partition, Vec::new);
            // Numbers ascend; a request may name a partition twice.
            if let Some(ids) = ids.filter(|ids| ids.last() != Some(&id)) {
                ids.push(id);
            }
        });
        self.deadlines.push(Reverse((deadline, id)));
        let wait = Some(wait);
        self.slots[slot] = Slot { id, wait };
        id
    }

    pub fn remove(&mut self, id: u64) -> Option<Wait> {
        let wait = self.slot_mut(id)?.wait.take()?;
        self.free.push(slot_of(id));
        let on = &mut self.on;
        wait.each_partition(|partition| {
            if let Some(ids) = on.get_mut(partition)
                && let Ok(at) = ids.binary_search(&id)
            {
                ids.remove(at);
            }
        });
        self.forget_deadlines();
        Some(wait)
    }

    /// Drops the deadlines of waits that are over: those in front at once, the others when they are most of all.
    fn forget_deadlines(&mut self) {
        while let Some(Reverse((_, id))) = self.deadlines.peek()
            && self.get(*id).is_none()
        {
            self.deadlines.pop();
        }
        let waiting = self.slots.len() - self.free.len();
        if self.deadlines.len() > DEADLINES_AT_EASE.max(2 * waiting) {
            let mut deadlines = std::mem::take(&mut self.deadlines);
            deadlines.retain(|Reverse((_, id))| self.get(*id).is_some());
            self.deadlines = deadlines;
        }
    }

    fn slot_mut(&mut self, id: u64) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(slot_of(id))?;
        (slot.id == id).then_some(slot)
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut Wait> {
        self.slot_mut(id)?.wait.as_mut()
    }

    pub fn get(&self, id: u64) -> Option<&Wait> {
        let slot = self.slots.get(slot_of(id))?;
        slot.wait.as_ref().filter(|_| slot.id == id)
    }

    /// The first wait on a partition whose number is at least `from`: to go through them while they come and go.
    pub fn on(&self, partition: TopicPartition, from: u64) -> Option<u64> {
        let ids = self.on.get(partition)?;
        let at = ids.partition_point(|id| *id < from);
        ids.get(at).copied()
    }

    /// Drops the latest of those that a connection waits for.
    pub fn drop_conn(&mut self, conn: ConnId) {
        let of_conn = |slot: &&Slot| slot.wait.as_ref().is_some_and(|w| w.conn() == Some(conn));
        let latest = self.slots.iter().filter(of_conn).map(|slot| slot.id).max();
        if let Some(id) = latest {
            self.remove(id);
        }
    }

    /// Those whose deadline is there, in the order of deadlines.
    pub fn due(&self, now: Nanos) -> Vec<u64> {
        if self.next_deadline().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let due =
            |Reverse((at, id)): &&Reverse<(Nanos, u64)>| *at <= now && self.get(*id).is_some();
        let mut due: Vec<(Nanos, u64)> = self.deadlines.iter().filter(due).map(|d| d.0).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    pub fn next_deadline(&self) -> Option<Nanos> {
        self.deadlines.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ids::Name;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn wait(partition: i32) -> Wait {
        let partition = TopicPartition {
            topic: Name(1),
            partition,
        };
        let pending = [Pending {
            partition,
            end_offset: 1,
            by_all: true,
            outcome: None,
        }];
        Wait::Group {
            partition: partition.partition,
            token: 0,
            pending,
        }
    }

    proptest! {
        /// Against a map by number, with everything found by looking at all of it.
        #[test]
        fn what_waits_is_found_by_number_partition_and_deadline(
            steps in prop::collection::vec((0..3_u8, 0..3_i32, 0..40_u64), 0..120),
        ) {
            let mut waits = Waits::default();
            let mut oracle: BTreeMap<u64, (Nanos, i32)> = BTreeMap::new();
            for (step, partition, number) in steps {
                if step > 0 {
                    let id = waits.insert(number, wait(partition));
                    prop_assert!(oracle.keys().all(|known| *known < id));
                    oracle.insert(id, (number, partition));
                } else {
                    let place = usize::try_from(number).unwrap() % oracle.len().max(1);
                    let id = oracle.keys().nth(place).copied().unwrap_or(number);
                    prop_assert_eq!(waits.remove(id).is_some(), oracle.remove(&id).is_some());
                    prop_assert!(waits.get(id).is_none());
                }
                prop_assert_eq!(waits.next_deadline(), oracle.values().map(|(at, _)| *at).min());
                let mut due: Vec<(Nanos, u64)> = oracle.iter().map(|(id, (at, _))| (*at, *id)).collect();
                due.retain(|(at, _)| *at <= number);
                due.sort_unstable();
                prop_assert!(waits.due(number).into_iter().eq(due.into_iter().map(|(_, id)| id)));
                let topic = Name(1);
                let mut from = 0;
                for id in oracle.iter().filter(|(_, (_, on))| *on == partition).map(|(id, _)| *id) {
                    prop_assert_eq!(waits.on(TopicPartition { topic, partition }, from), Some(id));
                    from = id + 1;
                }
                prop_assert_eq!(waits.on(TopicPartition { topic, partition }, from), None);
            }
        }
    }
}

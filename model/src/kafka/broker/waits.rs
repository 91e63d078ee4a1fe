//! Requests that wait: for replication, for data, or for their deadline (Kafka's purgatory).

use crate::Nanos;
use crate::kafka::by_partition::ByPartition;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::{ConnId, Offset, TopicPartition};
use crate::kafka::message::{FetchRequest, ProducedPartition};
use std::collections::{BTreeMap, BTreeSet};

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

/// All waits of a broker.
#[derive(Debug, Default)]
pub struct Waits {
    next: u64,
    waits: BTreeMap<u64, (Nanos, Wait)>,
    /// Numbers in order.
    on: ByPartition<Vec<u64>>,
    deadlines: BTreeSet<(Nanos, u64)>,
    by_conn: BTreeMap<ConnId, u64>,
}

impl Waits {
    /// Returns the number of the wait.
    pub fn insert(&mut self, deadline: Nanos, wait: Wait) -> u64 {
        let id = self.next;
        self.next += 1;
        let on = &mut self.on;
        wait.each_partition(|partition| {
            let ids = on.get_or_insert_with(partition, Vec::new);
            // Numbers ascend; a request may name a partition twice.
            if let Some(ids) = ids.filter(|ids| ids.last() != Some(&id)) {
                ids.push(id);
            }
        });
        if let Some(conn) = wait.conn() {
            self.by_conn.insert(conn, id);
        }
        self.deadlines.insert((deadline, id));
        self.waits.insert(id, (deadline, wait));
        id
    }

    pub fn remove(&mut self, id: u64) -> Option<Wait> {
        let (deadline, wait) = self.waits.remove(&id)?;
        self.deadlines.remove(&(deadline, id));
        let on = &mut self.on;
        wait.each_partition(|partition| {
            if let Some(ids) = on.get_mut(partition)
                && let Ok(at) = ids.binary_search(&id)
            {
                ids.remove(at);
            }
        });
        if let Some(conn) = wait.conn() {
            self.by_conn.remove(&conn);
        }
        Some(wait)
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut Wait> {
        self.waits.get_mut(&id).map(|(_, wait)| wait)
    }

    pub fn get(&self, id: u64) -> Option<&Wait> {
        self.waits.get(&id).map(|(_, wait)| wait)
    }

    /// The first wait on a partition whose number is at least `from`: to go through them while they come and go.
    pub fn on(&self, partition: TopicPartition, from: u64) -> Option<u64> {
        let ids = self.on.get(partition)?;
        let at = ids.partition_point(|id| *id < from);
        ids.get(at).copied()
    }

    pub fn drop_conn(&mut self, conn: ConnId) {
        if let Some(id) = self.by_conn.get(&conn).copied() {
            self.remove(id);
        }
    }

    pub fn due(&self, now: Nanos) -> Vec<u64> {
        self.deadlines
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, id)| *id)
            .collect()
    }

    pub fn next_deadline(&self) -> Option<Nanos> {
        self.deadlines.first().map(|(at, _)| *at)
    }
}

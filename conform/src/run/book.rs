//! What a sequence remembers while it runs: ids that the cluster gave out, batches that were sent.

use crate::step::{Number, Place};
use std::collections::BTreeMap;

/// What an oracle needs to know of a step besides what was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Detail {
    None,
    Batches(Vec<SentBatch>),
    Commit {
        group: Number,
        place: Place,
        offset: i64,
        metadata: String,
    },
    /// The member that a group's request was made for is as the coordinator knows it.
    Claimed {
        is_member: bool,
        is_current: bool,
    },
}

/// A batch as it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentBatch {
    pub place: Place,
    pub acks: i16,
    pub values: Vec<String>,
    pub timestamp: i64,
    pub by: Option<Stamp>,
    pub is_flawed: bool,
}

/// What makes a batch idempotent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stamp {
    pub producer: Number,
    /// The cluster's own.
    pub id: i64,
    pub epoch: i16,
    pub sequence: i32,
}

#[derive(Clone, Debug, Default)]
pub struct Producer {
    pub id: i64,
    pub epoch: i16,
    pub next: BTreeMap<Place, i32>,
    pub history: BTreeMap<Place, Vec<SentBatch>>,
}

#[derive(Clone, Debug, Default)]
pub struct Member {
    pub id: String,
    /// What it was called before it came back under the same instance id.
    pub old_id: Option<String>,
    pub generation: i32,
    pub instance: Option<String>,
    pub protocols: Vec<String>,
    pub protocol: Option<String>,
    pub leads: bool,
    /// Members as the leader heard them.
    pub roster: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Group {
    pub members: BTreeMap<Number, Member>,
}

#[derive(Debug, Default)]
pub struct Book {
    prefix: String,
    pub topics: BTreeMap<Number, u32>,
    pub producers: BTreeMap<Number, Producer>,
    /// The order in which the cluster gave out ids, by the id.
    pub producer_ids: BTreeMap<i64, Number>,
    pub groups: BTreeMap<Number, Group>,
    pub restless: Option<String>,
}

impl Book {
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            ..Self::default()
        }
    }

    pub fn topic(&self, topic: Number) -> String {
        format!("{}-t{topic}", self.prefix)
    }

    pub fn group(&self, group: Number) -> String {
        format!("{}-g{group}", self.prefix)
    }

    pub fn instance(&self, group: Number, member: Number) -> String {
        format!("{}-g{group}-i{member}", self.prefix)
    }

    /// A member's number by its id; 99 for one that is not known.
    pub fn member(&self, group: Number, id: &str) -> Number {
        let members = self.groups.get(&group).map(|g| &g.members);
        let known = members.into_iter().flatten();
        let mut found = known.filter(|(_, m)| m.id == id).map(|(n, _)| *n);
        found.next().unwrap_or(99)
    }
}

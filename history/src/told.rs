//! How a cluster's facts are told: one wording, whatever runs the cluster.

use crate::note::{Fact, InSync, LogEnd};
use std::fmt::{Debug, Display};

/// A partition by name.
#[derive(Clone, Copy, Debug)]
pub struct Place<S> {
    pub topic: S,
    pub partition: i32,
}

impl<S: Display> Place<S> {
    fn told(&self, kind: &str, text: String) -> Fact {
        Fact {
            topic: Some(self.topic.to_string()),
            partition: Some(self.partition),
            ..of_cluster(kind, text)
        }
    }

    /// `leader`: `None` when nobody can lead.
    #[must_use]
    pub fn elected(&self, leader: Option<i32>, epoch: i32, isr: &[i32], clean: bool) -> Fact {
        let leader = leader.map_or("none (offline)".to_owned(), |id| id.to_string());
        let clean = if clean { "" } else { ", unclean" };
        let text = format!("leader {leader}, in sync {isr:?}{clean}");
        Fact {
            epoch: Some(epoch),
            ..self.told("elected", text)
        }
    }

    #[must_use]
    pub fn isr_changed(&self, epoch: i32, from: &[i32], to: &[i32]) -> Fact {
        let (before, after) = (from.to_vec(), to.to_vec());
        Fact {
            epoch: Some(epoch),
            in_sync: Some(InSync { before, after }),
            ..self.told("isr", format!("in sync {from:?} -> {to:?}"))
        }
    }

    /// Who has how much of it, told when `leader` begins to lead.
    #[must_use]
    pub fn held(&self, leader: u32, ends: Vec<LogEnd>) -> Fact {
        let end = |log: &LogEnd| {
            let down = if log.is_down { " (down)" } else { "" };
            format!("{}@{}{down}", log.node, log.end)
        };
        let texts: Vec<String> = ends.iter().map(end).collect();
        Fact {
            node: leader,
            ends,
            ..self.told("ends", texts.join(", "))
        }
    }

    /// Offsets from `to` up to `from` are gone.
    #[must_use]
    pub fn truncated(&self, epoch: i32, from: i64, to: i64) -> Fact {
        Fact {
            offset: Some(to),
            epoch: Some(epoch),
            ..self.told("truncated", format!("cut back from {from} to {to}"))
        }
    }

    #[must_use]
    pub fn leading(&self, epoch: i32, start_offset: i64) -> Fact {
        Fact {
            offset: Some(start_offset),
            epoch: Some(epoch),
            ..self.told("leading", format!("leads from offset {start_offset}"))
        }
    }

    #[must_use]
    pub fn duplicate_dropped(&self, producer_id: i64, base_sequence: i32) -> Fact {
        let text = format!("producer {producer_id}, sequence {base_sequence}");
        self.told("duplicate-dropped", text)
    }

    #[must_use]
    pub fn coordinator_loaded(&self, groups: impl Display) -> Fact {
        self.told("coordinator", format!("coordinates {groups} groups"))
    }
}

impl Fact {
    #[must_use]
    pub fn fenced(broker: impl Display, why: impl Debug) -> Self {
        of_cluster("fenced", format!("broker {broker}: {why:?}"))
    }

    #[must_use]
    pub fn unfenced(broker: impl Display) -> Self {
        of_cluster("unfenced", format!("broker {broker}"))
    }

    #[must_use]
    pub fn rebalanced(group: impl Display, generation: i32, members: usize) -> Self {
        let text = format!("{group} generation {generation}, {members} members");
        of_cluster("rebalanced", text)
    }

    #[must_use]
    pub fn member_removed(
        group: impl Display,
        client: impl Display,
        member: impl Display,
        why: impl Debug,
    ) -> Self {
        let text = format!("{group}: {client} ({member}), {why:?}");
        of_cluster("member-removed", text)
    }

    #[must_use]
    pub fn topic_created(topic: impl Display, partitions: impl Display) -> Self {
        Self {
            topic: Some(topic.to_string()),
            ..of_cluster("topic-created", format!("{partitions} partitions"))
        }
    }

    #[must_use]
    pub fn topic_deleted(topic: impl Display) -> Self {
        Self {
            topic: Some(topic.to_string()),
            ..of_cluster("topic-deleted", String::new())
        }
    }

    /// As `node` says it.
    #[must_use]
    pub fn by(self, node: u32) -> Self {
        Self { node, ..self }
    }
}

fn of_cluster(kind: &str, text: String) -> Fact {
    Fact {
        kind: kind.to_owned(),
        text,
        ..Fact::default()
    }
}

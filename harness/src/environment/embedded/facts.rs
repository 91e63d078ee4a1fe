//! Facts of the cluster on their way to the history and to those who wait for consequences.

use super::view::View;
use crate::environment::happenings::{Happening, Happenings};
use crate::environment::notes::Notes;
use squall_history::{Fact, What};
use squall_wire::kafka::{Facts, NamedFact, PartitionName, StampedFact};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The thread that listens to the facts for as long as the cluster lives.
pub struct Pump {
    thread: JoinHandle<()>,
}

impl Pump {
    /// # Errors
    /// When no thread can be had.
    pub fn start(
        facts: Facts,
        view: &Arc<View>,
        notes: &Arc<dyn Notes>,
        happenings: &Arc<Happenings>,
    ) -> io::Result<Self> {
        let (view, notes) = (Arc::clone(view), Arc::clone(notes));
        let happenings = Arc::clone(happenings);
        let listen = move || {
            while let Ok(stamped) = facts.recv() {
                view.take_in(&stamped.fact);
                if let Some(happening) = happening(&stamped.fact) {
                    happenings.saw(happening);
                }
                if let Some(what) = note(&stamped) {
                    notes.note_at(stamped.at, what);
                }
            }
            if facts.dropped() > 0 {
                notes.note(What::Problem {
                    source: "facts".to_owned(),
                    text: format!("{} facts of the brokers were lost", facts.dropped()),
                });
            }
        };
        let thread = std::thread::Builder::new().name("facts".to_owned());
        let thread = thread.spawn(listen)?;
        Ok(Self { thread })
    }

    /// Waits for the last fact. The cluster must have been stopped.
    pub fn finish(self) {
        let _ = self.thread.join();
    }
}

fn happening(fact: &NamedFact) -> Option<Happening> {
    let brokers = |ids: Vec<i32>| ids.into_iter().filter_map(|id| u32::try_from(id).ok());
    match fact {
        NamedFact::Elected {
            partition,
            leader: Some(leader),
            ..
        } => Some(Happening::Elected {
            topic: partition.topic.to_string(),
            partition: u32::try_from(partition.partition).ok()?,
            leader: u32::try_from(*leader).ok()?,
        }),
        NamedFact::IsrChanged {
            partition,
            from,
            to,
            ..
        } => {
            let lost: Vec<i32> = from.iter().copied().filter(|id| !to.contains(id)).collect();
            (!lost.is_empty()).then_some(Happening::IsrShrank {
                topic: partition.topic.to_string(),
                partition: u32::try_from(partition.partition).ok()?,
                lost: brokers(lost).collect(),
            })
        }
        NamedFact::Rebalanced {
            group, generation, ..
        } => Some(Happening::Rebalanced {
            group: group.to_string(),
            generation: *generation,
        }),
        _ => None,
    }
}

/// As the history keeps it. High watermarks move with every batch and are left out.
fn note(stamped: &StampedFact) -> Option<What> {
    let node = u32::try_from(stamped.node).unwrap_or(0);
    if let NamedFact::Committed {
        group,
        member,
        client,
        partition,
        offset,
    } = &stamped.fact
    {
        let client = client.to_string();
        return Some(What::Commit {
            group: group.to_string(),
            member: if client.is_empty() {
                member.clone()
            } else {
                client
            },
            topic: partition.topic.to_string(),
            partition: partition.partition,
            offset: *offset,
        });
    }
    let fact = of_partition(&stamped.fact).or_else(|| of_cluster(&stamped.fact))?;
    Some(What::Fact(Fact { node, ..fact }))
}

fn of_partition(fact: &NamedFact) -> Option<Fact> {
    Some(match fact {
        NamedFact::Elected {
            partition,
            leader,
            epoch,
            isr,
            clean,
        } => {
            let leader = leader.map_or("none (offline)".to_owned(), |id| id.to_string());
            let clean = if *clean { "" } else { ", unclean" };
            let text = format!("leader {leader}, in sync {isr:?}{clean}");
            told("elected", partition, text, None, Some(*epoch))
        }
        NamedFact::IsrChanged {
            partition,
            epoch,
            from,
            to,
        } => told(
            "isr",
            partition,
            format!("in sync {from:?} -> {to:?}"),
            None,
            Some(*epoch),
        ),
        NamedFact::Truncated {
            partition,
            from,
            to,
            epoch,
        } => {
            let text = format!("cut back from {from} to {to}");
            told("truncated", partition, text, Some(*to), Some(*epoch))
        }
        NamedFact::Leading {
            partition,
            epoch,
            start_offset,
        } => {
            let text = format!("leads from offset {start_offset}");
            told(
                "leading",
                partition,
                text,
                Some(*start_offset),
                Some(*epoch),
            )
        }
        NamedFact::DuplicateDropped {
            partition,
            producer_id,
            base_sequence,
        } => {
            let text = format!("producer {producer_id}, sequence {base_sequence}");
            told("duplicate-dropped", partition, text, None, None)
        }
        NamedFact::CoordinatorLoaded { partition, groups } => {
            let text = format!("coordinates {groups} groups");
            told("coordinator", partition, text, None, None)
        }
        _ => return None,
    })
}

fn of_cluster(fact: &NamedFact) -> Option<Fact> {
    let (kind, text, topic) = match fact {
        NamedFact::Fenced { broker, why } => ("fenced", format!("broker {broker}: {why:?}"), None),
        NamedFact::Unfenced { broker } => ("unfenced", format!("broker {broker}"), None),
        NamedFact::Rebalanced {
            group,
            generation,
            members,
        } => {
            let count = members.len();
            (
                "rebalanced",
                format!("{group} generation {generation}, {count} members"),
                None,
            )
        }
        NamedFact::MemberRemoved {
            group,
            member,
            client,
            why,
        } => (
            "member-removed",
            format!("{group}: {client} ({member}), {why:?}"),
            None,
        ),
        NamedFact::TopicCreated { topic, partitions } => (
            "topic-created",
            format!("{partitions} partitions"),
            Some(topic),
        ),
        NamedFact::TopicDeleted { topic } => ("topic-deleted", String::new(), Some(topic)),
        _ => return None,
    };
    Some(Fact {
        kind: kind.to_owned(),
        text,
        topic: topic.map(ToString::to_string),
        ..Fact::default()
    })
}

fn told(
    kind: &str,
    place: &PartitionName,
    text: String,
    offset: Option<i64>,
    epoch: Option<i32>,
) -> Fact {
    Fact {
        kind: kind.to_owned(),
        text,
        topic: Some(place.topic.to_string()),
        partition: Some(place.partition),
        offset,
        epoch,
        ..Fact::default()
    }
}

//! Facts of the cluster on their way to the history and to those who wait for consequences.

use super::view::View;
use crate::environment::happenings::{Happening, Happenings};
use crate::environment::notes::Notes;
use squall_history::{Fact, Place, What};
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
            clean,
            ..
        } => Some(Happening::Elected {
            topic: partition.topic.to_string(),
            partition: u32::try_from(partition.partition).ok()?,
            leader: u32::try_from(*leader).ok()?,
            clean: *clean,
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
    told(&stamped.fact).map(|fact| What::Fact(fact.by(node)))
}

fn told(fact: &NamedFact) -> Option<Fact> {
    Some(match fact {
        NamedFact::Elected {
            partition,
            leader,
            epoch,
            isr,
            clean,
        } => place(partition).elected(*leader, *epoch, isr, *clean),
        NamedFact::IsrChanged {
            partition,
            epoch,
            from,
            to,
        } => place(partition).isr_changed(*epoch, from, to),
        NamedFact::Truncated {
            partition,
            from,
            to,
            epoch,
        } => place(partition).truncated(*epoch, *from, *to),
        NamedFact::Leading {
            partition,
            epoch,
            start_offset,
        } => place(partition).leading(*epoch, *start_offset),
        NamedFact::DuplicateDropped {
            partition,
            producer_id,
            base_sequence,
        } => place(partition).duplicate_dropped(*producer_id, *base_sequence),
        NamedFact::CoordinatorLoaded { partition, groups } => {
            place(partition).coordinator_loaded(groups)
        }
        NamedFact::Fenced { broker, why } => Fact::fenced(broker, why),
        NamedFact::Unfenced { broker } => Fact::unfenced(broker),
        NamedFact::Rebalanced {
            group,
            generation,
            members,
        } => Fact::rebalanced(group, *generation, members.len()),
        NamedFact::MemberRemoved {
            group,
            member,
            client,
            why,
        } => Fact::member_removed(group, client, member, why),
        NamedFact::TopicCreated { topic, partitions } => Fact::topic_created(topic, partitions),
        NamedFact::TopicDeleted { topic } => Fact::topic_deleted(topic),
        _ => return None,
    })
}

fn place(name: &PartitionName) -> Place<&str> {
    Place {
        topic: &name.topic,
        partition: name.partition,
    }
}

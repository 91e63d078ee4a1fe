//! Facts of the machines on their way to the history and to the view.

use super::Cluster;
use squall_history::What;
use squall_model::kafka::{Fact, MemberId, Name, NodeId, Offset, TopicPartition};
use squall_plan::fault::Happening;

type Told = squall_history::Fact;

impl Cluster {
    pub(super) fn tell(&self, node: NodeId, fact: Fact) {
        self.take_in(&fact);
        if let Fact::Committed {
            group,
            member,
            client,
            partition,
            offset,
        } = &fact
        {
            let names = (*group, *member, *client);
            let what = || self.commit(names, *partition, *offset);
            self.journal.detail(what);
        } else if let Some(what) = self.note(node, &fact) {
            self.journal.note(what);
        }
    }

    fn commit(
        &self,
        (group, member, client): (Name, MemberId, Name),
        partition: TopicPartition,
        offset: Offset,
    ) -> What {
        let (topic, partition) = self.place(partition);
        let client = self.names.text(client).to_string();
        What::Commit {
            group: self.names.text(group).to_string(),
            member: if client.is_empty() {
                member_text(member)
            } else {
                client
            },
            topic,
            partition: partition.cast_signed(),
            offset,
        }
    }

    fn take_in(&self, fact: &Fact) {
        let mut view = self.view.borrow_mut();
        match fact {
            Fact::Elected {
                partition, leader, ..
            } => match leader {
                Some(leader) => {
                    view.leaders.insert(*partition, *leader);
                    let (topic, index) = self.place(*partition);
                    view.happenings.push(Happening::Elected {
                        topic,
                        partition: index,
                        leader: leader.0.cast_unsigned(),
                    });
                }
                None => {
                    view.leaders.remove(partition);
                }
            },
            Fact::IsrChanged {
                partition,
                from,
                to,
                ..
            } => {
                let lost: Vec<u32> = from
                    .iter()
                    .filter(|id| !to.contains(id))
                    .map(|id| id.0.cast_unsigned())
                    .collect();
                if !lost.is_empty() {
                    let (topic, partition) = self.place(*partition);
                    view.happenings.push(Happening::IsrShrank {
                        topic,
                        partition,
                        lost,
                    });
                }
            }
            Fact::Rebalanced {
                group, generation, ..
            } => {
                let group = self.names.text(*group).to_string();
                view.happenings.push(Happening::Rebalanced {
                    group,
                    generation: *generation,
                });
            }
            Fact::Fenced { broker, .. } => {
                view.unfenced.remove(broker);
            }
            Fact::Unfenced { broker } => {
                view.unfenced.insert(*broker);
            }
            Fact::Committed {
                group,
                partition,
                offset,
                ..
            } => {
                view.committed.insert((*group, *partition), *offset);
            }
            _ => {}
        }
    }

    /// Topic and partition, as faults name them.
    pub(super) fn place(&self, partition: TopicPartition) -> (String, u32) {
        (
            self.names.text(partition.topic).to_string(),
            partition.partition.cast_unsigned(),
        )
    }

    /// As the history keeps it. High watermarks move with every batch and are left out.
    fn note(&self, node: NodeId, fact: &Fact) -> Option<What> {
        let told = self.of_partition(fact).or_else(|| self.of_cluster(fact))?;
        Some(What::Fact(Told {
            node: node.0.cast_unsigned(),
            ..told
        }))
    }

    fn of_partition(&self, fact: &Fact) -> Option<Told> {
        let told = |kind: &str, place: &TopicPartition, text: String, offset, epoch| {
            let (topic, partition) = self.place(*place);
            Told {
                kind: kind.to_owned(),
                text,
                topic: Some(topic),
                partition: Some(partition.cast_signed()),
                offset,
                epoch,
                ..Told::default()
            }
        };
        Some(match fact {
            Fact::Elected {
                partition,
                leader,
                epoch,
                isr,
                clean,
            } => {
                let leader = leader.map_or("none (offline)".to_owned(), |id| id.to_string());
                let clean = if *clean { "" } else { ", unclean" };
                let text = format!("leader {leader}, in sync {}{clean}", numbers(isr));
                told("elected", partition, text, None, Some(*epoch))
            }
            Fact::IsrChanged {
                partition,
                epoch,
                from,
                to,
            } => {
                let text = format!("in sync {} -> {}", numbers(from), numbers(to));
                told("isr", partition, text, None, Some(*epoch))
            }
            Fact::Truncated {
                partition,
                from,
                to,
                epoch,
            } => {
                let text = format!("cut back from {from} to {to}");
                told("truncated", partition, text, Some(*to), Some(*epoch))
            }
            Fact::Leading {
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
            Fact::DuplicateDropped {
                partition,
                producer_id,
                base_sequence,
            } => {
                let text = format!("producer {producer_id}, sequence {base_sequence}");
                told("duplicate-dropped", partition, text, None, None)
            }
            Fact::CoordinatorLoaded { partition, groups } => told(
                "coordinator",
                partition,
                format!("coordinates {groups} groups"),
                None,
                None,
            ),
            _ => return None,
        })
    }

    fn of_cluster(&self, fact: &Fact) -> Option<Told> {
        let (kind, text, topic) = match fact {
            Fact::Fenced { broker, why } => ("fenced", format!("broker {broker}: {why:?}"), None),
            Fact::Unfenced { broker } => ("unfenced", format!("broker {broker}"), None),
            Fact::Rebalanced {
                group,
                generation,
                members,
            } => {
                let group = self.names.text(*group);
                let count = members.len();
                (
                    "rebalanced",
                    format!("{group} generation {generation}, {count} members"),
                    None,
                )
            }
            Fact::MemberRemoved {
                group,
                member,
                client,
                why,
            } => {
                let (group, client) = (self.names.text(*group), self.names.text(*client));
                let member = member_text(*member);
                (
                    "member-removed",
                    format!("{group}: {client} ({member}), {why:?}"),
                    None,
                )
            }
            Fact::TopicCreated { topic, partitions } => (
                "topic-created",
                format!("{partitions} partitions"),
                Some(*topic),
            ),
            Fact::TopicDeleted { topic } => ("topic-deleted", String::new(), Some(*topic)),
            _ => return None,
        };
        Some(Told {
            kind: kind.to_owned(),
            text,
            topic: topic.map(|topic| self.names.text(topic).to_string()),
            ..Told::default()
        })
    }
}

fn member_text(member: MemberId) -> String {
    format!("member-{:016x}", member.0)
}

fn numbers(nodes: &[NodeId]) -> String {
    let ids: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    format!("[{}]", ids.join(", "))
}

//! Facts of the machines on their way to the history and to the view.

use super::{Cluster, Machine, Node};
use crate::record::Body;
use squall_history::{LogEnd, Place, What};
use squall_model::kafka::{BrokerDisk, Fact, MemberId, Name, NodeId, Offset, TopicPartition};
use squall_plan::fault::Happening;

type Told = squall_history::Fact;

impl Cluster {
    pub(super) fn tell(&self, node: NodeId, fact: Fact) {
        self.take_in(&fact);
        self.stir.hear(&fact);
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
        if let Fact::Leading { partition, .. } = &fact {
            self.journal.aside(|| self.held(node, *partition));
        }
    }

    /// Who has how much of a partition, told when one of them begins to lead it: what ends beyond the leader's end will be cut.
    fn held(&self, leader: NodeId, partition: TopicPartition) -> What {
        let nodes = self.nodes.borrow();
        let end = |(id, node): (NodeId, &Node)| {
            let (end, is_down) = match &node.machine {
                Machine::Broker(broker) => (broker.log(partition)?.end(), false),
                Machine::Down(disk) => (disk.end_of(partition)?, true),
                Machine::Controller(_) | Machine::Moving => return None,
            };
            let node = id.0;
            Some(LogEnd { node, end, is_down })
        };
        let ends = nodes.iter().filter_map(end).collect();
        let (topic, partition) = self.place(partition);
        let place = Place {
            topic,
            partition: partition.cast_signed(),
        };
        What::Fact(place.held(leader.0.cast_unsigned(), ends))
    }

    /// What a broker had not flushed when its power went.
    pub(super) fn tell_lost_tails(&self, node: NodeId, disk: &BrokerDisk<Body>) {
        for (partition, end, flushed) in disk.ends().filter(|(_, end, flushed)| flushed < end) {
            self.journal.aside(|| {
                let (topic, index) = self.place(partition);
                What::Fact(Told {
                    node: node.0.cast_unsigned(),
                    kind: "power-lost".to_owned(),
                    text: format!("not flushed, and gone: from {flushed} up to {end}"),
                    topic: Some(topic),
                    partition: Some(index.cast_signed()),
                    offset: Some(flushed),
                    ..Told::default()
                })
            });
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
        if let Fact::HighWatermark { .. } = fact {
            return;
        }
        let mut view = self.view.borrow_mut();
        match fact {
            Fact::Elected {
                partition,
                leader,
                clean,
                ..
            } => match leader {
                Some(leader) => {
                    view.leaders.insert(*partition, *leader);
                    let (topic, index) = self.place(*partition);
                    view.happenings.push(Happening::Elected {
                        topic,
                        partition: index,
                        leader: leader.0.cast_unsigned(),
                        clean: *clean,
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
        let told = self.told(fact)?;
        Some(What::Fact(told.by(node.0.cast_unsigned())))
    }

    fn told(&self, fact: &Fact) -> Option<Told> {
        let name = |name: &Name| self.names.text(*name);
        let place = |place: &TopicPartition| Place {
            topic: self.names.text(place.topic),
            partition: place.partition,
        };
        Some(match fact {
            Fact::Elected {
                partition,
                leader,
                epoch,
                isr,
                clean,
            } => place(partition).elected(leader.map(|id| id.0), *epoch, &ids(isr), *clean),
            Fact::IsrChanged {
                partition,
                epoch,
                from,
                to,
            } => place(partition).isr_changed(*epoch, &ids(from), &ids(to)),
            Fact::Truncated {
                partition,
                from,
                to,
                epoch,
            } => place(partition).truncated(*epoch, *from, *to),
            Fact::Leading {
                partition,
                epoch,
                start_offset,
            } => place(partition).leading(*epoch, *start_offset),
            Fact::DuplicateDropped {
                partition,
                producer_id,
                base_sequence,
            } => place(partition).duplicate_dropped(*producer_id, *base_sequence),
            Fact::CoordinatorLoaded { partition, groups } => {
                place(partition).coordinator_loaded(groups)
            }
            Fact::Fenced { broker, why } => Told::fenced(broker, why),
            Fact::Unfenced { broker } => Told::unfenced(broker),
            Fact::Rebalanced {
                group,
                generation,
                members,
            } => Told::rebalanced(name(group), *generation, members.len()),
            Fact::MemberRemoved {
                group,
                member,
                client,
                why,
            } => Told::member_removed(name(group), name(client), member_text(*member), why),
            Fact::TopicCreated { topic, partitions } => {
                Told::topic_created(name(topic), partitions)
            }
            Fact::TopicDeleted { topic } => Told::topic_deleted(name(topic)),
            _ => return None,
        })
    }
}

fn member_text(member: MemberId) -> String {
    format!("member-{:016x}", member.0)
}

fn ids(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|node| node.0).collect()
}

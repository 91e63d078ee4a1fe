//! Facts of the machines with readable names, on their way to whoever watches the cluster.

use super::names::{Names, member_text};
use squall_model::kafka::{Epoch, Fact, NodeId, Offset, TopicPartition, Why};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::Instant;

/// A partition by name; shows as `signups/3`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PartitionName {
    pub topic: Arc<str>,
    pub partition: i32,
}

impl fmt::Display for PartitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// [`Fact`] with names as text; brokers and epochs are numbers to begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NamedFact {
    Elected {
        partition: PartitionName,
        leader: Option<i32>,
        epoch: Epoch,
        isr: Vec<i32>,
        clean: bool,
    },
    IsrChanged {
        partition: PartitionName,
        epoch: Epoch,
        from: Vec<i32>,
        to: Vec<i32>,
    },
    Fenced {
        broker: i32,
        why: Why,
    },
    Unfenced {
        broker: i32,
    },
    Truncated {
        partition: PartitionName,
        from: Offset,
        to: Offset,
        epoch: Epoch,
    },
    Leading {
        partition: PartitionName,
        epoch: Epoch,
        start_offset: Offset,
    },
    HighWatermark {
        partition: PartitionName,
        offset: Offset,
    },
    DuplicateDropped {
        partition: PartitionName,
        producer_id: i64,
        base_sequence: i32,
    },
    Rebalanced {
        group: Arc<str>,
        generation: i32,
        members: Vec<String>,
    },
    MemberRemoved {
        group: Arc<str>,
        member: String,
        client: Arc<str>,
        why: Why,
    },
    Committed {
        group: Arc<str>,
        member: String,
        client: Arc<str>,
        partition: PartitionName,
        offset: Offset,
    },
    CoordinatorLoaded {
        partition: PartitionName,
        groups: usize,
    },
    TopicCreated {
        topic: Arc<str>,
        partitions: i32,
    },
    TopicDeleted {
        topic: Arc<str>,
    },
}

/// A fact, where and when it happened. Node 0 is the controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StampedFact {
    pub at: Instant,
    pub node: i32,
    pub fact: NamedFact,
}

pub(crate) fn partition_name(names: &Names, place: TopicPartition) -> PartitionName {
    PartitionName {
        topic: names.shared(place.topic),
        partition: place.partition,
    }
}

fn ids(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|n| n.0).collect()
}

impl NamedFact {
    pub(crate) fn new(fact: &Fact, names: &Names) -> Option<Self> {
        Self::of_controller(fact, names)
            .or_else(|| Self::of_replica(fact, names))
            .or_else(|| Self::of_group(fact, names))
    }

    fn of_controller(fact: &Fact, names: &Names) -> Option<Self> {
        Some(match fact {
            Fact::Elected {
                partition,
                leader,
                epoch,
                isr,
                clean,
            } => Self::Elected {
                partition: partition_name(names, *partition),
                leader: leader.map(|n| n.0),
                epoch: *epoch,
                isr: ids(isr),
                clean: *clean,
            },
            Fact::IsrChanged {
                partition,
                epoch,
                from,
                to,
            } => Self::IsrChanged {
                partition: partition_name(names, *partition),
                epoch: *epoch,
                from: ids(from),
                to: ids(to),
            },
            Fact::Fenced { broker, why } => Self::Fenced {
                broker: broker.0,
                why: *why,
            },
            Fact::Unfenced { broker } => Self::Unfenced { broker: broker.0 },
            Fact::TopicCreated { topic, partitions } => Self::TopicCreated {
                topic: names.shared(*topic),
                partitions: *partitions,
            },
            Fact::TopicDeleted { topic } => Self::TopicDeleted {
                topic: names.shared(*topic),
            },
            _ => return None,
        })
    }

    fn of_replica(fact: &Fact, names: &Names) -> Option<Self> {
        Some(match fact {
            Fact::Truncated {
                partition,
                from,
                to,
                epoch,
            } => Self::Truncated {
                partition: partition_name(names, *partition),
                from: *from,
                to: *to,
                epoch: *epoch,
            },
            Fact::Leading {
                partition,
                epoch,
                start_offset,
            } => Self::Leading {
                partition: partition_name(names, *partition),
                epoch: *epoch,
                start_offset: *start_offset,
            },
            Fact::HighWatermark { partition, offset } => Self::HighWatermark {
                partition: partition_name(names, *partition),
                offset: *offset,
            },
            Fact::DuplicateDropped {
                partition,
                producer_id,
                base_sequence,
            } => Self::DuplicateDropped {
                partition: partition_name(names, *partition),
                producer_id: *producer_id,
                base_sequence: *base_sequence,
            },
            _ => return None,
        })
    }

    fn of_group(fact: &Fact, names: &Names) -> Option<Self> {
        Some(match fact {
            Fact::MemberRemoved {
                group,
                member,
                client,
                why,
            } => Self::MemberRemoved {
                group: names.shared(*group),
                member: member_text(*member),
                client: names.shared(*client),
                why: *why,
            },
            Fact::Committed {
                group,
                member,
                client,
                partition,
                offset,
            } => Self::Committed {
                group: names.shared(*group),
                member: member_text(*member),
                client: names.shared(*client),
                partition: partition_name(names, *partition),
                offset: *offset,
            },
            Fact::Rebalanced {
                group,
                generation,
                members,
            } => Self::Rebalanced {
                group: names.shared(*group),
                generation: *generation,
                members: members.iter().map(|m| member_text(*m)).collect(),
            },
            Fact::CoordinatorLoaded { partition, groups } => Self::CoordinatorLoaded {
                partition: partition_name(names, *partition),
                groups: *groups,
            },
            _ => return None,
        })
    }
}

/// A bounded stream of facts. The cluster never waits for its reader: what does not fit is counted.
#[derive(Debug)]
pub struct Facts {
    receiver: Receiver<StampedFact>,
    dropped: Arc<AtomicU64>,
}

impl Facts {
    /// Facts that were dropped because this stream was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl std::ops::Deref for Facts {
    type Target = Receiver<StampedFact>;

    fn deref(&self) -> &Self::Target {
        &self.receiver
    }
}

/// Facts that wait for a reader.
const FACTS_MAX: usize = 1 << 17;

struct Stream {
    sender: SyncSender<StampedFact>,
    dropped: Arc<AtomicU64>,
}

/// The writing side of all streams.
#[derive(Default)]
pub(crate) struct FactStreams {
    streams: Vec<Stream>,
}

impl FactStreams {
    pub(crate) fn open(&mut self) -> Facts {
        let (sender, receiver) = mpsc::sync_channel(FACTS_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        self.streams.push(Stream {
            sender,
            dropped: Arc::clone(&dropped),
        });
        Facts { receiver, dropped }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    pub(crate) fn send(&mut self, fact: &StampedFact) {
        self.streams
            .retain(|stream| match stream.sender.try_send(fact.clone()) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => {
                    stream.dropped.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(TrySendError::Disconnected(_)) => false,
            });
    }
}

//! What is known of the cluster from its facts, and from looking into the leaders' logs as a tap does.

use super::{Cluster, Machine};
use crate::kernel::{Kernel, Signal};
use crate::record::Record;
use squall_model::kafka::{Fact, Name, NodeId, Offset, Stored, TopicPartition};
use squall_plan::fault::Happening;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct View {
    pub happenings: Vec<Happening>,
    pub leaders: BTreeMap<TopicPartition, NodeId>,
    pub unfenced: BTreeSet<NodeId>,
    /// By group and partition.
    pub committed: BTreeMap<(Name, TopicPartition), Offset>,
}

impl View {
    /// Records before `end` that a group has yet to commit.
    fn behind(&self, group: Name, partition: TopicPartition, end: Offset) -> u64 {
        let committed = self.committed.get(&(group, partition));
        u64::try_from(end - committed.copied().unwrap_or(0)).unwrap_or(0)
    }
}

/// A record that is committed in its partition.
#[derive(Clone, Debug)]
pub struct Tapped<'a> {
    pub partition: i32,
    pub offset: Offset,
    pub record: Record<'a>,
}

/// Reads a topic from where it stopped, up to the high watermarks.
pub struct TopicReader {
    topic: Name,
    next: BTreeMap<i32, Offset>,
}

impl TopicReader {
    #[must_use]
    pub const fn new(topic: Name) -> Self {
        Self {
            topic,
            next: BTreeMap::new(),
        }
    }

    #[must_use]
    pub const fn topic(&self) -> Name {
        self.topic
    }

    /// A reader of the same topic that has read nothing.
    #[must_use]
    pub const fn anew(&self) -> Self {
        Self::new(self.topic)
    }

    /// Hands out what is new. A partition without a leader is left for later: the cluster's facts tell when to look again.
    pub fn read(&mut self, cluster: &Cluster, mut take: impl FnMut(Tapped<'_>)) {
        for (partition, leader) in cluster.leaders_of(self.topic) {
            let next = self.next.entry(partition.partition).or_default();
            let nodes = cluster.nodes.borrow();
            let Some(Machine::Broker(broker)) = nodes.get(leader).map(|node| &node.machine) else {
                continue;
            };
            let Some((end, _)) = broker.high_watermark(partition) else {
                continue;
            };
            if end <= *next {
                continue;
            }
            let Some(log) = broker.log(partition) else {
                continue;
            };
            for entry in log.read(*next, end, i64::MAX) {
                if let Stored::Client(records) = &entry.batch.body {
                    for (record, offset) in records
                        .iter()
                        .zip(entry.base_offset..)
                        .filter(|(_, offset)| *offset >= *next)
                    {
                        let partition = partition.partition;
                        take(Tapped {
                            partition,
                            offset,
                            record,
                        });
                    }
                }
            }
            *next = end.max(*next);
        }
    }

    /// Records between here and the high watermarks, and whether every one of `partitions` could be asked.
    pub fn is_at_end(&self, cluster: &Cluster, partitions: usize) -> bool {
        let ends = cluster.ends_of(self.topic);
        ends.len() == partitions
            && ends
                .iter()
                .all(|(id, end)| self.next.get(&id.partition).copied().unwrap_or(0) >= *end)
    }
}

/// Tells whoever taps topics that there may be something new in them.
pub(super) struct Stir {
    topics: RefCell<BTreeSet<Name>>,
    due: Cell<bool>,
    signal: Signal,
}

impl Stir {
    pub fn new(kernel: &Kernel) -> Self {
        Self {
            topics: RefCell::default(),
            due: Cell::new(false),
            signal: Signal::new(kernel),
        }
    }

    fn stir(&self) {
        if !self.due.replace(true) {
            self.signal.raise();
        }
    }

    /// Takes a fact in: new records are committed, or somebody else has them to show now.
    pub fn hear(&self, fact: &Fact) {
        let news = match fact {
            Fact::HighWatermark { partition, .. }
            | Fact::Elected { partition, .. }
            | Fact::Leading { partition, .. } => self.topics.borrow().contains(&partition.topic),
            Fact::Unfenced { .. } => true,
            _ => false,
        };
        if news {
            self.stir();
        }
    }
}

impl Cluster {
    /// From now on [`Cluster::stirred`] tells of this topic.
    pub fn tap(&self, topic: Name) {
        self.stir.topics.borrow_mut().insert(topic);
        self.stir.stir();
    }

    /// Ends when a tapped topic may have something new since [`Cluster::settle`].
    pub async fn stirred(&self) {
        self.stir.signal.until(|| self.stir.due.get()).await;
    }

    /// Whoever taps looks now.
    pub fn settle(&self) {
        self.stir.due.set(false);
    }

    pub fn happenings_mark(&self) -> usize {
        self.view.borrow().happenings.len()
    }

    pub fn find_happening(
        &self,
        mark: usize,
        matches: impl Fn(&Happening) -> bool,
    ) -> Option<Happening> {
        let view = self.view.borrow();
        view.happenings
            .iter()
            .skip(mark)
            .find(|happening| matches(happening))
            .cloned()
    }

    /// Partitions of a topic that have a leader.
    fn leaders_of(&self, topic: Name) -> Vec<(TopicPartition, NodeId)> {
        let at = |partition| TopicPartition { topic, partition };
        let view = self.view.borrow();
        let of_topic = view.leaders.range(at(i32::MIN)..=at(i32::MAX));
        of_topic.map(|(id, leader)| (*id, *leader)).collect()
    }

    /// Partitions, as topic and number, that this broker leads.
    pub fn led_by(&self, broker: NodeId) -> Vec<(String, u32)> {
        let view = self.view.borrow();
        let led = view.leaders.iter().filter(|(_, leader)| **leader == broker);
        led.map(|(id, _)| self.place(*id)).collect()
    }

    #[must_use]
    pub fn leader(&self, topic: &str, partition: i32) -> Option<NodeId> {
        let topic = self.names.intern(topic);
        self.view
            .borrow()
            .leaders
            .get(&TopicPartition { topic, partition })
            .copied()
    }

    /// High watermarks of the partitions of a topic whose leader is up.
    fn ends_of(&self, topic: Name) -> Vec<(TopicPartition, Offset)> {
        let nodes = self.nodes.borrow();
        let end = |(id, leader): (TopicPartition, NodeId)| match &nodes.get(leader)?.machine {
            Machine::Broker(broker) => {
                let (end, leads) = broker.high_watermark(id)?;
                leads.then_some((id, end))
            }
            _ => None,
        };
        self.leaders_of(topic).into_iter().filter_map(end).collect()
    }

    /// Records of a topic that a group has yet to commit. `None` while a partition has no leader.
    #[must_use]
    pub fn lag(&self, group: &str, topic: &str, partitions: usize) -> Option<u64> {
        let (group, topic) = (self.names.intern(group), self.names.intern(topic));
        let ends = self.ends_of(topic);
        if ends.len() != partitions {
            return None;
        }
        let view = self.view.borrow();
        let behind = ends
            .into_iter()
            .map(|(id, end)| view.behind(group, id, end));
        Some(behind.sum())
    }

    /// By topic and partition, the records that a group has yet to commit: of the topics that it has committed on, or of `entry_topics`
    /// while there are none. `None` while nobody has heard of the group, or one of the partitions has no leader
    /// that is up.
    #[must_use]
    pub fn lags(
        &self,
        group: &str,
        entry_topics: &[String],
    ) -> Option<BTreeMap<(String, u32), u64>> {
        let group = self.names.known(group)?;
        let mut topics: BTreeSet<Name> = {
            let view = self.view.borrow();
            let committed = view.committed.keys();
            committed
                .filter(|(by, _)| *by == group)
                .map(|(_, id)| id.topic)
                .collect()
        };
        if topics.is_empty() {
            topics.extend(
                entry_topics
                    .iter()
                    .filter_map(|topic| self.names.known(topic)),
            );
        }
        let mut lags = BTreeMap::new();
        for topic in topics {
            let ends = self.ends_of(topic);
            if ends.len() != self.leaders_of(topic).len() {
                return None;
            }
            let view = self.view.borrow();
            for (id, end) in ends {
                lags.insert(self.place(id), view.behind(group, id, end));
            }
        }
        Some(lags)
    }

    /// Whether a broker runs and has been told that it is in the cluster: no real one takes connections before that.
    #[must_use]
    pub fn is_unfenced(&self, broker: NodeId) -> bool {
        match self.nodes.borrow().get(broker).map(|node| &node.machine) {
            Some(Machine::Broker(machine)) => machine.image().is_alive(broker),
            _ => false,
        }
    }

    #[must_use]
    pub fn unfenced(&self) -> usize {
        self.view.borrow().unfenced.len()
    }

    /// Whether every leader has all replicas of its partitions in sync, and every partition that ever had a leader has one that is up.
    #[must_use]
    pub fn is_in_sync(&self) -> bool {
        let nodes = self.nodes.borrow();
        let view = self.view.borrow();
        view.leaders.iter().all(|(id, leader)| {
            let Some(Machine::Broker(broker)) = nodes.get(*leader).map(|node| &node.machine) else {
                return false;
            };
            let state = broker.image().partitions.get(*id);
            state.is_some_and(|state| state.isr.len() == state.replicas.len())
        })
    }

    /// Whether all partitions of a topic have a leader that is up.
    #[must_use]
    pub fn is_led(&self, topic: &str, partitions: usize) -> bool {
        self.ends_of(self.names.intern(topic)).len() == partitions
    }
}

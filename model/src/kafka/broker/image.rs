//! The cluster's metadata as one broker has applied it.

use crate::kafka::by_partition::ByPartition;
use crate::kafka::config::{BrokerConfig, TopicConfig};
use crate::kafka::ids::{Name, NodeId, TopicPartition};
use crate::kafka::peer::{MetadataChange, PartitionState};
use std::collections::BTreeMap;

/// The image at one version of the metadata log.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub version: u64,
    /// Broker epoch and whether it is fenced.
    pub brokers: BTreeMap<NodeId, (i64, bool)>,
    pub topics: BTreeMap<Name, Topic>,
    pub partitions: ByPartition<PartitionState>,
}

#[derive(Clone, Debug, Default)]
pub struct Topic {
    pub config: TopicConfig,
    pub properties: BTreeMap<String, String>,
}

impl Image {
    pub fn apply(&mut self, change: &MetadataChange) {
        match change {
            MetadataChange::Broker {
                node,
                broker_epoch,
                fenced,
            } => {
                self.brokers.insert(*node, (*broker_epoch, *fenced));
            }
            MetadataChange::Topic { topic, configs } => {
                // The controller checked them when the topic was made.
                let config = TopicConfig::from_properties(configs).unwrap_or_default();
                self.topics.insert(
                    *topic,
                    Topic {
                        config,
                        properties: configs.clone(),
                    },
                );
            }
            MetadataChange::TopicRemoved { topic } => {
                self.topics.remove(topic);
                self.partitions.remove_topic(*topic);
            }
            MetadataChange::Partition { partition, state } => {
                self.partitions.insert(*partition, state.clone());
            }
        }
    }

    #[must_use]
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.brokers.get(&node).is_some_and(|(_, fenced)| !fenced)
    }

    #[must_use]
    pub fn epoch_of(&self, node: NodeId) -> i64 {
        self.brokers.get(&node).map_or(-1, |(epoch, _)| *epoch)
    }

    /// How many partitions a topic has; 0 for one that is not there.
    #[must_use]
    pub fn partition_count(&self, topic: Name) -> u32 {
        self.partitions.count_of(topic)
    }

    /// Partitions of a topic in order.
    pub fn of_topic(&self, topic: Name) -> impl Iterator<Item = (TopicPartition, &PartitionState)> {
        self.partitions.of_topic(topic)
    }

    /// As many in-sync replicas as acks=all takes: never more than there are replicas.
    #[must_use]
    pub fn min_insync(&self, partition: TopicPartition, config: &BrokerConfig) -> usize {
        let own = self.topics.get(&partition.topic);
        let own = own.and_then(|topic| topic.config.min_insync_replicas);
        let wanted = usize::try_from(own.unwrap_or(config.min_insync_replicas)).unwrap_or(1);
        let replicas = self.partitions.get(partition).map(|s| s.replicas.len());
        wanted.min(replicas.unwrap_or(wanted))
    }

    /// After how many appended messages the log is flushed before they count; `None`: the operating system decides.
    #[must_use]
    pub fn flush_messages(&self, topic: Name, config: &BrokerConfig) -> Option<i64> {
        if config.defects.never_flush {
            return None;
        }
        let own = self.topics.get(&topic);
        let own = own.and_then(|topic| topic.config.flush_messages);
        own.or(config.log_flush_interval_messages)
    }

    #[must_use]
    pub fn max_message_bytes(&self, topic: Name, config: &BrokerConfig) -> i64 {
        self.topics
            .get(&topic)
            .and_then(|topic| topic.config.max_message_bytes)
            .unwrap_or(config.message_max_bytes)
    }
}

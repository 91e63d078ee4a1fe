//! The cluster's metadata as one broker has applied it.

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
    pub partitions: BTreeMap<TopicPartition, PartitionState>,
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
                self.partitions
                    .retain(|partition, _| partition.topic != *topic);
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

    /// Partitions of a topic in order.
    pub fn of_topic(
        &self,
        topic: Name,
    ) -> impl Iterator<Item = (&TopicPartition, &PartitionState)> {
        let first = TopicPartition {
            topic,
            partition: i32::MIN,
        };
        let last = TopicPartition {
            topic,
            partition: i32::MAX,
        };
        self.partitions.range(first..=last)
    }

    #[must_use]
    pub fn min_insync(&self, topic: Name, config: &BrokerConfig) -> usize {
        let set = self
            .topics
            .get(&topic)
            .and_then(|topic| topic.config.min_insync_replicas);
        usize::try_from(set.unwrap_or(config.min_insync_replicas)).unwrap_or(1)
    }

    #[must_use]
    pub fn max_message_bytes(&self, topic: Name, config: &BrokerConfig) -> i64 {
        self.topics
            .get(&topic)
            .and_then(|topic| topic.config.max_message_bytes)
            .unwrap_or(config.message_max_bytes)
    }
}

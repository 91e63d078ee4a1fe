//! What a client learns of the cluster: brokers, topics with their partitions and settings; and topics created by asking.

use super::Broker;
use super::control::Purpose;
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::{Name, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::message::*;
use crate::kafka::peer::{Admin, PartitionState};

impl<B: Body> Broker<B> {
    pub(super) fn metadata(
        &mut self,
        now: Nanos,
        request: &MetadataRequest,
        out: &mut Outbox<B>,
    ) -> MetadataResponse {
        let brokers = self
            .image
            .brokers
            .iter()
            .filter(|(_, (_, fenced))| !fenced)
            .map(|(node, _)| *node)
            .collect();
        let names: Vec<Name> = request
            .topics
            .clone()
            .unwrap_or_else(|| self.image.topics.keys().copied().collect());
        let topics = names
            .into_iter()
            .map(|topic| {
                if self.image.topics.contains_key(&topic) {
                    return self.topic_metadata(topic);
                }
                if request.allow_auto_topic_creation && self.config.auto_create_topics {
                    self.create_automatically(now, topic, -1, -1, out);
                }
                TopicMetadata {
                    topic,
                    error: ErrorCode::UnknownTopicOrPartition,
                    internal: false,
                    partitions: Vec::new(),
                }
            })
            .collect();
        MetadataResponse {
            brokers,
            controller: Some(self.id),
            topics,
        }
    }

    pub(super) fn create_automatically(
        &mut self,
        now: Nanos,
        topic: Name,
        partitions: i32,
        replication_factor: i16,
        out: &mut Outbox<B>,
    ) {
        if self.control.is_creating(topic) {
            return;
        }
        let new = NewTopic {
            topic,
            partitions,
            replication_factor,
            assignment: None,
            configs: std::collections::BTreeMap::new(),
        };
        let request = CreateTopicsRequest {
            topics: vec![new],
            timeout_ms: 5_000,
            validate_only: false,
        };
        self.forward(
            now,
            Purpose::AutoCreate(topic),
            vec![topic],
            Admin::CreateTopics(request),
            out,
        );
    }

    fn topic_metadata(&self, topic: Name) -> TopicMetadata {
        let partitions = self
            .image
            .of_topic(topic)
            .map(|(partition, state)| self.partition_metadata(partition, state))
            .collect();
        TopicMetadata {
            topic,
            error: ErrorCode::None,
            internal: topic == self.config.offsets_topic,
            partitions,
        }
    }

    fn partition_metadata(
        &self,
        partition: TopicPartition,
        state: &PartitionState,
    ) -> PartitionMetadata {
        let leader = state.leader.filter(|leader| self.image.is_alive(*leader));
        PartitionMetadata {
            partition: partition.partition,
            error: if leader.is_some() {
                ErrorCode::None
            } else {
                ErrorCode::LeaderNotAvailable
            },
            leader,
            leader_epoch: state.leader_epoch,
            replicas: state.replicas.clone(),
            isr: state.isr.clone(),
            offline: state
                .replicas
                .iter()
                .filter(|node| !self.image.is_alive(**node))
                .copied()
                .collect(),
        }
    }

    pub(super) fn topic_config(&self, topic: Name) -> DescribedTopicConfig {
        let Some(known) = self.image.topics.get(&topic) else {
            return DescribedTopicConfig {
                topic,
                error: ErrorCode::UnknownTopicOrPartition,
                entries: Vec::new(),
            };
        };
        let mut entries = vec![
            (
                "min.insync.replicas",
                known
                    .config
                    .min_insync_replicas
                    .unwrap_or(self.config.min_insync_replicas)
                    .to_string(),
            ),
            (
                "max.message.bytes",
                self.image
                    .max_message_bytes(topic, &self.config)
                    .to_string(),
            ),
            (
                "flush.messages",
                self.image
                    .flush_messages(topic, &self.config)
                    .unwrap_or(i64::MAX)
                    .to_string(),
            ),
            ("cleanup.policy", "delete".to_owned()),
            ("compression.type", "producer".to_owned()),
            ("message.timestamp.type", "CreateTime".to_owned()),
            ("retention.ms", "-1".to_owned()),
            ("retention.bytes", "-1".to_owned()),
            (
                "unclean.leader.election.enable",
                self.config.unclean_leader_election.to_string(),
            ),
        ];
        for (name, value) in &mut entries {
            if let Some(set) = known.properties.get(*name) {
                value.clone_from(set);
            }
        }
        let is_default = |name: &str| !known.properties.contains_key(name);
        let entries = entries
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value, is_default(name)))
            .collect();
        DescribedTopicConfig {
            topic,
            error: ErrorCode::None,
            entries,
        }
    }
}

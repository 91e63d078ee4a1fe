//! Topics: creation, placement of replicas, growth, deletion.

use super::Controller;
use crate::kafka::config::TopicConfig;
use crate::kafka::error::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{Name, NodeId, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::message::{CreateTopicsRequest, NewTopic, TopicResult};
use crate::kafka::peer::PartitionState;
use std::collections::{BTreeMap, BTreeSet};

/// Partitions of one topic at most: a typo must not fill the memory.
const PARTITIONS_MAX: i32 = 10_000;

type Refusal = (ErrorCode, String);

impl<B: Clone> Controller<B> {
    pub(super) fn create_topics(
        &mut self,
        request: CreateTopicsRequest,
        out: &mut Outbox<B>,
    ) -> Vec<TopicResult> {
        let mut count: BTreeMap<Name, usize> = BTreeMap::new();
        for new in &request.topics {
            *count.entry(new.topic).or_default() += 1;
        }
        // Each topic once: one that is named twice is refused once.
        let mut told = BTreeSet::new();
        request
            .topics
            .into_iter()
            .filter(|new| told.insert(new.topic))
            .map(|new| {
                let topic = new.topic;
                let created = if count.get(&topic).is_some_and(|n| *n > 1) {
                    let text = "the request names the topic twice".to_owned();
                    Err((ErrorCode::InvalidRequest, text))
                } else {
                    self.create_topic(new, request.validate_only, out)
                };
                match created {
                    Ok((partitions, replication_factor)) => TopicResult {
                        topic,
                        error: ErrorCode::None,
                        message: None,
                        partitions,
                        replication_factor,
                    },
                    Err((error, message)) => TopicResult {
                        topic,
                        error,
                        message: Some(message),
                        partitions: -1,
                        replication_factor: -1,
                    },
                }
            })
            .collect()
    }

    fn create_topic(
        &mut self,
        new: NewTopic,
        validate_only: bool,
        out: &mut Outbox<B>,
    ) -> Result<(i32, i16), Refusal> {
        if self.disk.topics.contains_key(&new.topic) {
            return Err((
                ErrorCode::TopicAlreadyExists,
                "the topic exists already".to_owned(),
            ));
        }
        if let Err(problems) = TopicConfig::from_properties(&new.configs) {
            let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err((ErrorCode::InvalidConfig, text.join("; ")));
        }
        let placement = self.placement(&new)?;
        let partitions = i32::try_from(placement.len()).unwrap_or(i32::MAX);
        let factor = placement.first().map_or(0, |replicas| {
            i16::try_from(replicas.len()).unwrap_or(i16::MAX)
        });
        if validate_only {
            return Ok((partitions, factor));
        }
        let version = self.next_version();
        self.disk.removed.remove(&new.topic);
        self.disk.topics.insert(new.topic, (version, new.configs));
        self.add_partitions(new.topic, 0, placement, out);
        out.fact(Fact::TopicCreated {
            topic: new.topic,
            partitions,
        });
        Ok((partitions, factor))
    }

    fn placement(&mut self, new: &NewTopic) -> Result<Vec<Vec<NodeId>>, Refusal> {
        if let Some(assignment) = &new.assignment {
            let known = assignment
                .iter()
                .flatten()
                .all(|node| self.registrations.contains_key(node));
            return if known
                && !assignment.is_empty()
                && assignment.iter().all(|replicas| !replicas.is_empty())
            {
                Ok(assignment.clone())
            } else {
                Err((
                    ErrorCode::InvalidReplicaAssignment,
                    "the assignment names a broker that is not registered".to_owned(),
                ))
            };
        }
        let partitions = if new.partitions == -1 {
            self.config.num_partitions
        } else {
            new.partitions
        };
        let factor = if new.replication_factor == -1 {
            self.config.default_replication_factor
        } else {
            new.replication_factor
        };
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err((
                ErrorCode::InvalidPartitions,
                format!("partitions must be 1 to {PARTITIONS_MAX}, not {partitions}"),
            ));
        }
        self.spread(partitions, factor)
    }

    /// Replicas round robin over the living brokers, the first one moving on with each partition; those that the living ones do not
    /// suffice for on fenced brokers, which get them when they are back, as Kafka's `StripedReplicaPlacer` does.
    fn spread(&mut self, partitions: i32, factor: i16) -> Result<Vec<Vec<NodeId>>, Refusal> {
        let registered = self.registrations.keys().copied();
        let (alive, fenced): (Vec<NodeId>, Vec<NodeId>) =
            registered.partition(|node| self.is_alive(*node));
        let wanted = usize::try_from(factor).unwrap_or(0);
        if wanted == 0 || alive.is_empty() || wanted > alive.len() + fenced.len() {
            let text = format!(
                "replication factor {factor}, and {} brokers are registered, {} of them alive",
                alive.len() + fenced.len(),
                alive.len()
            );
            return Err((ErrorCode::InvalidReplicationFactor, text));
        }
        let start = self.disk.next_start;
        self.disk.next_start += 1;
        let replicas = |partition: i32| {
            let first = start + usize::try_from(partition).unwrap_or(0);
            let from = |brokers: &[NodeId], wanted: usize| {
                let at = |step| brokers[(first + step) % brokers.len()];
                (0..wanted.min(brokers.len())).map(at).collect::<Vec<_>>()
            };
            let mut replicas = from(&alive, wanted);
            replicas.extend(from(&fenced, wanted - replicas.len()));
            replicas
        };
        Ok((0..partitions).map(replicas).collect())
    }

    fn add_partitions(
        &mut self,
        topic: Name,
        first: i32,
        placement: Vec<Vec<NodeId>>,
        out: &mut Outbox<B>,
    ) {
        for (partition, replicas) in (first..).zip(placement) {
            let isr: Vec<NodeId> = replicas
                .iter()
                .filter(|node| self.is_alive(**node))
                .copied()
                .collect();
            let leader = isr.first().copied();
            let mut sorted = isr;
            sorted.sort_unstable();
            let partition = TopicPartition { topic, partition };
            out.fact(Fact::Elected {
                partition,
                leader,
                epoch: 0,
                isr: sorted.clone(),
                clean: true,
            });
            let state = PartitionState {
                leader,
                leader_epoch: 0,
                partition_epoch: 0,
                replicas,
                isr: sorted,
                elr: Vec::new(),
            };
            self.commit_partition(partition, state);
        }
    }

    pub(super) fn delete_topic(&mut self, topic: Name, out: &mut Outbox<B>) -> ErrorCode {
        if self.disk.topics.remove(&topic).is_none() {
            return ErrorCode::UnknownTopicOrPartition;
        }
        self.disk
            .partitions
            .retain(|partition, _| partition.topic != topic);
        self.disk
            .last_leaders
            .retain(|partition, _| partition.topic != topic);
        let version = self.next_version();
        self.disk.removed.insert(topic, version);
        out.fact(Fact::TopicDeleted { topic });
        ErrorCode::None
    }

    pub(super) fn create_partitions(
        &mut self,
        topic: Name,
        count: i32,
        validate_only: bool,
    ) -> TopicResult {
        let of_topic = self
            .disk
            .partitions
            .iter()
            .filter(|(partition, _)| partition.topic == topic);
        let states: Vec<&PartitionState> = of_topic.map(|(_, (_, state))| state).collect();
        let existing = i32::try_from(states.len()).unwrap_or(i32::MAX);
        let factor = states.first().map_or(0, |state| {
            i16::try_from(state.replicas.len()).unwrap_or(i16::MAX)
        });
        let refused = |error, message: &str| TopicResult {
            topic,
            error,
            message: Some(message.to_owned()),
            partitions: -1,
            replication_factor: -1,
        };
        if existing == 0 {
            return refused(ErrorCode::UnknownTopicOrPartition, "there is no such topic");
        }
        if count <= existing || count > PARTITIONS_MAX {
            return refused(ErrorCode::InvalidPartitions, "partitions can only be added");
        }
        let placement = match self.spread(count - existing, factor) {
            Ok(placement) => placement,
            Err((error, message)) => return refused(error, &message),
        };
        if !validate_only {
            self.add_partitions(topic, existing, placement, &mut Outbox::default());
        }
        TopicResult {
            topic,
            error: ErrorCode::None,
            message: None,
            partitions: count,
            replication_factor: factor,
        }
    }
}

//! Topics, metadata, configurations and producer ids.

use super::link::Heard;
use super::{RunError, Runner};
use crate::client::Unheard;
use crate::seen::{Partition, Seen};
use crate::step::{NewTopic, Number, Place, Role, To, Twist};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
    DescribeConfigsRequest, FindCoordinatorRequest, InitProducerIdRequest, MetadataRequest,
    MetadataResponse, ProducerId, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use std::collections::BTreeMap;

/// Kafka keeps committed offsets here.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
pub const ADMIN_TIMEOUT_MS: i32 = 10_000;
const RESOURCE_TOPIC: i8 = 2;

pub fn text(of: &str) -> StrBytes {
    StrBytes::from_string(of.to_owned())
}

pub fn topic_name(of: &str) -> TopicName {
    TopicName(text(of))
}

pub fn unheard(why: Unheard) -> Seen {
    match why {
        Unheard::NoAnswer => Seen::NoAnswer,
        Unheard::Closed => Seen::Closed,
    }
}

/// Configurations that are compared: those that the model knows.
const CONFIGS: &[&str] = &[
    "min.insync.replicas",
    "max.message.bytes",
    "unclean.leader.election.enable",
    "flush.messages",
    "cleanup.policy",
];

impl Runner<'_> {
    /// The broker that is asked when any will do.
    pub(super) fn any_broker(&self) -> i32 {
        self.links.awake().first().copied().unwrap_or(1)
    }

    pub(super) fn look(
        &mut self,
        broker: i32,
        topics: &[String],
    ) -> Result<Heard<MetadataResponse>, RunError> {
        let topics = topics
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))));
        let request = MetadataRequest::default()
            .with_topics(Some(topics.collect()))
            .with_allow_auto_topic_creation(false);
        self.ask(broker, request)
    }

    /// The partitions of a topic as one broker knows them; none when it does not.
    pub(super) fn partitions(&mut self, topic: &str) -> Result<Vec<Partition>, RunError> {
        let found = self.look(self.any_broker(), &[topic.to_owned()])?;
        let topics = found.map(|m| m.topics).unwrap_or_default();
        let partitions = topics.into_iter().flat_map(|t| t.partitions);
        Ok(partitions.map(|p| partition(&p)).collect())
    }

    pub(super) fn partition(&mut self, place: Place) -> Result<Option<Partition>, RunError> {
        let all = self.partitions(&self.book.topic(place.topic))?;
        Ok(all.into_iter().find(|p| p.index == place.partition))
    }

    /// The broker to ask about a partition.
    pub(super) fn target(&mut self, place: Place, to: To) -> Result<i32, RunError> {
        let Some(partition) = self.partition(place)? else {
            return Ok(self.any_broker());
        };
        let awake = self.links.awake();
        let follower = |b: &i32| *b != partition.leader && partition.replicas.contains(b);
        let found = match to {
            To::Leader => Some(partition.leader).filter(|l| *l > 0),
            To::Follower => awake.iter().copied().find(follower),
            To::Stranger => {
                let stranger = awake.iter().find(|b| !partition.replicas.contains(b));
                stranger
                    .copied()
                    .or_else(|| awake.iter().copied().find(follower))
            }
        };
        Ok(found.unwrap_or_else(|| self.any_broker()))
    }

    pub(super) fn create_topic(&mut self, new: &NewTopic) -> Result<Seen, RunError> {
        let name = match new.twist {
            Some(Twist::BadName) => "no good/name".to_owned(),
            _ => self.book.topic(new.topic),
        };
        let topic = creatable(new, &name);
        let topics = match new.twist {
            Some(Twist::Twice) => vec![topic.clone(), topic],
            _ => vec![topic],
        };
        let only_validate = new.twist == Some(Twist::ValidateOnly);
        let heard = self.ask(self.any_broker(), create(topics, only_validate))?;
        let codes = match heard {
            Ok(answer) => answer
                .topics
                .iter()
                .map(|t| t.error_code)
                .collect::<Vec<_>>(),
            Err(why) => return Ok(unheard(why)),
        };
        if codes.first() == Some(&0) && !only_validate {
            *self.book.topics.entry(new.topic).or_default() += 1;
            self.settle()?;
        }
        Ok(Seen::Codes(codes))
    }

    pub(super) fn delete_topic(&mut self, topic: Number) -> Result<Seen, RunError> {
        let request = DeleteTopicsRequest::default()
            .with_topic_names(vec![topic_name(&self.book.topic(topic))])
            .with_timeout_ms(ADMIN_TIMEOUT_MS);
        let heard = self.ask(self.any_broker(), request)?;
        Ok(match heard {
            Ok(answer) => {
                let code = answer.responses.first().map_or(-1, |r| r.error_code);
                if code == 0 {
                    self.await_gone(topic)?;
                    self.forget_topic(topic);
                    self.settle()?;
                }
                Seen::Code(code)
            }
            Err(why) => unheard(why),
        })
    }

    /// Until no broker knows the topic any more.
    fn await_gone(&mut self, topic: Number) -> Result<(), RunError> {
        let name = [self.book.topic(topic)];
        for broker in self.links.awake() {
            for _ in 0..200 {
                let known = self.look(broker, &name)?;
                let gone = known.is_ok_and(|m| m.topics.iter().all(|t| t.error_code != 0));
                if gone || self.rough {
                    break;
                }
                self.arm.pass(25)?;
            }
        }
        Ok(())
    }

    /// A topic of the same name begins anew, and so does what producers know of it.
    fn forget_topic(&mut self, topic: Number) {
        self.book.topics.remove(&topic);
        for producer in self.book.producers.values_mut() {
            producer.next.retain(|place, _| place.topic != topic);
            producer.history.retain(|place, _| place.topic != topic);
        }
    }

    pub(super) fn create_partitions(
        &mut self,
        topic: Number,
        count: i32,
    ) -> Result<Seen, RunError> {
        let topic = CreatePartitionsTopic::default()
            .with_name(topic_name(&self.book.topic(topic)))
            .with_count(count)
            .with_assignments(None);
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(ADMIN_TIMEOUT_MS)
            .with_validate_only(true);
        let heard = self.ask(self.any_broker(), request)?;
        let code = |answer: kafka_protocol::messages::CreatePartitionsResponse| {
            answer.results.first().map_or(-1, |r| r.error_code)
        };
        Ok(heard.map_or_else(unheard, |answer| Seen::Code(code(answer))))
    }

    pub(super) fn describe_configs(&mut self, topic: Number) -> Result<Seen, RunError> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(RESOURCE_TOPIC)
            .with_resource_name(text(&self.book.topic(topic)))
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let results = match self.ask(self.any_broker(), request)? {
            Ok(answer) => answer.results,
            Err(why) => return Ok(unheard(why)),
        };
        let Some(result) = results.into_iter().next() else {
            return Ok(Seen::Code(-1));
        };
        let values = result.configs.into_iter().filter_map(|entry| {
            let known = CONFIGS.iter().find(|c| **c == entry.name.as_str())?;
            Some(((*known).to_owned(), entry.value?.to_string()))
        });
        Ok(Seen::Configs {
            code: result.error_code,
            values: values.collect(),
        })
    }

    pub(super) fn see_topic(&mut self, topic: Number) -> Result<Seen, RunError> {
        let name = self.book.topic(topic);
        let found = match self.look(self.any_broker(), &[name])? {
            Ok(found) => found.topics.into_iter().next(),
            Err(why) => return Ok(unheard(why)),
        };
        let Some(topic) = found else {
            return Ok(Seen::Code(-1));
        };
        let mut partitions: Vec<_> = topic.partitions.iter().map(partition).collect();
        partitions.sort_by_key(|p| p.index);
        Ok(Seen::Topic {
            code: topic.error_code,
            partitions,
        })
    }

    pub(super) fn init_producer(&mut self, number: Number, bump: bool) -> Result<Seen, RunError> {
        let known = self.book.producers.get(&number).filter(|_| bump);
        let (id, epoch) = known.map_or((-1, -1), |p| (p.id, p.epoch));
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(epoch);
        let answer = match self.ask(self.any_broker(), request)? {
            Ok(answer) => answer,
            Err(why) => return Ok(unheard(why)),
        };
        if answer.error_code == 0 {
            let producer = self.book.producers.entry(number).or_default();
            producer.id = answer.producer_id.0;
            producer.epoch = answer.producer_epoch;
            producer.next.clear();
            producer.history.clear();
            let serial = u8::try_from(self.book.producer_ids.len()).unwrap_or(98);
            self.book.producer_ids.insert(answer.producer_id.0, serial);
        }
        Ok(Seen::Producer {
            code: answer.error_code,
            epoch: answer.producer_epoch,
            is_same_id: answer.producer_id.0 == id,
        })
    }

    /// The broker that coordinates a group, once there is one.
    pub(super) fn coordinator(&mut self, group: &str) -> Result<Option<i32>, RunError> {
        let mut waited = 0;
        loop {
            let request =
                FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]);
            let heard = self.ask(self.any_broker(), request)?;
            let found = heard.ok().and_then(|a| a.coordinators.into_iter().next());
            match found.filter(|c| c.error_code == 0) {
                Some(found) => return Ok(Some(found.node_id.0)),
                None if self.rough || waited >= 10_000 => return Ok(None),
                None => self.arm.pass(50)?,
            }
            waited += 50;
        }
    }

    /// The broker that has a role now.
    pub(super) fn broker_of(&mut self, role: Role) -> Result<Option<i32>, RunError> {
        Ok(match role {
            Role::Number(broker) => Some(i32::from(broker)),
            Role::Leader(place) => self.partition(place)?.map(|p| p.leader).filter(|l| *l > 0),
            Role::Follower(place, nth) => self.partition(place)?.and_then(|p| {
                let followers = p.replicas.iter().filter(|b| **b != p.leader);
                followers.cycle().nth(usize::from(nth)).copied()
            }),
            Role::Coordinator => {
                let all = self.partitions(OFFSETS_TOPIC)?;
                all.first().map(|p| p.leader).filter(|l| *l > 0)
            }
            Role::Disturbed => {
                let links = &self.links;
                let mut disturbed = [&links.paused, &links.down, &links.isolated].into_iter();
                disturbed.find_map(|of| of.first().copied())
            }
        })
    }

    /// Every partition that exists.
    pub(super) fn places(&mut self) -> Result<Vec<Place>, RunError> {
        let mut places = Vec::new();
        for topic in self.book.topics.keys().copied().collect::<Vec<_>>() {
            let partitions = self.partitions(&self.book.topic(topic))?;
            places.extend(partitions.iter().map(|p| Place {
                topic,
                partition: p.index,
            }));
        }
        places.sort();
        Ok(places)
    }

    /// Removes what would weigh on a cluster that goes on to be used.
    pub(super) fn clean_up(&mut self) -> Result<(), RunError> {
        let names = self
            .book
            .topics
            .keys()
            .map(|t| topic_name(&self.book.topic(*t)));
        let names: Vec<_> = names.collect();
        if !names.is_empty() {
            let request = DeleteTopicsRequest::default()
                .with_topic_names(names)
                .with_timeout_ms(ADMIN_TIMEOUT_MS);
            let _ = self.ask(self.any_broker(), request)?;
        }
        Ok(())
    }
}

pub(super) fn create(topics: Vec<CreatableTopic>, validate_only: bool) -> CreateTopicsRequest {
    CreateTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(ADMIN_TIMEOUT_MS)
        .with_validate_only(validate_only)
}

pub(super) fn assignment(partition: i32, brokers: &[i32]) -> CreatableReplicaAssignment {
    CreatableReplicaAssignment::default()
        .with_partition_index(partition)
        .with_broker_ids(brokers.iter().map(|b| BrokerId(*b)).collect())
}

pub(super) fn config(name: &str, value: &str) -> CreatableTopicConfig {
    CreatableTopicConfig::default()
        .with_name(text(name))
        .with_value(Some(text(value)))
}

/// Replicas are given, so that they are the same in every cluster.
fn creatable(new: &NewTopic, name: &str) -> CreatableTopic {
    let mut configs = BTreeMap::from([("min.insync.replicas", new.min_insync.to_string())]);
    if let Some(bytes) = new.max_message_bytes {
        configs.insert("max.message.bytes", bytes.to_string());
    }
    if new.flushed {
        configs.insert("flush.messages", "1".to_owned());
    }
    match new.twist {
        Some(Twist::BadConfig) => configs.insert("min.insync.replicas", "none".to_owned()),
        Some(Twist::UnknownConfig) => configs.insert("no.such.thing", "1".to_owned()),
        _ => None,
    };
    let topic = CreatableTopic::default()
        .with_name(topic_name(name))
        .with_configs(configs.iter().map(|(n, v)| config(n, v)).collect());
    match new.twist {
        Some(Twist::NoPartitions) => topic
            .with_num_partitions(0)
            .with_replication_factor(new.replicas),
        Some(Twist::TooManyReplicas) => topic.with_num_partitions(1).with_replication_factor(4),
        Some(Twist::UnknownBroker) => topic
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![assignment(0, &[1, 9])]),
        _ => {
            let first = i32::from(new.topic);
            let replicas = |partition: i32| -> Vec<i32> {
                let nth = |i: i16| (first + partition + i32::from(i)) % 3 + 1;
                (0..new.replicas).map(nth).collect()
            };
            let assignments = (0..new.partitions).map(|p| assignment(p, &replicas(p)));
            topic
                .with_num_partitions(-1)
                .with_replication_factor(-1)
                .with_assignments(assignments.collect())
        }
    }
}

pub fn partition(of: &MetadataResponsePartition) -> Partition {
    let ids = |nodes: &[BrokerId]| nodes.iter().map(|n| n.0).collect::<Vec<_>>();
    let sorted = |nodes: &[BrokerId]| {
        let mut ids = ids(nodes);
        ids.sort_unstable();
        ids
    };
    Partition {
        index: of.partition_index,
        code: of.error_code,
        leader: of.leader_id.0,
        epoch: of.leader_epoch,
        replicas: ids(&of.replica_nodes),
        isr: sorted(&of.isr_nodes),
        offline: sorted(&of.offline_replicas),
    }
}

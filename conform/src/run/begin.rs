//! What a sequence begins with: committed offsets have a home whose replicas and leader are the same in every cluster.

use super::admin::{
    ADMIN_TIMEOUT_MS, OFFSETS_TOPIC, assignment, config, create, partition, topic_name,
};
use super::{RunError, Runner};
use kafka_protocol::messages::ElectLeadersRequest;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;

/// The first replica leads, and so coordinates every group.
const REPLICAS: [i32; 3] = [1, 2, 3];
const RESTORED_WITHIN_MS: u64 = 20_000;

impl Runner<'_> {
    pub(super) fn begin(&mut self) -> Result<(), RunError> {
        let known = self.look(1, &[OFFSETS_TOPIC.to_owned()])?;
        if matches!(&known, Ok(found) if found.topics.iter().all(|t| t.error_code == 0)) {
            return self.restore_coordinator();
        }
        let topic = CreatableTopic::default()
            .with_name(topic_name(OFFSETS_TOPIC))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![assignment(0, &REPLICAS)])
            .with_configs(vec![config("cleanup.policy", "compact")]);
        let _ = self.ask(1, create(vec![topic], false))?;
        self.settle()
    }

    /// One cluster serves many sequences, and those before this one may have moved the coordinator: whoever is disturbed as
    /// coordinator would be another broker than in a new cluster.
    fn restore_coordinator(&mut self) -> Result<(), RunError> {
        let mut waited = 0;
        while !self.is_coordinator_first_everywhere()? {
            if waited >= RESTORED_WITHIN_MS {
                let what = "the first replica does not lead the committed offsets again";
                self.book.restless = Some(what.to_owned());
                return Ok(());
            }
            let partitions = TopicPartitions::default()
                .with_topic(topic_name(OFFSETS_TOPIC))
                .with_partitions(vec![0]);
            // Version 0 knows one kind of election: of the preferred leader.
            let request = ElectLeadersRequest::default()
                .with_topic_partitions(Some(vec![partitions]))
                .with_timeout_ms(ADMIN_TIMEOUT_MS);
            let _ = self.ask(self.any_broker(), request)?;
            self.arm.pass(100)?;
            waited += 100;
        }
        self.settle()
    }

    fn is_coordinator_first_everywhere(&mut self) -> Result<bool, RunError> {
        for broker in self.links.awake() {
            let found = self.look(broker, &[OFFSETS_TOPIC.to_owned()])?;
            let topics = found.map(|found| found.topics).unwrap_or_default();
            let mut partitions = topics.iter().flat_map(|topic| &topic.partitions);
            if !partitions.all(|p| partition(p).leader == REPLICAS[0]) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

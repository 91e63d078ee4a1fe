//! Topics of the plan, made through a broker as any client would.

use super::Cluster;
use crate::client::Access;
use crate::kernel::{MS, ProcessId};
use squall_model::kafka::{CreateTopicsRequest, ErrorCode, NewTopic, Request, Response};
use squall_plan::system::TopicSpec;
use std::rc::Rc;

impl Cluster {
    /// Creates the topics; those that are there already are left as they are.
    pub async fn create_topics(self: &Rc<Self>, process: ProcessId, topics: &[TopicSpec]) {
        let access = Access::new(self, process, "squall");
        loop {
            let request = Request::CreateTopics(CreateTopicsRequest {
                topics: topics.iter().map(|topic| self.new_topic(topic)).collect(),
                timeout_ms: 10_000,
                validate_only: false,
            });
            let connection = access.any().await;
            if let Ok(Response::CreateTopics(results)) = access.call(&connection, request).await {
                let there =
                    |error| matches!(error, ErrorCode::None | ErrorCode::TopicAlreadyExists);
                if results.iter().all(|result| there(result.error)) {
                    return;
                }
            }
            self.kernel.sleep(100 * MS).await;
        }
    }

    fn new_topic(&self, topic: &TopicSpec) -> NewTopic {
        let mut configs = topic.config.clone();
        configs.insert(
            "min.insync.replicas".to_owned(),
            topic.min_insync_replicas.to_string(),
        );
        NewTopic {
            topic: self.names.intern(&topic.name),
            partitions: topic.partitions.cast_signed(),
            replication_factor: i16::try_from(topic.replicas).unwrap_or(i16::MAX),
            assignment: None,
            configs,
        }
    }
}

//! What Kafka has beyond other buses.

use crate::{BusError, Consumer, Position};
use std::future::Future;
use std::sync::Arc;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: i32,
}

/// Commit, seek and pause.
pub trait KafkaConsumer: Consumer {
    /// The partitions that are this member's now.
    fn assignment(&self) -> Vec<TopicPartition>;

    /// Commits these offsets (each the next one to read), whatever was settled, and waits for the broker's answer.
    ///
    /// # Errors
    /// The broker may or may not have them.
    fn commit(
        &self,
        offsets: &[(TopicPartition, i64)],
    ) -> impl Future<Output = Result<(), BusError>>;

    /// What the group has committed, `None` where nothing is.
    ///
    /// # Errors
    /// The coordinator cannot be asked.
    fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> impl Future<Output = Result<Vec<Option<i64>>, BusError>>;

    /// Reads on from this position. What was delivered of the partition before is forgotten.
    ///
    /// # Errors
    /// The partition is not assigned.
    fn seek(&self, topic: &str, to: Position) -> Result<(), BusError>;

    /// Delivers nothing of these partitions until [`KafkaConsumer::resume`]; membership goes on.
    ///
    /// # Errors
    /// A partition is not assigned.
    fn pause(&self, partitions: &[TopicPartition]) -> Result<(), BusError>;

    /// # Errors
    /// A partition is not assigned.
    fn resume(&self, partitions: &[TopicPartition]) -> Result<(), BusError>;
}

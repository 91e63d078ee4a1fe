//! What a leader keeps of each follower's fetches (KIP-227), so that work goes with what changes and not with how much is followed.

use crate::Nanos;
use crate::kafka::by_partition::{ByPartition, PartitionSet};
use crate::kafka::ids::{Offset, TopicPartition};
use crate::kafka::peer::{ReplicaFetch, ReplicaFetchPartition};

/// One follower's session.
#[derive(Debug)]
pub struct Session {
    /// Of its latest fetch.
    pub number: u64,
    pub broker_epoch: i64,
    pub fetched_at: Nanos,
    pub partitions: ByPartition<Followed>,
    /// Partitions that may have something for the follower.
    pub news: PartitionSet,
    /// Whether some of it is worth waking the fetch that waits.
    pub stirred: bool,
    /// The latest fetch waits for data until then; `None` when it is answered.
    pub parked_until: Option<Nanos>,
}

#[derive(Debug)]
pub struct Followed {
    pub asked: ReplicaFetchPartition,
    /// Something was sent, and the follower has not said yet how far it is now.
    pub sent: bool,
    pub sent_high_watermark: Offset,
}

impl Session {
    pub fn new(fetch: &ReplicaFetch, now: Nanos) -> Self {
        Self {
            number: fetch.session,
            broker_epoch: fetch.broker_epoch,
            fetched_at: now,
            partitions: ByPartition::default(),
            news: PartitionSet::default(),
            stirred: false,
            parked_until: None,
        }
    }

    /// Takes in how far the follower says that it is.
    pub fn take(&mut self, fetch: &ReplicaFetch, now: Nanos) {
        self.number = fetch.session;
        self.broker_epoch = fetch.broker_epoch;
        self.fetched_at = now;
        for asked in &fetch.partitions {
            let new = || Followed {
                asked: *asked,
                sent: false,
                sent_high_watermark: -1,
            };
            if let Some(followed) = self.partitions.get_or_insert_with(asked.partition, new) {
                followed.asked = *asked;
                followed.sent = false;
                self.news.insert(asked.partition);
            }
        }
    }

    /// Something happened on a partition, worth waking the fetch that waits or only worth telling.
    pub fn note(&mut self, partition: TopicPartition, stir: bool) {
        if self.partitions.get(partition).is_some_and(|f| !f.sent) {
            self.news.insert(partition);
            self.stirred |= stir;
        }
    }
}

//! Producing and reading records.

use super::admin::{text, topic_name, unheard};
use super::batch;
use super::book::{Detail, SentBatch, Stamp};
use super::link::{CAUGHT, COMMON};
use super::{ANSWER_MS, RunError, Runner};
use crate::client::Unheard;
use crate::seen::{Fetched, Produced, Seen};
use crate::step::{
    At, EpochClaim, Flaw, Idempotent, Number, Place, Produce, ProducerEpoch, Sequencing, Step, To,
    What,
};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    BrokerId, FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest, ProduceRequest,
    ProduceResponse,
};

/// An idempotent batch that is retried is at most so old.
pub const HISTORY: usize = 8;
const FETCH_BYTES: i32 = 32 << 20;
/// Milliseconds since 1970 of the first step's batches: the year 2100, since what Kafka knows of a producer ages by the timestamps of its batches
/// and would be gone when a broker restarts.
pub const FIRST_TIMESTAMP: i64 = 4_102_444_800_000;
/// For replicas to be in sync with an append.
const PRODUCE_TIMEOUT_MS: i32 = 1_500;

impl Runner<'_> {
    pub(super) fn produce(&mut self, produce: &Produce) -> Result<(Seen, Detail), RunError> {
        let Some(sent) = self.plan_batch(produce, 0) else {
            return Ok((Seen::Skipped, Detail::None));
        };
        let request = self.produce_request(&sent, produce.flaw);
        let broker = self.target(produce.place, produce.to)?;
        let detail = Detail::Batches(vec![sent.clone()]);
        if produce.acks == 0 {
            let seen = match self.begin_ask(broker, COMMON, &[request], false) {
                Ok(()) => Seen::Sent,
                Err(why) => unheard(why),
            };
            // So that what is asked next on another connection comes after it.
            self.take_in(broker, COMMON, 0)?;
            self.arm.pass(if self.rough { 0 } else { 20 })?;
            return Ok((seen, detail));
        }
        let heard = self.ask(broker, request)?;
        let seen = heard
            .as_ref()
            .map_or_else(|why| unheard(*why), |a| Seen::Produced(produced(a)));
        self.remember(&sent, &seen, produce.by);
        Ok((seen, detail))
    }

    pub(super) fn burst(
        &mut self,
        place: Place,
        producer: Number,
        batches: u8,
    ) -> Result<(Seen, Detail), RunError> {
        if !self.book.producers.contains_key(&producer) {
            return Ok((Seen::Skipped, Detail::None));
        }
        let by = Idempotent {
            producer,
            sequence: Sequencing::Next,
            epoch: ProducerEpoch::Same,
        };
        let mut sent = Vec::new();
        for nth in 0..batches {
            let produce = Produce {
                place,
                acks: -1,
                records: 1 + nth % 3,
                by: Some(by),
                flaw: None,
                to: To::Leader,
            };
            let Some(batch) = self.plan_batch(&produce, nth) else {
                continue;
            };
            self.remember(&batch, &Seen::NoAnswer, Some(by));
            sent.push(batch);
        }
        let requests: Vec<_> = sent.iter().map(|b| self.produce_request(b, None)).collect();
        let broker = self.target(place, To::Leader)?;
        let detail = Detail::Batches(sent);
        if let Err(why) = self.begin_ask(broker, COMMON, &requests, true) {
            return Ok((unheard(why), detail));
        }
        let mut answers = Vec::new();
        for _ in &requests {
            match self.hear::<ProduceRequest>(broker, COMMON, ANSWER_MS)? {
                Ok(answer) => answers.push(produced(&answer)),
                Err(why) => return Ok((unheard(why), detail)),
            }
        }
        Ok((Seen::Burst(answers), detail))
    }

    /// The answer is heard although the leader's process may end with it.
    pub(super) fn caught(
        &mut self,
        place: Place,
        meanwhile: &[Step],
    ) -> Result<(Seen, Detail), RunError> {
        let produce = Produce {
            place,
            acks: -1,
            records: 1,
            by: None,
            flaw: None,
            to: To::Leader,
        };
        let Some(sent) = self.plan_batch(&produce, 0) else {
            return Ok((Seen::Skipped, Detail::None));
        };
        let request = self.produce_request(&sent, None);
        let broker = self.target(place, To::Leader)?;
        let detail = Detail::Batches(vec![sent]);
        if let Err(why) = self.begin_ask(broker, CAUGHT, &[request], true) {
            return Ok((unheard(why), detail));
        }
        self.take_in(broker, CAUGHT, 0)?;
        let connection = self.links.take(broker, CAUGHT);
        for step in meanwhile {
            self.step(step)?;
        }
        let heard = match connection {
            // The end of the process is the end of the connection: this cannot wait for long.
            Some(mut connection) if self.links.down.contains(&broker) => {
                connection.receive::<ProduceRequest>(self.arm.read_timeout(ANSWER_MS))
            }
            Some(connection) => {
                self.links.put(broker, CAUGHT, connection);
                self.hear::<ProduceRequest>(broker, CAUGHT, ANSWER_MS)?
            }
            None => Err(Unheard::Closed),
        };
        let seen = heard.map_or_else(unheard, |a| Seen::Produced(produced(&a)));
        Ok((seen, detail))
    }

    /// The batch of a step; `None` when its producer has no id or nothing to send again.
    fn plan_batch(&self, produce: &Produce, nth: u8) -> Option<SentBatch> {
        let place = produce.place;
        let values = (0..produce.records.max(1)).map(|record| {
            let name = format!("{}-{nth}-{record}", self.index);
            match produce.flaw {
                Some(Flaw::Oversized) => format!("{name:>3000}"),
                _ => name,
            }
        });
        let mut sent = SentBatch {
            place,
            acks: produce.acks,
            values: values.collect(),
            timestamp: FIRST_TIMESTAMP + 1_000 * i64::try_from(self.index).unwrap_or(0),
            by: None,
            is_flawed: produce.flaw.is_some(),
        };
        let Some(by) = produce.by else {
            return Some(sent);
        };
        let producer = self.book.producers.get(&by.producer)?;
        let next = producer.next.get(&place).copied().unwrap_or(0);
        let sequence = match by.sequence {
            Sequencing::Next => next,
            Sequencing::Gap(gap) => next + i32::from(gap),
            Sequencing::Zero => 0,
            Sequencing::Again(back) => {
                let history = producer.history.get(&place)?;
                let index = history.len().checked_sub(1 + usize::from(back))?;
                let again = history.get(index)?.clone();
                return Some(SentBatch {
                    acks: produce.acks,
                    ..again
                });
            }
        };
        let epoch = match by.epoch {
            ProducerEpoch::Same => producer.epoch,
            // Below 0 stands "no epoch", which is another thing.
            ProducerEpoch::Older => (producer.epoch - 1).max(0),
            ProducerEpoch::Newer => producer.epoch + 1,
        };
        sent.by = Some(Stamp {
            producer: by.producer,
            id: producer.id,
            epoch,
            sequence,
        });
        Some(sent)
    }

    /// A batch that is, or may be, in the log counts for what its producer sends next.
    fn remember(&mut self, sent: &SentBatch, seen: &Seen, by: Option<Idempotent>) {
        let regular = by.is_some_and(|by| {
            by.sequence == Sequencing::Next && by.epoch == ProducerEpoch::Same && !sent.is_flawed
        });
        let code = match seen {
            Seen::Produced(produced) => Some(produced.code),
            _ => None,
        };
        // 7 and 20: appended, and not replicated in time.
        if !regular || !code.is_none_or(|c| matches!(c, 0 | 7 | 20)) {
            return;
        }
        if let Some(stamp) = sent.by
            && let Some(producer) = self.book.producers.get_mut(&stamp.producer)
        {
            let count = i32::try_from(sent.values.len()).unwrap_or(0);
            producer.next.insert(sent.place, stamp.sequence + count);
            let history = producer.history.entry(sent.place).or_default();
            history.push(sent.clone());
            if history.len() > HISTORY {
                history.remove(0);
            }
        }
    }

    fn produce_request(&self, sent: &SentBatch, flaw: Option<Flaw>) -> ProduceRequest {
        let data = PartitionProduceData::default()
            .with_index(sent.place.partition)
            .with_records(Some(batch::encode(sent, flaw)));
        let topic = TopicProduceData::default()
            .with_name(topic_name(&self.book.topic(sent.place.topic)))
            .with_partition_data(vec![data]);
        ProduceRequest::default()
            .with_acks(sent.acks)
            .with_timeout_ms(PRODUCE_TIMEOUT_MS)
            .with_topic_data(vec![topic])
    }

    /// The leader epoch that a client claims; `None` when the partition is not known.
    fn claimed_epoch(&mut self, place: Place, claim: EpochClaim) -> Result<i32, RunError> {
        if claim == EpochClaim::None {
            return Ok(-1);
        }
        let epoch = self.partition(place)?.map_or(0, |p| p.epoch);
        Ok(match claim {
            EpochClaim::None => -1,
            EpochClaim::Right => epoch,
            EpochClaim::Older => epoch - 1,
            EpochClaim::Newer => epoch + 1,
        })
    }

    fn offset_at(&mut self, place: Place, at: At) -> Result<i64, RunError> {
        Ok(match at {
            At::Start => 0,
            At::Offset(offset) => offset,
            At::End => self.end_of(place)?,
            At::BeyondEnd(more) => self.end_of(place)? + more,
            At::Negative => -7,
        })
    }

    /// 0 where nobody tells.
    fn end_of(&mut self, place: Place) -> Result<i64, RunError> {
        Ok(match self.list(place, -1, To::Leader, -1)? {
            Seen::Listed { offset, .. } => offset.max(0),
            _ => 0,
        })
    }

    pub(super) fn fetch(
        &mut self,
        place: Place,
        at: At,
        to: To,
        claim: EpochClaim,
    ) -> Result<Seen, RunError> {
        let offset = self.offset_at(place, at)?;
        let epoch = self.claimed_epoch(place, claim)?;
        let partition = FetchPartition::default()
            .with_partition(place.partition)
            .with_current_leader_epoch(epoch)
            .with_fetch_offset(offset)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(FETCH_BYTES);
        let topic = FetchTopic::default()
            .with_topic(topic_name(&self.book.topic(place.topic)))
            .with_partitions(vec![partition]);
        let broker = self.target(place, to)?;
        let answer = match self.ask(broker, fetch_of(topic))? {
            Ok(answer) => answer,
            Err(why) => return Ok(unheard(why)),
        };
        if answer.error_code != 0 {
            return Ok(Seen::Code(answer.error_code));
        }
        let mut partitions = answer.responses.into_iter().flat_map(|t| t.partitions);
        let Some(data) = partitions.next() else {
            return Ok(Seen::Code(-1));
        };
        let ids = &self.book.producer_ids;
        let number = |id: i64| ids.get(&id).copied().unwrap_or(99);
        let bytes = data.records.unwrap_or_default();
        let records = batch::decode(&bytes, number).unwrap_or_else(|what| {
            self.book.restless = Some(format!("records of {place:?} cannot be read: {what}"));
            Vec::new()
        });
        let diverging = (data.diverging_epoch.epoch, data.diverging_epoch.end_offset);
        Ok(Seen::Fetched(Fetched {
            code: data.error_code,
            high_watermark: data.high_watermark,
            last_stable: data.last_stable_offset,
            log_start: data.log_start_offset,
            diverging: (diverging != (-1, -1)).then_some(diverging),
            records,
        }))
    }

    pub(super) fn list_offsets(
        &mut self,
        place: Place,
        what: What,
        to: To,
        claim: EpochClaim,
    ) -> Result<Seen, RunError> {
        let timestamp = match what {
            What::Latest => -1,
            What::Earliest => -2,
            What::MaxTimestamp => -3,
            What::Timestamp(step) => FIRST_TIMESTAMP + 1_000 * step,
            What::Nonsense => -42,
        };
        let epoch = self.claimed_epoch(place, claim)?;
        self.list(place, timestamp, to, epoch)
    }

    fn list(&mut self, place: Place, timestamp: i64, to: To, epoch: i32) -> Result<Seen, RunError> {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(place.partition)
            .with_current_leader_epoch(epoch)
            .with_timestamp(timestamp);
        let topic = ListOffsetsTopic::default()
            .with_name(topic_name(&self.book.topic(place.topic)))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(vec![topic]);
        let broker = self.target(place, to)?;
        let answer = match self.ask(broker, request)? {
            Ok(answer) => answer,
            Err(why) => return Ok(unheard(why)),
        };
        let mut partitions = answer.topics.into_iter().flat_map(|t| t.partitions);
        Ok(partitions.next().map_or(Seen::Code(-1), |p| Seen::Listed {
            code: p.error_code,
            offset: p.offset,
            timestamp: p.timestamp,
            epoch: p.leader_epoch,
        }))
    }

    pub(super) fn epoch_end(
        &mut self,
        place: Place,
        of: EpochClaim,
        knows: EpochClaim,
    ) -> Result<Seen, RunError> {
        let (of, knows) = (
            self.claimed_epoch(place, of)?,
            self.claimed_epoch(place, knows)?,
        );
        let partition = OffsetForLeaderPartition::default()
            .with_partition(place.partition)
            .with_current_leader_epoch(knows)
            .with_leader_epoch(of);
        let topic = OffsetForLeaderTopic::default()
            .with_topic(topic_name(&self.book.topic(place.topic)))
            .with_partitions(vec![partition]);
        let request = OffsetForLeaderEpochRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(vec![topic]);
        let broker = self.target(place, To::Leader)?;
        let answer = match self.ask(broker, request)? {
            Ok(answer) => answer,
            Err(why) => return Ok(unheard(why)),
        };
        let mut partitions = answer.topics.into_iter().flat_map(|t| t.partitions);
        Ok(partitions
            .next()
            .map_or(Seen::Code(-1), |p| Seen::EpochEnd {
                code: p.error_code,
                epoch: p.leader_epoch,
                end: p.end_offset,
            }))
    }
}

/// A read by a client that holds no session and waits for nothing.
fn fetch_of(topic: FetchTopic) -> FetchRequest {
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(0)
        .with_min_bytes(0)
        .with_max_bytes(FETCH_BYTES)
        .with_session_id(0)
        .with_session_epoch(-1)
        .with_rack_id(text(""))
        .with_topics(vec![topic])
}

fn produced(answer: &ProduceResponse) -> Produced {
    let mut partitions = answer.responses.iter().flat_map(|t| &t.partition_responses);
    partitions.next().map_or(
        Produced {
            code: -1,
            base: -1,
            log_start: -1,
        },
        |p| Produced {
            code: p.error_code,
            base: p.base_offset,
            log_start: p.log_start_offset,
        },
    )
}

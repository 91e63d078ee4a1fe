//! Effects that are records of a topic, dead letters and tapped input topics.

mod native;
mod record_id;
mod settings;
mod tail;

use crate::effects::Effects;
use crate::error::TapError;
use crate::source::{FinalRead, Polled, Source};
use native::{Batch, Record};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use record_id::RecordId;
pub(crate) use settings::client_config;
use squall_check::Kind;
use squall_plan::system::IdPlace;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tail::Tails;

/// Longest wait for a record.
const WAIT: Duration = Duration::from_millis(20);
/// After a look that found so many records, the next ones are gathered for this long: waking up for each few of them costs more than
/// taking them does.
const DENSE: usize = 16;
const GATHER: Duration = Duration::from_millis(2);
/// Records taken at once, and between two looks at what the tap is asked to do.
const BATCH: usize = 512;
const RECORDS_A_POLL: usize = 20_000;
/// For requests to the brokers.
const REQUEST: Duration = Duration::from_secs(2);
/// A partition that shows nothing for so long although its end is further on is asked again from where it stands.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// All partitions of a topic from their beginning, read_committed, without a group.
pub(crate) struct Topic {
    name: String,
    id: RecordId,
    consumer: BaseConsumer,
    tails: Tails,
    /// As what its records are recorded by the final read: topics are append-only, so their tail is the truth.
    records: u64,
    kind: Kind,
    last_error: Option<KafkaError>,
    /// The last look found a dense stream of records.
    dense: bool,
    /// How long the last look may have waited for a record.
    attentive: Duration,
}

impl Topic {
    pub fn new(
        sink: &str,
        name: String,
        id: IdPlace,
        settings: &BTreeMap<String, String>,
        kind: Kind,
    ) -> Result<Self, TapError> {
        let id = RecordId::new(sink, id)?;
        let config: ClientConfig = settings::tap_config(settings, sink);
        let consumer = config.create().map_err(|source| TapError::Topic {
            topic: name.clone(),
            source,
        })?;
        Ok(Self {
            name,
            id,
            consumer,
            tails: Tails::default(),
            records: 0,
            kind,
            last_error: None,
            dense: false,
            attentive: WAIT,
        })
    }

    fn error(&self, source: KafkaError) -> TapError {
        TapError::Topic {
            topic: self.name.clone(),
            source,
        }
    }

    /// How many partitions there are; 0 when the topic is not there.
    fn partitions(&self) -> Result<i32, TapError> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.name), REQUEST)
            .map_err(|error| self.error(error))?;
        let topic = metadata
            .topics()
            .iter()
            .find(|topic| topic.name() == self.name);
        Ok(topic.map_or(0, |topic| {
            i32::try_from(topic.partitions().len()).unwrap_or(0)
        }))
    }

    /// Begins to read partitions that are not read yet.
    fn assign(&mut self) -> Result<(), TapError> {
        let partitions = self.partitions()?;
        if partitions <= self.tails.partitions() {
            return Ok(());
        }
        self.tails.grow(partitions);
        self.assign_all()
    }

    /// Reads every partition from where it stands.
    fn assign_all(&self) -> Result<(), TapError> {
        let mut all = TopicPartitionList::new();
        for (partition, tail) in self.tails.iter() {
            let from = tail.next.map_or(Offset::Beginning, Offset::Offset);
            all.add_partition_offset(&self.name, partition, from)
                .map_err(|error| self.error(error))?;
        }
        self.consumer
            .assign(&all)
            .map_err(|error| self.error(error))
    }

    /// Gathers where records are dense, then takes what has come.
    fn look(&mut self, effects: &mut Effects) {
        self.attentive = if self.dense {
            std::thread::sleep(GATHER);
            Duration::ZERO
        } else {
            WAIT
        };
        self.dense = self.take(effects, self.attentive) >= DENSE;
    }

    /// Takes what has come; how many records and ends of partitions that were.
    fn take(&mut self, effects: &mut Effects, wait: Duration) -> usize {
        let mut taken = 0;
        if !wait.is_zero() {
            match self.consumer.poll(wait) {
                None => return 0,
                Some(Ok(message)) => {
                    let record = Record::of(&message);
                    self.records += 1;
                    taken_in(record, &self.id, &mut self.tails, effects);
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => self.tails.at_end(partition),
                Some(Err(error)) => {
                    self.heed(error);
                    return 0;
                }
            }
            taken = 1;
        }
        while taken < RECORDS_A_POLL {
            let batch = Batch::waiting(&self.consumer, BATCH);
            if batch.len() == 0 {
                break;
            }
            taken += batch.len();
            for record in batch.records() {
                match record.error() {
                    None => {
                        self.records += 1;
                        taken_in(record, &self.id, &mut self.tails, effects);
                    }
                    Some(RDKafkaErrorCode::PartitionEOF) => self.tails.at_end(record.partition()),
                    Some(code) => self.heed(KafkaError::MessageConsumption(code)),
                }
            }
        }
        taken
    }

    /// What the client complains about. Brokers that are away are the faults of the run; a log that lost what was read is not.
    fn heed(&mut self, error: KafkaError) {
        let code = error.rdkafka_error_code();
        if matches!(
            code,
            Some(
                RDKafkaErrorCode::AutoOffsetReset
                    | RDKafkaErrorCode::OffsetOutOfRange
                    | RDKafkaErrorCode::LogTruncation
            )
        ) {
            self.follow_truncation();
        }
        self.last_error = Some(error);
    }

    /// Goes on reading where a truncated log ends now.
    fn follow_truncation(&mut self) {
        for (partition, next) in self.tails.positions() {
            let Ok((low, high)) = self
                .consumer
                .fetch_watermarks(&self.name, partition, REQUEST)
            else {
                continue;
            };
            if next > high || next < low {
                self.tails.lost(partition, next, high);
                let to = Offset::Offset(next.clamp(low, high.max(low)));
                // When it fails, the final read shows the partition as unread.
                let _ = self.consumer.seek(&self.name, partition, to, REQUEST);
            }
        }
    }

    /// Ends of all partitions, from the brokers.
    fn ends(&self) -> Result<BTreeMap<i32, i64>, TapError> {
        let end = |partition| {
            let (_, high) = self
                .consumer
                .fetch_watermarks(&self.name, partition, REQUEST)
                .map_err(|error| self.error(error))?;
            Ok((partition, high))
        };
        (0..self.tails.partitions()).map(end).collect()
    }

    /// Reads up to the ends; the first partition that is not there yet, when the time is over.
    fn read_up_to(
        &mut self,
        ends: &BTreeMap<i32, i64>,
        effects: &mut Effects,
        deadline: Instant,
    ) -> Result<(), TapError> {
        let mut moved = Instant::now();
        while let Some((partition, next, end)) = self.tails.first_before(ends) {
            if Instant::now() > deadline {
                let topic = self.name.clone();
                return Err(TapError::Unread {
                    topic,
                    partition,
                    next,
                    end,
                });
            }
            if self.take(effects, WAIT) > 0 {
                moved = Instant::now();
            } else if moved.elapsed() > ASK_AGAIN {
                // What is left may be marks of transactions only, which are never shown: a new look tells that it is at the end.
                // Nor does the client fetch again for a mere seek where a log was cut back behind what it had read.
                self.tails.forget_end(partition);
                let _ = self.assign_all();
                self.tails.asked(partition);
                moved = Instant::now();
            }
        }
        Ok(())
    }
}

impl Source for Topic {
    fn poll(&mut self, effects: &mut Effects) -> Result<Polled, TapError> {
        if self.tails.partitions() == 0 {
            self.assign()?;
            if self.tails.partitions() == 0 {
                return Ok(Polled::NotThere(format!(
                    "topic {} is not there yet",
                    self.name
                )));
            }
        }
        self.look(effects);
        match self.last_error.take() {
            Some(error) => Err(self.error(error)),
            None => Ok(Polled::Read),
        }
    }

    fn final_read(
        &mut self,
        effects: &mut Effects,
        deadline: Instant,
    ) -> Result<FinalRead, TapError> {
        let ends = loop {
            let ends = self.assign().and_then(|()| self.ends());
            match ends {
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(WAIT),
                Ok(ends) => break ends,
            }
        };
        if ends.is_empty() {
            return Err(TapError::NoTopic {
                topic: self.name.clone(),
            });
        }
        self.read_up_to(&ends, effects, deadline)?;
        debug_assert_ne!(
            self.kind,
            Kind::Final,
            "the tail of a topic is recorded once, as it comes"
        );
        Ok(FinalRead {
            effects: self.records,
            foreign: effects.foreign_count(),
            ends,
            problems: self.tails.problems(&self.name),
        })
    }

    fn attentive(&self) -> Duration {
        self.attentive
    }
}

/// Passes a record on, and notes that its partition was read so far.
fn taken_in(record: Record<'_>, id: &RecordId, tails: &mut Tails, effects: &mut Effects) {
    let at = effects.now_ns();
    let text = id.text(record);
    let found = id.read(text, &effects.ids);
    effects.push(at, found, text, record.partition(), record.offset());
    tails.advance(record.partition(), record.offset() + 1);
}

//! Receiving, settling and committing.

use crate::LogSink;
use crate::context::{ForConsumer, offsets};
use crate::convert::{bus_error, event};
use crate::lanes::{Arrival, Lanes};
use crate::outcomes::lock;
use crate::quiet::Quiet;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use squall_env::{
    BusError, Consumer, Delivery, KafkaConsumer, Level, Position, Settlement, Token, TopicPartition,
};
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Time between two commits, unless a handler asks for a checkpoint.
pub const COMMIT_EVERY: Duration = Duration::from_millis(50);

/// librdkafka tells of a queue only when it stops being empty, and a poll may eat an event without giving a message: an
/// empty answer is believed after so many, and asked again after [`LOOK_AGAIN`] in any case.
const EMPTY_POLLS: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A leave that takes longer is given up: the session timeout will see to it.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

type Client = BaseConsumer<ForConsumer>;

/// A member of a group.
pub struct KafkaBusConsumer {
    client: Arc<Client>,
    lanes: Arc<Mutex<Lanes>>,
    arrived: Arc<Notify>,
    joined: watch::Receiver<bool>,
    log: LogSink,
    /// The client commits by itself what it delivers.
    commits_itself: bool,
    last_commit: Cell<Instant>,
    /// The last commit that went out beside the work.
    aside: RefCell<Option<JoinHandle<()>>>,
    closed: Cell<bool>,
}

impl KafkaBusConsumer {
    pub(crate) fn open(
        config: &ClientConfig,
        topics: &[String],
        log: LogSink,
    ) -> Result<Self, BusError> {
        let lanes = Arc::new(Mutex::new(Lanes::default()));
        let (sender, joined) = watch::channel(false);
        let context = ForConsumer {
            lanes: Arc::clone(&lanes),
            joined: sender,
            log: Arc::clone(&log),
            quiet: Quiet::default(),
        };
        let settings_error = |error: KafkaError| BusError::Settings(error.to_string());
        let mut client =
            Client::from_config_and_context(config, context).map_err(settings_error)?;
        let arrived = Arc::new(Notify::new());
        let bell = Arc::clone(&arrived);
        client.set_nonempty_callback(move || bell.notify_one());
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        client.subscribe(&names).map_err(settings_error)?;
        Ok(Self {
            client: Arc::new(client),
            lanes,
            arrived,
            joined,
            log,
            commits_itself: config.get("enable.auto.commit") == Some("true"),
            last_commit: Cell::new(Instant::now()),
            aside: RefCell::new(None),
            closed: Cell::new(false),
        })
    }

    /// Takes what is here, up to `max`.
    fn drain(&self, max: usize) -> Result<Vec<Delivery>, BusError> {
        let mut batch = Vec::new();
        let mut empty = 0;
        while batch.len() < max && empty < EMPTY_POLLS {
            let message = match self.client.poll(Duration::ZERO) {
                None => {
                    empty += 1;
                    continue;
                }
                Some(Err(error)) => match bus_error(&error) {
                    fatal @ BusError::Fatal(_) if batch.is_empty() => return Err(fatal),
                    BusError::Fatal(_) => return Ok(batch),
                    // librdkafka mends these itself, and has logged them.
                    _ => continue,
                },
                Some(Ok(message)) => message,
            };
            empty = 0;
            let arrival =
                lock(&self.lanes).arrive(message.topic(), message.partition(), message.offset());
            if let Arrival::Deliver(token, topic) = arrival {
                let event = event(&message, topic);
                batch.push(Delivery { event, token });
            }
        }
        Ok(batch)
    }

    fn commit_when_due(&self) {
        if self.last_commit.get().elapsed() < COMMIT_EVERY || self.commits_itself {
            return;
        }
        let commits = {
            let mut lanes = lock(&self.lanes);
            if !lanes.dirty || lanes.committing {
                return;
            }
            lanes.committing = true;
            lanes.take_commits()
        };
        self.last_commit.set(Instant::now());
        self.commit_aside(commits);
    }

    /// librdkafka tells nobody how an asynchronous commit of the application ended, so this one waits on a thread of its own.
    fn commit_aside(&self, commits: Vec<(Arc<str>, i32, i64)>) {
        let (client, lanes) = (Arc::clone(&self.client), Arc::clone(&self.lanes));
        let log = Arc::clone(&self.log);
        let aside = tokio::task::spawn_blocking(move || {
            let result = client.commit(&offsets(&commits), CommitMode::Sync);
            let mut held = lock(&lanes);
            held.committing = false;
            if let Err(error) = result {
                for (topic, partition, _) in &commits {
                    held.offer_again(topic, *partition);
                }
                drop(held);
                log(Level::Warn, &format!("commit: {error}"));
            }
        });
        self.aside.replace(Some(aside));
    }

    /// Waits for the commit that is under way beside the work, then commits what it left.
    async fn commit_all(&self) -> Result<(), BusError> {
        let aside = self.aside.take();
        if let Some(aside) = aside {
            // Offsets that it could not commit are offered again.
            let _ = aside.await;
        }
        self.checkpoint().await
    }

    fn offer_again(&self, commits: &[(Arc<str>, i32, i64)]) {
        let mut lanes = lock(&self.lanes);
        for (topic, partition, _) in commits {
            lanes.offer_again(topic, *partition);
        }
    }

    /// librdkafka's synchronous calls wait for the broker, so they get a thread.
    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Client) -> KafkaResult<T> + Send + 'static,
    ) -> Result<T, BusError> {
        let client = Arc::clone(&self.client);
        tokio::task::spawn_blocking(move || call(&client))
            .await
            .map_err(|error| BusError::Fatal(error.to_string()))?
            .map_err(|error| bus_error(&error))
    }

    fn listed(&self, partitions: &[TopicPartition]) -> Result<TopicPartitionList, BusError> {
        let mine = self.assignment();
        let mut list = TopicPartitionList::new();
        for one in partitions {
            if !mine.contains(one) {
                return Err(BusError::Temporary(format!(
                    "{}/{} is not assigned to this member",
                    one.topic, one.partition
                )));
            }
            list.add_partition(&one.topic, one.partition);
        }
        Ok(list)
    }
}

impl Consumer for KafkaBusConsumer {
    async fn next_batch(&self, max: usize) -> Result<Vec<Delivery>, BusError> {
        if self.closed.get() {
            return Err(BusError::Fatal("the consumer is closed".to_owned()));
        }
        loop {
            self.commit_when_due();
            let batch = self.drain(max)?;
            if !batch.is_empty() {
                return Ok(batch);
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, self.arrived.notified()).await;
        }
    }

    fn settle(&self, tokens: &[Token], how: Settlement) {
        let rewinds = lock(&self.lanes).settle(tokens, how);
        for rewind in rewinds {
            let offset = Offset::Offset(rewind.offset);
            // With no time to wait, the seek is queued behind what came before.
            let sought = self
                .client
                .seek(&rewind.topic, rewind.partition, offset, Duration::ZERO);
            if let Err(error) = sought {
                let what = format!(
                    "winding back {}/{}: {error}",
                    rewind.topic, rewind.partition
                );
                (self.log)(Level::Error, &what);
            }
        }
    }

    async fn checkpoint(&self) -> Result<(), BusError> {
        let commits = lock(&self.lanes).take_commits();
        if commits.is_empty() || self.commits_itself {
            return Ok(());
        }
        self.last_commit.set(Instant::now());
        let list = offsets(&commits);
        let result = self
            .blocking(move |client| client.commit(&list, CommitMode::Sync))
            .await;
        if result.is_err() {
            self.offer_again(&commits);
        }
        result
    }

    async fn ready(&self) -> Result<(), BusError> {
        let mut joined = self.joined.clone();
        joined
            .wait_for(|joined| *joined)
            .await
            .map(|_| ())
            .map_err(|_| BusError::Fatal("the consumer is closed".to_owned()))
    }

    async fn close(&self) -> Result<(), BusError> {
        if self.closed.replace(true) {
            return Ok(());
        }
        let committed = tokio::time::timeout(LEAVE_WITHIN, self.commit_all()).await;
        self.client
            .close_queue()
            .map_err(|error| bus_error(&error))?;
        // The group has been left when the revocation that this brings was served by polling.
        let deadline = Instant::now() + LEAVE_WITHIN;
        while !self.client.closed() && Instant::now() < deadline {
            let _ = self.client.poll(Duration::ZERO);
            let _ = tokio::time::timeout(Duration::from_millis(2), self.arrived.notified()).await;
        }
        committed.unwrap_or_else(|_| {
            let why = "the last commit was not answered in time".to_owned();
            Err(BusError::Temporary(why))
        })
    }
}

impl KafkaConsumer for KafkaBusConsumer {
    fn assignment(&self) -> Vec<TopicPartition> {
        lock(&self.lanes)
            .assignment()
            .into_iter()
            .map(|(topic, partition)| TopicPartition { topic, partition })
            .collect()
    }

    async fn commit(&self, wanted: &[(TopicPartition, i64)]) -> Result<(), BusError> {
        let commits: Vec<_> = wanted
            .iter()
            .map(|(at, offset)| (Arc::clone(&at.topic), at.partition, *offset))
            .collect();
        let list = offsets(&commits);
        self.blocking(move |client| client.commit(&list, CommitMode::Sync))
            .await
    }

    async fn committed(&self, partitions: &[TopicPartition]) -> Result<Vec<Option<i64>>, BusError> {
        let mut list = TopicPartitionList::new();
        for one in partitions {
            list.add_partition(&one.topic, one.partition);
        }
        let known = self
            .blocking(move |client| client.committed_offsets(list, CALL_TIMEOUT))
            .await?;
        Ok(partitions
            .iter()
            .map(
                |one| match known.find_partition(&one.topic, one.partition)?.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                },
            )
            .collect())
    }

    fn seek(&self, topic: &str, to: Position) -> Result<(), BusError> {
        if !lock(&self.lanes).forget(topic, to.partition) {
            let why = format!("{topic}/{} is not assigned to this member", to.partition);
            return Err(BusError::Temporary(why));
        }
        self.client
            .seek(
                topic,
                to.partition,
                Offset::Offset(to.offset),
                Duration::ZERO,
            )
            .map_err(|error| bus_error(&error))
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        let list = self.listed(partitions)?;
        self.client.pause(&list).map_err(|error| bus_error(&error))
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        let list = self.listed(partitions)?;
        self.client.resume(&list).map_err(|error| bus_error(&error))
    }
}

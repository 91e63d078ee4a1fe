//! Callbacks from librdkafka.

use crate::LogSink;
use crate::lanes::Lanes;
use crate::native;
use crate::outcomes::{Outcomes, lock};
use crate::quiet::Quiet;
use rdkafka::ClientContext;
use rdkafka::Message as _;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::{Offset, TopicPartitionList};
use squall_env::{Level, Outcome, Position, Ticket};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::watch;

pub(crate) struct ForProducer {
    pub(crate) outcomes: Arc<Outcomes>,
    pub(crate) log: LogSink,
    pub(crate) quiet: Quiet,
}

pub(crate) struct ForConsumer {
    pub(crate) lanes: Arc<Mutex<Lanes>>,
    /// True once the group has told this member its share.
    pub(crate) joined: watch::Sender<bool>,
    pub(crate) log: LogSink,
    pub(crate) quiet: Quiet,
}

fn pass_on(log: &LogSink, level: RDKafkaLogLevel, facility: &str, text: &str) {
    // A setting of consumers in a producer, or the other way round: one list of settings serves both.
    if facility == "CONFWARN" {
        return;
    }
    let level = match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => Level::Error,
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => Level::Warn,
        RDKafkaLogLevel::Info => Level::Info,
        RDKafkaLogLevel::Debug => Level::Debug,
    };
    log(level, &format!("{facility}: {text}"));
}

/// A client without its brokers says so many times a second.
fn complain(log: &LogSink, quiet: &Quiet, error: &KafkaError, reason: &str) {
    if quiet.tells(error.to_string(), Instant::now()) {
        log(Level::Warn, &format!("{error}: {reason}"));
    }
}

/// Whether a message was refused for what it is, as every other attempt was or would have been.
///
/// librdkafka's word that a message was not persisted is only worth something then. It gives it to one that was answered
/// NOT_LEADER_OR_FOLLOWER and timed out later, too, and a leader that steps down answers so to what it has appended and its followers
/// have. Nor can it be asked whether a message that timed out was ever sent.
fn is_about_the_message(error: &KafkaError) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::MessageSizeTooLarge
                | Code::InvalidMessageSize
                | Code::InvalidRecord
                | Code::InvalidTopic
                | Code::InvalidRequiredAcks
                | Code::PolicyViolation
                | Code::TopicAuthorizationFailed
                | Code::UnsupportedCompressionType
        )
    )
}

impl ClientContext for ForProducer {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        pass_on(&self.log, level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        complain(&self.log, &self.quiet, &error, reason);
    }
}

impl ProducerContext for ForProducer {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let outcome = match result {
            Ok(message) => Outcome::Acknowledged((message.offset() >= 0).then(|| Position {
                partition: message.partition(),
                offset: message.offset(),
            })),
            Err((error, message))
                if is_about_the_message(error) && native::was_never_persisted(message) =>
            {
                Outcome::NotTaken(error.to_string())
            }
            Err((error, _)) => Outcome::Unknown(error.to_string()),
        };
        self.outcomes.push(Ticket(ticket as u64), outcome);
    }
}

impl ClientContext for ForConsumer {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        pass_on(&self.log, level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        complain(&self.log, &self.quiet, &error, reason);
    }
}

impl ConsumerContext for ForConsumer {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(partitions) = rebalance else {
            return;
        };
        let mut lanes = lock(&self.lanes);
        // A lost assignment belongs to others already: the broker would refuse the commit.
        if !consumer.assignment_lost() {
            let done = offsets(&lanes.take_commits_of(|topic, partition| {
                partitions.find_partition(topic, partition).is_some()
            }));
            if done.count() > 0
                // librdkafka sends it before it gives the partitions up: an unassignment waits for commits on their way.
                && let Err(error) = consumer.commit(&done, CommitMode::Async)
            {
                (self.log)(Level::Warn, &format!("commit before a revocation: {error}"));
            }
        }
        for element in partitions.elements() {
            lanes.close(element.topic(), element.partition());
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            let mut lanes = lock(&self.lanes);
            for element in partitions.elements() {
                lanes.open(element.topic(), element.partition());
            }
            self.joined.send_replace(true);
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        use rdkafka::types::RDKafkaErrorCode::NoOffset;
        let Err(error) = result else { return };
        if error.rdkafka_error_code() == Some(NoOffset) {
            return;
        }
        // Offers these offsets again with the next commit, unless the partitions have gone.
        let mut lanes = lock(&self.lanes);
        for element in offsets.elements() {
            lanes.offer_again(element.topic(), element.partition());
        }
        (self.log)(Level::Warn, &format!("commit: {error}"));
    }
}

pub(crate) fn offsets(commits: &[(Arc<str>, i32, i64)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(commits.len());
    for (topic, partition, offset) in commits {
        // Fails only for negative offsets, which a lane never has.
        let _ = list.add_partition_offset(topic, *partition, Offset::Offset(*offset));
    }
    list
}

//! A bus that fits Kafka, AMQP, SQS and Redis Streams.

use crate::{Event, Headers, Position};
use std::fmt;
use std::future::Future;

/// Names one message handed to [`Producer::send`], within its producer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// Names one delivery, within its consumer. Opaque to handlers.
///
/// Kafka: `lane` is one assignment of one partition, `position` the offset. AMQP: channel and delivery tag. A token of a
/// partition that was taken away is stale, and settling it does nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token {
    pub lane: u32,
    pub position: u64,
}

/// A message to send. Borrowed, so that passing an event on copies nothing here.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub topic: &'a str,
    /// Messages of one key stay in order and go to one partition.
    pub key: Option<&'a [u8]>,
    pub headers: &'a Headers,
    pub payload: &'a [u8],
}

/// What became of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The broker has it, as far as `acks` asks. The position is unknown with acks=0.
    Acknowledged(Option<Position>),
    /// It is certain that no broker has it.
    NotTaken(String),
    /// A broker may or may not have it.
    Unknown(String),
}

/// Why [`Producer::send`] refused a message: it is certain that no broker has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SendError {
    /// The client's buffer is full. Wait for completions and try again.
    QueueFull,
    /// Larger than the client allows.
    TooLarge,
    /// Anything else: unknown topic, closed client, fatal error.
    Refused(String),
}

/// A failure of the client or of the broker behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BusError {
    /// A setting that the client does not know or refuses. Ours to mend.
    Settings(String),
    /// May pass: broker away, group rebalancing.
    Temporary(String),
    /// The client is of no use any more: fenced, not authorised, or the environment is dead.
    Fatal(String),
}

/// How a delivery ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// Handled: never deliver it again.
    Done,
    /// Deliver it again. Kafka: the partition is wound back to it, and what was done behind it is skipped.
    Retry,
    /// Give it up. The broker dead-letters it where it can (AMQP, SQS); Kafka has no such thing, and takes it as done.
    Reject,
}

/// An event and the token to settle it by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    pub event: Event,
    pub token: Token,
}

/// Sends messages and tells what became of each.
pub trait Producer {
    /// Hands a message over to the client, at once. Its outcome comes once, through [`Producer::completions`].
    ///
    /// # Errors
    /// The message was not taken, and has no outcome.
    fn send(&self, message: Message<'_>) -> Result<Ticket, SendError>;

    /// Waits until there is an outcome, then appends all there are. Waits for ever when nothing is on its way.
    fn completions(&self, into: &mut Vec<(Ticket, Outcome)>) -> impl Future<Output = ()>;

    /// Ends when the broker was reached and knows the topic.
    fn ready(&self, topic: &str) -> impl Future<Output = Result<(), BusError>>;

    /// Messages whose outcome was not yet handed out.
    fn in_flight(&self) -> usize;
}

/// Receives events, as a member of a group.
pub trait Consumer {
    /// Waits until there is an event, then gives up to `max` of those already here; within a partition in order.
    ///
    /// # Errors
    /// [`BusError::Temporary`]: call again, after a pause. [`BusError::Fatal`]: give up.
    fn next_batch(&self, max: usize) -> impl Future<Output = Result<Vec<Delivery>, BusError>>;

    /// Says how deliveries ended, at once and in any order. The client tells the broker when it sees fit, never beyond the
    /// first delivery of a partition that is still open. Stale tokens do nothing.
    fn settle(&self, tokens: &[Token], how: Settlement);

    /// Ends when the broker knows everything that was settled before.
    ///
    /// # Errors
    /// The broker may or may not know.
    fn checkpoint(&self) -> impl Future<Output = Result<(), BusError>>;

    /// Ends when the group has first told this member its share, which may be none. Membership goes on only while
    /// [`Consumer::next_batch`] is called, so await this beside it.
    fn ready(&self) -> impl Future<Output = Result<(), BusError>>;

    /// Tells the broker what was settled, and leaves the group. Nothing is delivered afterwards.
    ///
    /// # Errors
    /// The broker may not know all that was settled.
    fn close(&self) -> impl Future<Output = Result<(), BusError>>;
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => f.write_str("the client's send buffer is full"),
            Self::TooLarge => f.write_str("the message is larger than the client allows"),
            Self::Refused(why) => write!(f, "the client refused the message: {why}"),
        }
    }
}

impl std::error::Error for SendError {}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(why) => write!(f, "a setting of the bus client is wrong: {why}"),
            Self::Temporary(why) => write!(f, "the bus is not to be had for now: {why}"),
            Self::Fatal(why) => write!(f, "the bus client failed for good: {why}"),
        }
    }
}

impl std::error::Error for BusError {}

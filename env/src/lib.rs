//! The traits that a system under test is written against.
//!
//! A handler is generic over one [`Env`] and reaches the outside through nothing else: no sockets, threads, clock or
//! randomness of its own. In a real process the `Env` is made of librdkafka, an HTTP server, SQLite and a mail folder; in
//! the simulator of models in virtual time.
//!
//! # What an implementer must keep
//!
//! - **Every await is a crash point.** A process may be killed at any of them and nowhere else. The methods that are not
//!   `async` take effect at once and cannot be torn.
//! - **Dead before dropped.** After a kill the `Env` does nothing any more, whatever is called on it or on anything it
//!   made, and only then are the futures dropped: no `Drop` can commit, answer or write.
//! - **Cancel safety.** Every future of these traits may be dropped half-way (handlers use [`select`]). One that takes
//!   something in (`next_batch`, `accept`, `completions`) has then taken nothing. One that has an effect
//!   (`checkpoint`, `transact`, `deliver`) may or may not have had it.
//! - **One thread.** Futures need not be `Send`; handles are cheap clones that share their state.
//! - **Methods take `&self`**, so that several of them can be awaited together.

mod bus;
mod event;
mod http;
mod kafka;
mod mail;
mod settings;
mod store;
mod telemetry;
mod time;

pub use bus::{
    BusError, Consumer, Delivery, Message, Outcome, Producer, SendError, Settlement, Ticket, Token,
};
pub use event::{Event, HeaderIter, Headers, Position};
pub use http::{Incoming, Ingress, IngressError, IngressSettings, Request, Responder, Response};
pub use kafka::{KafkaConsumer, TopicPartition};
pub use mail::{Filed, Mail, MailError, Mailer};
pub use settings::{ClientSettings, ConsumerSettings, ProducerSettings};
pub use store::{Column, Insert, Kind, Store, StoreError, Table, Value};
pub use telemetry::{Field, Level, LogEntry};
pub use time::{Either, Elapsed, select, timeout};

use std::future::Future;
use std::time::Duration;

/// Everything that a handler may reach. A clone is another handle on the same environment.
pub trait Env: Clone + 'static {
    type Producer: Producer;
    type Consumer: Consumer;
    type Store: Store;
    type Mailer: Mailer;
    type Ingress: Ingress;

    /// Makes a producer. Need not wait for the broker: see [`Producer::ready`].
    ///
    /// # Errors
    /// [`BusError::Settings`] for a setting that the client does not know or refuses.
    fn producer(&self, settings: &ProducerSettings) -> Result<Self::Producer, BusError>;

    /// Makes a consumer and subscribes it. Need not wait for the group: see [`Consumer::ready`].
    ///
    /// # Errors
    /// [`BusError::Settings`] for a setting that the client does not know or refuses.
    fn consumer(&self, settings: &ConsumerSettings) -> Result<Self::Consumer, BusError>;

    /// Opens the store of this service and makes the tables that are not there yet.
    fn store(
        &self,
        tables: &'static [Table],
    ) -> impl Future<Output = Result<Self::Store, StoreError>>;

    /// Opens the mail folder or the connection to the mail server of this service.
    fn mailer(&self) -> impl Future<Output = Result<Self::Mailer, MailError>>;

    /// Starts to listen for requests. The environment itself answers `/health`, `/ready` and `/metrics`.
    fn ingress(
        &self,
        settings: &IngressSettings,
    ) -> impl Future<Output = Result<Self::Ingress, IngressError>>;

    /// Nanoseconds on a clock that never goes back. Only differences mean something.
    fn now_ns(&self) -> u64;

    /// Milliseconds since 1970-01-01 UTC, for the times that events carry. May jump.
    fn unix_ms(&self) -> u64;

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// The next 64 random bits of the stream for this purpose (`event-id`, `trace`, `backoff`, ...).
    fn random(&self, purpose: &'static str) -> u64;

    /// Runs a task beside the others. It ends with the process, finished or not.
    fn spawn<F: Future<Output = ()> + 'static>(&self, task: F);

    /// Ends when the process was asked to stop (SIGTERM); at once if it was asked before.
    fn shutdown(&self) -> impl Future<Output = ()>;

    /// Tells whoever asks (`/ready`) whether this service can do its work. False until it is first called.
    fn set_ready(&self, ready: bool);

    /// Writes one line of structured log.
    fn log(&self, entry: &LogEntry<'_>);

    /// Adds to a counter. Names follow Prometheus: `signup_effects_total`.
    fn count(&self, name: &'static str, labels: &[(&'static str, &str)], by: u64);

    /// Sets a gauge.
    fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64);
}

//! The bus of squall-env over Kafka, by librdkafka.
//!
//! Needs a tokio runtime with timers around its futures. Nothing is allocated or spawned per message beyond the event
//! itself: outcomes come back from librdkafka's poll thread in one list, deliveries are drained from its queue by the
//! batch, and commits are sent at most every [`COMMIT_EVERY`].

mod config;
mod consumer;
mod context;
mod convert;
mod lanes;
#[cfg(test)]
mod lanes_tests;
mod native;
mod outcomes;
mod producer;
mod quiet;

#[cfg(test)]
mod tests;

pub use consumer::{COMMIT_EVERY, KafkaBusConsumer};
pub use producer::KafkaBusProducer;

use squall_env::{BusError, ClientSettings, ConsumerSettings, Level, ProducerSettings};
use std::sync::Arc;

/// Takes the client library's own log lines; called from its threads.
pub type LogSink = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// Makes producers and consumers of one cluster.
#[derive(Clone)]
pub struct KafkaBus {
    bootstrap: String,
    client_id: String,
    client: ClientSettings,
    log: LogSink,
}

impl KafkaBus {
    /// `bootstrap`: `host:port` with commas between. `client`: librdkafka settings for everything made here.
    #[must_use]
    pub fn new(bootstrap: &str, client_id: &str, client: ClientSettings, log: LogSink) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            client_id: client_id.to_owned(),
            client,
            log,
        }
    }

    /// # Errors
    /// [`BusError::Settings`] when librdkafka refuses a setting; the message names it.
    pub fn producer(&self, settings: &ProducerSettings) -> Result<KafkaBusProducer, BusError> {
        let config = config::producer(&self.bootstrap, &self.client_id, &self.client, settings);
        KafkaBusProducer::open(&config, Arc::clone(&self.log))
    }

    /// # Errors
    /// [`BusError::Settings`] when librdkafka refuses a setting; the message names it.
    pub fn consumer(&self, settings: &ConsumerSettings) -> Result<KafkaBusConsumer, BusError> {
        let client = config::consumer(&self.bootstrap, &self.client_id, &self.client, settings);
        KafkaBusConsumer::open(&client, &settings.topics, Arc::clone(&self.log))
    }
}

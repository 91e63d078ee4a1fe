//! Sending.

use crate::LogSink;
use crate::context::ForProducer;
use crate::convert::{bus_error, owned_headers, send_error};
use crate::outcomes::Outcomes;
use crate::quiet::Quiet;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use squall_env::{BusError, Message, Outcome, Producer, SendError, Ticket};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

const METADATA_TIMEOUT: Duration = Duration::from_secs(2);
const METADATA_PAUSE: Duration = Duration::from_millis(50);

/// A producer with a poll thread of its own.
pub struct KafkaBusProducer {
    client: Arc<ThreadedProducer<ForProducer>>,
    outcomes: Arc<Outcomes>,
    next_ticket: Cell<usize>,
    in_flight: Cell<usize>,
}

impl KafkaBusProducer {
    pub(crate) fn open(config: &ClientConfig, log: LogSink) -> Result<Self, BusError> {
        let outcomes = Arc::new(Outcomes::default());
        let context = ForProducer {
            outcomes: Arc::clone(&outcomes),
            log,
            quiet: Quiet::default(),
        };
        let client = ThreadedProducer::from_config_and_context(config, context)
            .map_err(|error| BusError::Settings(error.to_string()))?;
        Ok(Self {
            client: Arc::new(client),
            outcomes,
            next_ticket: Cell::new(1),
            in_flight: Cell::new(0),
        })
    }
}

impl Producer for KafkaBusProducer {
    fn send(&self, message: Message<'_>) -> Result<Ticket, SendError> {
        let ticket = self.next_ticket.get();
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(message.topic, ticket).payload(message.payload);
        if let Some(key) = message.key {
            record = record.key(key);
        }
        if !message.headers.is_empty() {
            let headers = owned_headers(message.headers)
                .ok_or_else(|| SendError::Refused("a header's name holds a NUL".to_owned()))?;
            record = record.headers(headers);
        }
        match self.client.send(record) {
            Ok(()) => {
                self.next_ticket.set(ticket + 1);
                self.in_flight.set(self.in_flight.get() + 1);
                Ok(Ticket(ticket as u64))
            }
            Err((error, _)) => Err(send_error(&error)),
        }
    }

    async fn completions(&self, into: &mut Vec<(Ticket, Outcome)>) {
        let count = self.outcomes.wait(into).await;
        self.in_flight
            .set(self.in_flight.get().saturating_sub(count));
    }

    async fn ready(&self, topic: &str) -> Result<(), BusError> {
        loop {
            let client = Arc::clone(&self.client);
            let wanted = topic.to_owned();
            let known = tokio::task::spawn_blocking(move || {
                let metadata = client
                    .client()
                    .fetch_metadata(Some(&wanted), METADATA_TIMEOUT)?;
                Ok::<bool, rdkafka::error::KafkaError>(
                    metadata
                        .topics()
                        .iter()
                        .any(|topic| topic.error().is_none() && !topic.partitions().is_empty()),
                )
            })
            .await
            .map_err(|error| BusError::Fatal(error.to_string()))?;
            match known {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => {
                    if let fatal @ BusError::Fatal(_) = bus_error(&error) {
                        return Err(fatal);
                    }
                }
            }
            tokio::time::sleep(METADATA_PAUSE).await;
        }
    }

    fn in_flight(&self) -> usize {
        self.in_flight.get()
    }
}

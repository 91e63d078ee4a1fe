//! Passes every event of one topic on to another, headers and key as they are. Made for rate: nothing is parsed, logged or
//! spawned per event.

use crate::bugs::Bug;
use crate::consumer::{ready_when_joined, subscription};
use crate::service::ServiceError;
use crate::settings::Settings;
use squall_env::{
    BusError, Consumer, Delivery, Either, Env, Level, LogEntry, Message, Outcome, Producer,
    ProducerSettings, SendError, Settlement, Ticket, Token, select, timeout,
};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// Events sent and not acknowledged; librdkafka's buffer takes 100,000 unless told otherwise.
const IN_FLIGHT_MAX: usize = 50_000;
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(200);
const GRACE: Duration = Duration::from_secs(5);

struct Relay<'a, E: Env> {
    env: &'a E,
    settings: &'a Settings,
    consumer: Rc<E::Consumer>,
    producer: E::Producer,
    /// Received and not yet sent.
    waiting: VecDeque<Delivery>,
    sent: Sent,
}

pub(crate) async fn run<E: Env>(env: &E, settings: &Settings) -> Result<(), ServiceError> {
    let mut own = ProducerSettings::default();
    if settings.bugs.has(Bug::Acks1) {
        own.client.set("acks", "1");
        own.client.set("enable.idempotence", "false");
    }
    let consumer = Rc::new(env.consumer(&subscription(settings))?);
    ready_when_joined(env, &consumer);
    let mut relay = Relay {
        env,
        settings,
        consumer,
        producer: env.producer(&own)?,
        waiting: VecDeque::new(),
        sent: Sent::default(),
    };
    let result = relay.work().await;
    env.set_ready(false);
    relay.finish().await;
    result
}

impl<E: Env> Relay<'_, E> {
    async fn work(&mut self) -> Result<(), ServiceError> {
        let env = self.env;
        let mut shutdown = Box::pin(env.shutdown());
        let mut outcomes = Vec::new();
        loop {
            let room = self.waiting.is_empty() && self.sent.open < IN_FLIGHT_MAX;
            let receive = async {
                if room {
                    self.consumer.next_batch(self.settings.batch_max).await
                } else {
                    std::future::pending().await
                }
            };
            let step = select(
                shutdown.as_mut(),
                select(self.producer.completions(&mut outcomes), receive),
            )
            .await;
            match step {
                Either::First(()) => return Ok(()),
                Either::Second(Either::First(())) => self.complete(&mut outcomes).await,
                Either::Second(Either::Second(Ok(batch))) => self.take(batch).await,
                Either::Second(Either::Second(Err(error @ BusError::Temporary(_)))) => {
                    env.log(&LogEntry::new(Level::Warn, &error.to_string()));
                    env.sleep(PAUSE_AFTER_ERROR).await;
                }
                Either::Second(Either::Second(Err(error))) => return Err(error.into()),
            }
            self.send();
        }
    }

    async fn take(&mut self, batch: Vec<Delivery>) {
        self.env.count(
            "relay_events_total",
            &[("stage", "received")],
            batch.len() as u64,
        );
        if self.settings.bugs.has(Bug::CommitBeforeEffect) {
            let tokens: Vec<Token> = batch.iter().map(|delivery| delivery.token).collect();
            self.consumer.settle(&tokens, Settlement::Done);
            let _ = self.consumer.checkpoint().await;
            self.env.sleep(self.settings.rows.delay).await;
        }
        self.waiting.extend(batch);
    }

    /// Sends what is waiting, as far as the client takes it.
    fn send(&mut self) {
        while let Some(delivery) = self.waiting.pop_front() {
            let event = &delivery.event;
            let sent = self.producer.send(Message {
                topic: &self.settings.output_topic,
                key: event.key.as_deref(),
                headers: &event.headers,
                payload: &event.payload,
            });
            match sent {
                Ok(ticket) => self.sent.push(ticket, delivery.token),
                Err(SendError::QueueFull) if self.sent.open > 0 => {
                    self.waiting.push_front(delivery);
                    return;
                }
                Err(error) => {
                    let id = event.headers.text(crate::envelope::ID);
                    let why = error.to_string();
                    let entry = LogEntry::new(Level::Error, &why).about(id, None);
                    self.env.log(&entry);
                    self.consumer.settle(&[delivery.token], Settlement::Retry);
                }
            }
        }
    }

    /// Settles what the broker acknowledged; the rest is delivered and sent again.
    async fn complete(&mut self, outcomes: &mut Vec<(Ticket, Outcome)>) {
        let mut done = Vec::with_capacity(outcomes.len());
        let mut failed = Vec::new();
        let mut why = None;
        for (ticket, outcome) in outcomes.drain(..) {
            let Some(token) = self.sent.take(ticket) else {
                continue;
            };
            match outcome {
                Outcome::Acknowledged(_) => done.push(token),
                Outcome::NotTaken(reason) | Outcome::Unknown(reason) => {
                    failed.push(token);
                    why = Some(reason);
                }
            }
        }
        self.env.count(
            "relay_events_total",
            &[("stage", "sent")],
            done.len() as u64,
        );
        self.consumer.settle(&done, Settlement::Done);
        if let Some(why) = why {
            self.env.log(&LogEntry::new(Level::Warn, &why));
            self.env.sleep(PAUSE_AFTER_ERROR).await;
            if !self.settings.bugs.has(Bug::DroppedRetry) {
                self.consumer.settle(&failed, Settlement::Retry);
            } else {
                self.consumer.settle(&failed, Settlement::Done);
            }
        }
    }

    /// Waits for the broker's word on what was sent, then leaves.
    async fn finish(&mut self) {
        let env = self.env;
        let mut outcomes = Vec::new();
        let drain = async {
            while self.sent.open > 0 {
                self.producer.completions(&mut outcomes).await;
                let mut done = Vec::new();
                for (ticket, outcome) in outcomes.drain(..) {
                    if let (Some(token), Outcome::Acknowledged(_)) =
                        (self.sent.take(ticket), outcome)
                    {
                        done.push(token);
                    }
                }
                self.consumer.settle(&done, Settlement::Done);
            }
        };
        let _ = timeout(env, GRACE, drain).await;
        if let Err(error) = self.consumer.close().await {
            env.log(&LogEntry::new(Level::Warn, &error.to_string()));
        }
    }
}

/// Tickets on their way and the tokens behind them. Tickets ascend, so a queue does.
#[derive(Default)]
struct Sent {
    first: u64,
    tokens: VecDeque<Option<Token>>,
    open: usize,
}

impl Sent {
    fn push(&mut self, ticket: Ticket, token: Token) {
        if self.tokens.is_empty() {
            self.first = ticket.0;
        }
        while self.first + (self.tokens.len() as u64) < ticket.0 {
            self.tokens.push_back(None);
        }
        self.tokens.push_back(Some(token));
        self.open += 1;
    }

    fn take(&mut self, ticket: Ticket) -> Option<Token> {
        let at = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        let token = self.tokens.get_mut(at)?.take()?;
        self.open -= 1;
        while let Some(None) = self.tokens.front() {
            self.tokens.pop_front();
            self.first += 1;
        }
        Some(token)
    }
}

//! Where events go that cannot be handled.

use crate::bugs::Bug;
use crate::retry::backoff;
use crate::settings::Settings;
use squall_env::{
    BusError, Env, Event, Headers, Message, Outcome, Producer, ProducerSettings, SendError, Ticket,
};
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// An event that is given up, and why.
pub(super) struct Letter<'a> {
    pub(super) event: &'a Event,
    /// `poison`, `refused` (permanent failure) or `retries-exhausted`.
    pub(super) kind: &'static str,
    pub(super) reason: String,
}

pub(super) struct DeadLetters<E: Env> {
    env: E,
    topic: String,
    service: String,
    swallow: bool,
    unacknowledged: bool,
    /// Made when it is first needed, which in a good run is never.
    producer: OnceCell<E::Producer>,
}

impl<E: Env> DeadLetters<E> {
    pub(super) fn new(env: &E, settings: &Settings) -> Self {
        Self {
            env: env.clone(),
            topic: settings.dead_letter_topic.clone(),
            service: settings.service_name.clone(),
            swallow: settings.bugs.has(Bug::SwallowedDeadLetter),
            unacknowledged: settings.bugs.has(Bug::DeadLetterUnacknowledged),
            producer: OnceCell::new(),
        }
    }

    /// Ends when the broker has acknowledged all of them, however long that takes.
    pub(super) async fn put(&self, letters: &[Letter<'_>]) -> Result<(), BusError> {
        if letters.is_empty() || self.swallow {
            return Ok(());
        }
        let producer = match self.producer.get() {
            Some(producer) => producer,
            None => {
                let made = self.env.producer(&ProducerSettings::default())?;
                self.producer.get_or_init(|| made)
            }
        };
        let mut open: Vec<(&Letter<'_>, Headers)> = letters
            .iter()
            .map(|letter| (letter, self.headers(letter)))
            .collect();
        if self.unacknowledged {
            for (letter, headers) in &open {
                let _ = self.send(producer, letter, headers);
            }
            return Ok(());
        }
        let mut attempt = 0;
        loop {
            open = self.send_all(producer, open).await;
            if open.is_empty() {
                return Ok(());
            }
            attempt += 1;
            self.env.sleep(backoff(&self.env, attempt)).await;
        }
    }

    /// Sends all, waits for all outcomes, and gives back what was not acknowledged.
    async fn send_all<'a, 'b>(
        &self,
        producer: &E::Producer,
        letters: Vec<(&'a Letter<'b>, Headers)>,
    ) -> Vec<(&'a Letter<'b>, Headers)> {
        let mut again = Vec::new();
        let mut sent = Vec::new();
        for (letter, headers) in letters {
            match self.send(producer, letter, &headers) {
                Ok(ticket) => sent.push((ticket, letter, headers)),
                Err(_) => again.push((letter, headers)),
            }
        }
        let mut acknowledged: BTreeSet<Ticket> = BTreeSet::new();
        let mut waiting: BTreeSet<Ticket> = sent.iter().map(|(ticket, ..)| *ticket).collect();
        let mut outcomes = Vec::new();
        while !waiting.is_empty() {
            producer.completions(&mut outcomes).await;
            for (ticket, outcome) in outcomes.drain(..) {
                waiting.remove(&ticket);
                if matches!(outcome, Outcome::Acknowledged(_)) {
                    acknowledged.insert(ticket);
                }
            }
        }
        again.extend(
            sent.into_iter()
                .filter(|(ticket, ..)| !acknowledged.contains(ticket))
                .map(|(_, letter, headers)| (letter, headers)),
        );
        again
    }

    fn send(
        &self,
        producer: &E::Producer,
        letter: &Letter<'_>,
        headers: &Headers,
    ) -> Result<Ticket, SendError> {
        producer.send(Message {
            topic: &self.topic,
            key: letter.event.key.as_deref(),
            headers,
            payload: &letter.event.payload,
        })
    }

    /// The event's own headers, then what became of it.
    fn headers(&self, letter: &Letter<'_>) -> Headers {
        let mut headers = letter.event.headers.clone();
        headers.push("dlq_service", self.service.as_bytes());
        headers.push("dlq_kind", letter.kind.as_bytes());
        headers.push("dlq_reason", letter.reason.as_bytes());
        headers.push("dlq_topic", letter.event.topic.as_bytes());
        if let Some(position) = letter.event.position {
            headers.push("dlq_partition", position.partition.to_string().as_bytes());
            headers.push("dlq_offset", position.offset.to_string().as_bytes());
        }
        headers
    }
}

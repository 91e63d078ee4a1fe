//! The way of a batch: sorted, effects done and tried again, the hopeless dead-lettered, all of it settled.

use super::dead_letters::{DeadLetters, Letter};
use super::effect::{Effect, EffectError};
use crate::bugs::Bug;
use crate::envelope::{Incoming, Opened, open};
use crate::events::Catalogue;
use crate::retry::backoff;
use crate::service::ServiceError;
use crate::settings::Settings;
use squall_env::{
    Consumer, Delivery, Either, Env, Field, Level, LogEntry, Settlement, Token, select,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(super) struct Worker<E: Env, F> {
    env: E,
    settings: Settings,
    catalogue: &'static Catalogue,
    consumer: Rc<E::Consumer>,
    effect: F,
    dead_letters: DeadLetters<E>,
    stopping: Rc<Cell<bool>>,
    /// As planted by [`Bug::RetryInMemory`].
    later: RefCell<Vec<Delivery>>,
}

/// What is older is skipped, as planted by [`Bug::StaleByClock`].
const STALE_MS: i64 = 60_000;

/// The process was asked to stop; what is not settled will be delivered to somebody else.
#[derive(Debug)]
pub(super) struct Stopped;

/// An event to do the effect of.
struct Job<'a> {
    delivery: &'a Delivery,
    event: Incoming<'a>,
    failures: u32,
}

impl<E: Env, F: Effect> Worker<E, F> {
    pub(super) fn new(
        env: &E,
        settings: &Settings,
        consumer: Rc<E::Consumer>,
        effect: F,
    ) -> Result<Self, ServiceError> {
        let stopping = Rc::new(Cell::new(false));
        let (watched, flag) = (env.clone(), Rc::clone(&stopping));
        env.spawn(async move {
            watched.shutdown().await;
            flag.set(true);
        });
        Ok(Self {
            env: env.clone(),
            settings: settings.clone(),
            catalogue: Catalogue::shared(),
            consumer,
            effect,
            dead_letters: DeadLetters::new(env, settings),
            stopping,
            later: RefCell::default(),
        })
    }

    /// Every delivery of the batch is settled when this ends well.
    pub(super) async fn handle(&self, batch: Vec<Delivery>) -> Result<(), Stopped> {
        let mut batch = batch;
        batch.splice(0..0, self.later.take());
        let bugs = &self.settings.bugs;
        let all = || -> Vec<Token> { batch.iter().map(|delivery| delivery.token).collect() };
        if self.settings.bugs.has(Bug::CommitBeforeEffect) {
            self.consumer.settle(&all(), Settlement::Done);
            let _ = self.consumer.checkpoint().await;
        }
        let (mut jobs, letters, ignored) = self.sort(&batch);
        self.settle(&ignored);
        if bugs.has(Bug::PoisonForever) && !letters.is_empty() {
            self.env.shutdown().await;
            return Err(Stopped);
        }
        if bugs.has(Bug::PoisonTakesBatch) && !letters.is_empty() {
            jobs.clear();
            self.settle(&all());
        }
        self.give_up(&letters).await?;
        let mut postponed = Vec::new();
        let chunk = if self.settings.bugs.has(Bug::CommitBeforeEffect) {
            1
        } else {
            self.effect.chunk().max(1)
        };
        while !jobs.is_empty() {
            if self.stopping.get() {
                if bugs.has(Bug::SettleAtShutdown) {
                    self.settle(&all());
                }
                return Err(Stopped);
            }
            let rest = jobs.split_off(chunk.min(jobs.len()));
            postponed.extend(self.finish(jobs).await?);
            if bugs.has(Bug::SettleFirst) {
                self.settle(&all());
            }
            jobs = rest;
        }
        while !postponed.is_empty() {
            self.pause(1).await?;
            postponed = self.finish(postponed).await?;
        }
        Ok(())
    }

    fn sort<'a>(
        &self,
        batch: &'a [Delivery],
    ) -> (Vec<Job<'a>>, Vec<(Token, Letter<'a>)>, Vec<Token>) {
        let (mut jobs, mut letters, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
        for delivery in batch {
            match open(self.catalogue, self.effect.subscriptions(), &delivery.event) {
                Opened::Wanted(_) if self.is_skipped(delivery) => ignored.push(delivery.token),
                Opened::Wanted(event) => jobs.push(Job {
                    delivery,
                    event,
                    failures: 0,
                }),
                Opened::Ignored => ignored.push(delivery.token),
                Opened::Poison(reason) => {
                    let letter = Letter {
                        event: &delivery.event,
                        kind: "poison",
                        reason,
                    };
                    letters.push((delivery.token, letter));
                }
            }
        }
        self.count("ignored", ignored.len());
        (jobs, letters, ignored)
    }

    /// As planted by [`Bug::StaleByClock`].
    fn is_skipped(&self, delivery: &Delivery) -> bool {
        // A correct consumer reads no clock: whether one was read is evidence of a clock's skew.
        self.settings.bugs.has(Bug::StaleByClock)
            && delivery
                .event
                .timestamp_ms
                .is_some_and(|sent_ms| self.env.unix_ms().cast_signed() - sent_ms > STALE_MS)
    }

    /// Does these effects until each is done or given up, and settles them. What is given back was postponed, as planted by
    /// [`Bug::UnorderedRetry`].
    async fn finish<'a>(&self, mut jobs: Vec<Job<'a>>) -> Result<Vec<Job<'a>>, Stopped> {
        while !jobs.is_empty() {
            let events: Vec<&Incoming<'_>> = jobs.iter().map(|job| &job.event).collect();
            let results = self.effect.apply(&events).await;
            let (mut done, mut again, mut letters) = (Vec::new(), Vec::new(), Vec::new());
            for (mut job, result) in jobs.into_iter().zip(results) {
                match result {
                    Ok(()) => {
                        self.log(Level::Info, "effect done", &job, None);
                        done.push(job.delivery.token);
                    }
                    Err(EffectError::Permanent(why)) => letters.push(letter(&job, "refused", why)),
                    Err(EffectError::Temporary(why)) => {
                        job.failures += 1;
                        self.log(Level::Warn, "effect failed", &job, Some(&why));
                        let bugs = &self.settings.bugs;
                        let retries_max = match bugs.has(Bug::GiveUpAtOnce) {
                            true => 0,
                            false => self.settings.retries_max,
                        };
                        if bugs.has(Bug::DroppedRetry) {
                            done.push(job.delivery.token);
                        } else if bugs.has(Bug::RetryInMemory) {
                            done.push(job.delivery.token);
                            self.later.borrow_mut().push(job.delivery.clone());
                        } else if job.failures > retries_max {
                            letters.push(letter(&job, "retries-exhausted", why));
                        } else {
                            again.push(job);
                        }
                    }
                }
            }
            self.count("handled", done.len());
            self.count("retried", again.len());
            self.settle(&done);
            self.give_up(&letters).await?;
            if self.settings.bugs.has(Bug::UnorderedRetry) {
                return Ok(again);
            }
            jobs = again;
            if let Some(failures) = jobs.iter().map(|job| job.failures).max() {
                self.pause(failures).await?;
            }
        }
        Ok(Vec::new())
    }

    async fn pause(&self, failures: u32) -> Result<(), Stopped> {
        let sleep = self.env.sleep(backoff(&self.env, failures));
        match select(self.env.shutdown(), sleep).await {
            Either::First(()) => Err(Stopped),
            Either::Second(()) => Ok(()),
        }
    }

    /// Dead-letters these, and settles them once the broker has them.
    async fn give_up(&self, letters: &[(Token, Letter<'_>)]) -> Result<(), Stopped> {
        if letters.is_empty() {
            return Ok(());
        }
        for (_, letter) in letters {
            let headers = &letter.event.headers;
            let fields = [
                ("kind", Field::Text(letter.kind)),
                ("reason", Field::Text(&letter.reason)),
            ];
            let entry = LogEntry::new(Level::Error, "event given up")
                .about(headers.text("ce_id"), headers.text("traceparent"))
                .fields(&fields);
            self.env.log(&entry);
        }
        let (tokens, letters): (Vec<Token>, Vec<Letter<'_>>) = letters
            .iter()
            .map(|(token, letter)| {
                let copy = Letter {
                    event: letter.event,
                    kind: letter.kind,
                    reason: letter.reason.clone(),
                };
                (*token, copy)
            })
            .unzip();
        match select(self.env.shutdown(), self.dead_letters.put(&letters)).await {
            Either::First(()) => return Err(Stopped),
            Either::Second(Err(error)) => {
                self.env
                    .log(&LogEntry::new(Level::Error, &error.to_string()));
                return Err(Stopped);
            }
            Either::Second(Ok(())) => {}
        }
        self.count("dead-lettered", tokens.len());
        self.consumer.settle(&tokens, Settlement::Reject);
        Ok(())
    }

    fn settle(&self, tokens: &[Token]) {
        // With the bug, they were settled before.
        if !tokens.is_empty() && !self.settings.bugs.has(Bug::CommitBeforeEffect) {
            self.consumer.settle(tokens, Settlement::Done);
        }
    }

    fn count(&self, outcome: &'static str, by: usize) {
        if by > 0 {
            let labels = [("outcome", outcome)];
            self.env.count("signup_events_total", &labels, by as u64);
        }
    }

    fn log(&self, level: Level, what: &str, job: &Job<'_>, reason: Option<&str>) {
        let mut fields = vec![("type", Field::Text(&job.event.event_type))];
        if let Some(reason) = reason {
            fields.push(("reason", Field::Text(reason)));
        }
        let trace = job.event.traceparent.as_deref();
        let entry = LogEntry::new(level, what)
            .about(Some(&job.event.id), trace)
            .fields(&fields);
        self.env.log(&entry);
    }
}

fn letter<'a>(job: &Job<'a>, kind: &'static str, reason: String) -> (Token, Letter<'a>) {
    let letter = Letter {
        event: &job.delivery.event,
        kind,
        reason,
    };
    (job.delivery.token, letter)
}

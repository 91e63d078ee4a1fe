//! Straight onto the bus: a librdkafka producer fed by the dispatcher, with a thread that takes delivery reports.

pub mod classify;
mod message;

use crate::clock::nanos;
use crate::entry::{Context, Entry, EntryReport};
use crate::error::LoadError;
use crate::priority::wake_on_time;
use crate::template::Constants;
use classify::Delivered;
use message::MessageTemplate;
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::Message;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig,
};
use squall_check::{Kind, Op};
use squall_plan::fault::Odd;
use squall_plan::plan::Arrival;
use squall_plan::scenario::Load;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long delivery reports are gathered before they are recorded.
const GATHER: Duration = Duration::from_millis(5);
/// Beyond the time-out of the last event, for its report to come.
const GRACE_NS: u64 = 2_000_000_000;
/// For the reports of what was purged.
const PURGE_NS: u64 = 1_000_000_000;

pub(crate) struct TopicEntry {
    context: Context,
    producer: Arc<BaseProducer<Reports>>,
    message: MessageTemplate,
    /// Outcomes that are known at once.
    refused: Vec<Op>,
    causes: BTreeMap<String, u64>,
    /// Each event is sent a second time.
    twice: bool,
    done: Arc<AtomicBool>,
    poller: Option<JoinHandle<()>>,
}

/// The opaque of a second copy, which no sequence number is.
const COPY: usize = usize::MAX;
/// librdkafka's largest `message.max.bytes`.
const CLIENT_BYTES_MAX: &str = "1000000000";

/// Takes delivery reports; the opaque of a message is its sequence number.
struct Reports {
    context: Context,
    gathered: Mutex<Gathered>,
    /// Second copies that were acknowledged.
    copies: AtomicU64,
}

#[derive(Default)]
struct Gathered {
    ops: Vec<Op>,
    causes: BTreeMap<String, u64>,
    /// What the client said of itself: broker down and the like. Kept once each, and few.
    complaints: BTreeMap<String, u64>,
}

impl TopicEntry {
    pub fn start(
        load: &Load,
        constants: Constants,
        settings: &BTreeMap<String, String>,
        context: Context,
    ) -> Result<Self, LoadError> {
        let message = MessageTemplate::new(load, constants)?;
        let mut config = ClientConfig::new();
        config.set(
            "message.timeout.ms",
            (context.timeout_ns / 1_000_000).max(1).to_string(),
        );
        for (name, value) in settings {
            config.set(name, value);
        }
        if load.odd == Some(Odd::Oversized) {
            // It is the broker that is to refuse them.
            config.set("message.max.bytes", CLIENT_BYTES_MAX);
            config.set("compression.type", "none");
        }
        let reports = Reports {
            context: context.clone(),
            gathered: Mutex::default(),
            copies: AtomicU64::new(0),
        };
        let producer: BaseProducer<Reports> =
            config
                .create_with_context(reports)
                .map_err(|source| LoadError::Producer {
                    load: load.name.clone(),
                    source,
                })?;
        let producer = Arc::new(producer);
        let done = Arc::new(AtomicBool::new(false));
        let poller = poller(Arc::clone(&producer), Arc::clone(&done)).map_err(|source| {
            LoadError::Start {
                load: load.name.clone(),
                source,
            }
        })?;
        Ok(Self {
            context,
            producer,
            message,
            refused: Vec::new(),
            causes: BTreeMap::new(),
            twice: load.odd == Some(Odd::Duplicate),
            done,
            poller: Some(poller),
        })
    }

    /// The record of the event that the template was filled for.
    fn record(&self, opaque: usize) -> BaseRecord<'_, [u8], [u8], usize> {
        let mut record = BaseRecord::with_opaque_to(self.message.topic(), opaque)
            .headers(self.message.headers());
        if let Some(payload) = self.message.payload() {
            record = record.payload(payload);
        }
        if let Some(key) = self.message.key() {
            record = record.key(key);
        }
        record
    }

    fn send(&mut self, arrival: &Arrival) {
        self.message.fill(arrival);
        let opaque = usize::try_from(arrival.sequence).unwrap_or(usize::MAX);
        let mut record = self.record(opaque);
        let give_up = self
            .context
            .times
            .now_ns()
            .saturating_add(self.context.timeout_ns);
        while let Err((error, back)) = self.producer.send(record) {
            let full = matches!(
                error,
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
            );
            if full && self.context.times.now_ns() < give_up {
                // Back-pressure: the thread that takes reports makes room.
                std::thread::sleep(Duration::from_millis(1));
                record = back;
                continue;
            }
            // Every error here comes before the message is in the client's queue: it was not taken.
            *self
                .causes
                .entry(format!("refused by the client: {error}"))
                .or_default() += 1;
            let op = self.context.outcomes.outcome(
                self.context.times.now_ns(),
                arrival.sequence,
                Kind::Rejected,
            );
            self.refused.push(op);
            return;
        }
        if self.twice {
            // A full queue leaves this one without its copy, which the count of copies tells.
            let _ = self.producer.send(self.record(COPY));
        }
    }

    /// Waits until all have their outcome, or the time is over.
    fn wait_for_reports(&self, within_ns: u64) -> bool {
        let until = self.context.times.now_ns().saturating_add(within_ns);
        while self.context.outcomes.open_count() > 0 {
            if self.context.times.now_ns() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

impl Entry for TopicEntry {
    fn offer(&mut self, due: &[Arrival]) {
        for arrival in due {
            self.send(arrival);
        }
        self.context.outcomes.settle(&mut self.refused);
    }

    fn finish(mut self: Box<Self>) -> EntryReport {
        let mut problems = Vec::new();
        if !self.wait_for_reports(self.context.timeout_ns.saturating_add(GRACE_NS)) {
            self.producer
                .purge(PurgeConfig::default().queue().inflight());
            self.wait_for_reports(PURGE_NS);
        }
        self.done.store(true, Relaxed);
        if self
            .poller
            .take()
            .is_some_and(|poller| poller.join().is_err())
        {
            problems
                .push("the thread that takes delivery reports died: a defect in Squall".to_owned());
        }
        let gathered = std::mem::take(&mut *self.producer.context().lock());
        let mut causes = std::mem::take(&mut self.causes);
        for (cause, count) in gathered.causes.into_iter().chain(gathered.complaints) {
            *causes.entry(cause).or_default() += count;
        }
        EntryReport {
            copies: self.producer.context().copies.load(Relaxed),
            causes,
            problems,
            ..EntryReport::default()
        }
    }
}

fn poller(
    producer: Arc<BaseProducer<Reports>>,
    done: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("delivery-reports".to_owned())
        .spawn(move || {
            wake_on_time();
            let mut ops = Vec::new();
            loop {
                let last = done.load(Relaxed);
                producer.poll(GATHER);
                let reports = producer.context();
                std::mem::swap(&mut ops, &mut reports.lock().ops);
                reports.context.outcomes.settle(&mut ops);
                if last {
                    return;
                }
            }
        })
}

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        let mut gathered = self.lock();
        let text = format!("client: {error}");
        let _ = reason;
        if gathered.complaints.len() < 16 || gathered.complaints.contains_key(&text) {
            *gathered.complaints.entry(text).or_default() += 1;
        }
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        if opaque == COPY {
            self.copies.fetch_add(u64::from(result.is_ok()), Relaxed);
            return;
        }
        let now = nanos(self.context.times.start.elapsed());
        let mut op = self
            .context
            .outcomes
            .outcome(now, opaque as u64, Kind::Accepted);
        let mut gathered = self.lock();
        match result {
            Ok(message) => {
                op.partition = message.partition();
                op.offset = message.offset().max(-1);
            }
            Err((error, _)) => {
                let delivered = classify::report(error);
                op.kind = if delivered == Delivered::No {
                    Kind::Rejected
                } else {
                    Kind::Indeterminate
                };
                *gathered
                    .causes
                    .entry(format!("delivery: {error}"))
                    .or_default() += 1;
            }
        }
        gathered.ops.push(op);
    }
}

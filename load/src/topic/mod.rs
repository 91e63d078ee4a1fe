//! Straight onto the bus: a librdkafka producer fed by the dispatcher, which takes delivery reports between two groups of
//! events: memory that one thread allocates and another frees costs several times what sending does. Where it sleeps too long
//! for that, a thread that only takes reports stands in, so that no outcome is known late.

pub mod classify;
mod message;

use crate::entry::{Context, Entry, EntryReport, QUANTUM_NS};
use crate::error::LoadError;
use crate::priority::wake_on_time;
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
use squall_plan::payload::Constants;
use squall_plan::plan::Arrival;
use squall_plan::scenario::Load;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the thread that stands in gathers delivery reports before it records them. rdkafka knows whole milliseconds and spins
/// through what is left of the last one, so a short time costs much.
const GATHER: Duration = Duration::from_millis(50);
/// The dispatcher, having taken reports, is expected to do so again within this time, or within so many of its quanta.
const TURN_NS: u64 = 1_000_000;
const TURN_QUANTA: u64 = 4;
/// Without a report, a full queue, or one that is to become empty, is looked at again after this time.
const PATIENCE: Duration = Duration::from_millis(2);
/// Where the client lets records linger, pacing is no finer than this share of it, or than half a millisecond: the client sends no sooner.
const LINGER_SHARE: u64 = 10;
const COARSEST_NS: u64 = 500_000;
/// librdkafka's `linger.ms` where the settings name none.
const LINGER_MS: f64 = 5.0;
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
    /// Outcomes on their way from the reports into the history.
    taken: Vec<Op>,
    causes: BTreeMap<String, u64>,
    /// Each event is sent a second time.
    twice: bool,
    quantum_ns: u64,
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
    /// Until when the dispatcher takes the reports, on the run's clock.
    dispatchers_until_ns: AtomicU64,
    /// How long a turn of the dispatcher is.
    turn_ns: u64,
}

#[derive(Default)]
struct Gathered {
    ops: Vec<Op>,
    /// When the reports came that are being handed over: all those of a batch come at once.
    at_ns: Option<u64>,
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
        let quantum_ns = quantum_ns(&config);
        let reports = Reports {
            context: context.clone(),
            gathered: Mutex::default(),
            copies: AtomicU64::new(0),
            dispatchers_until_ns: AtomicU64::new(0),
            turn_ns: TURN_NS.max(TURN_QUANTA * quantum_ns),
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
            taken: Vec::new(),
            causes: BTreeMap::new(),
            twice: load.odd == Some(Odd::Duplicate),
            quantum_ns,
            done,
            poller: Some(poller),
        })
    }

    /// The record of the event that the template was filled for.
    fn record(&self, opaque: usize) -> BaseRecord<'_, [u8], [u8], usize> {
        let mut record = BaseRecord::with_opaque_to(self.message.topic(), opaque);
        record.headers = self.message.headers();
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
        let mut give_up = None;
        while let Err((error, _)) = self.producer.send(self.record(opaque)) {
            let full = matches!(
                error,
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
            );
            let now = self.context.times.now_ns();
            if full && now < *give_up.get_or_insert(now.saturating_add(self.context.timeout_ns)) {
                // Back-pressure: each report makes room.
                self.await_reports();
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

    /// Takes a batch of reports that is there, on the dispatcher's thread; false when there is none.
    fn take_reports(&mut self) -> bool {
        let reports = self.producer.context();
        let now = self.context.times.now_ns();
        // A batch of ten thousand takes longer than a turn.
        reports.dispatchers_until_ns.store(u64::MAX, Relaxed);
        reports.lock().at_ns = Some(now);
        self.producer.poll(Duration::ZERO);
        reports.lock().at_ns = None;
        let any = reports.record(&mut self.taken);
        let until = self.context.times.now_ns().saturating_add(reports.turn_ns);
        reports.dispatchers_until_ns.store(until, Relaxed);
        any
    }

    /// Takes reports, or waits a little where there are none.
    fn await_reports(&mut self) {
        if !self.take_reports() {
            // Still the dispatcher's turn: it looks again by itself.
            let reports = self.producer.context();
            reports
                .dispatchers_until_ns
                .fetch_add(PATIENCE.as_nanos() as u64, Relaxed);
            std::thread::sleep(PATIENCE);
        }
    }

    /// Waits until all have their outcome, second copies too, or the time is over.
    fn wait_for_reports(&mut self, within_ns: u64) -> bool {
        let until = self.context.times.now_ns().saturating_add(within_ns);
        while self.context.outcomes.open_count() > 0
            || self.twice && self.producer.in_flight_count() > 0
        {
            if self.context.times.now_ns() >= until {
                return false;
            }
            self.await_reports();
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
        self.take_reports();
    }

    fn quantum_ns(&self) -> u64 {
        self.quantum_ns
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

fn quantum_ns(config: &ClientConfig) -> u64 {
    let set = config
        .get("linger.ms")
        .or_else(|| config.get("queue.buffering.max.ms"));
    let linger_ms = set.and_then(|ms| ms.parse().ok()).unwrap_or(LINGER_MS);
    let linger_ns = (linger_ms * 1e6) as u64;
    (linger_ns / LINGER_SHARE).clamp(QUANTUM_NS, COARSEST_NS)
}

fn poller(
    producer: Arc<BaseProducer<Reports>>,
    done: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("delivery-reports".to_owned())
        .spawn(move || {
            wake_on_time();
            let reports = producer.context();
            let mut taken = Vec::new();
            while !done.load(Relaxed) {
                let until = reports.dispatchers_until_ns.load(Relaxed);
                if reports.context.times.now_ns() < until {
                    let turn = reports
                        .context
                        .times
                        .now_ns()
                        .saturating_add(reports.turn_ns);
                    reports.context.times.sleep_until(until.min(turn));
                    continue;
                }
                producer.poll(GATHER);
                reports.record(&mut taken);
            }
        })
}

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the outcomes that were gathered, by way of a buffer that is used again; false when there are none.
    fn record(&self, taken: &mut Vec<Op>) -> bool {
        std::mem::swap(taken, &mut self.lock().ops);
        let any = !taken.is_empty();
        self.context.outcomes.settle(taken);
        any
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
        let mut gathered = self.lock();
        let at = gathered
            .at_ns
            .unwrap_or_else(|| self.context.times.now_ns());
        let mut op = self
            .context
            .outcomes
            .outcome(at, opaque as u64, Kind::Accepted);
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

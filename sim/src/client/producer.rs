//! A producer: batches by partition. An idempotent one has one batch of a partition under way at a time and tries again in order;
//! without idempotence as many as `max.in.flight` allows are under way, and what is tried again comes behind what was sent meanwhile.
//!
//! Differs from librdkafka in three things: an idempotent producer has one batch of a partition in flight (as `bus-kafka` asks of
//! librdkafka, unless a scenario asks for more), `max.in.flight` counts for each partition and not for each connection, and each partition has a producer id of its own, so that a
//! lost sequence of one does not touch the others.

use super::access::Access;
use super::settings::ProducerOptions;
use crate::Counts;
use crate::clocks::WallClock;
use crate::kernel::{Kernel, Nanos, Signal};
use crate::record::{Body, Buffer, Row};
use squall_env::{
    BusError, Either, Message, Outcome, Position, Producer, SendError, Ticket, select,
};
use squall_model::kafka::{
    Acks, Batch, BatchHeader, BatchKind, ErrorCode, InitProducerIdRequest, Name, ProduceRequest,
    ProducedPartition, Request, Response, Stamp, TopicPartition,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A handle on a producer; clones share it.
#[derive(Clone)]
pub struct SimProducer(Rc<Inner>);

struct Inner {
    access: Rc<Access>,
    options: ProducerOptions,
    /// False: the process is dead, and nothing may happen any more.
    alive: Rc<Cell<bool>>,
    clock: Rc<WallClock>,
    last_ticket: Cell<u64>,
    buffered: Cell<usize>,
    unclaimed: Cell<usize>,
    /// A handful, found by looking at each.
    topics: RefCell<Vec<Topic>>,
    outcomes: RefCell<Vec<(Ticket, Outcome)>>,
    completed: Signal,
}

/// A topic that was sent to.
struct Topic {
    text: Box<str>,
    name: Name,
    partitions: Partitions,
}

/// The partitions of a topic when they are known, what waits for them until then.
enum Partitions {
    Asked(Buffer<Pending>),
    /// Each with what waits for it; somebody sends that from the first record on.
    Known(Vec<(i32, Option<Rc<Line>>)>),
}

/// What waits to be sent to a partition.
struct Line {
    buffer: RefCell<Buffer<Pending>>,
    arrived: Signal,
    /// Batches under way, where there may be several.
    under_way: Cell<usize>,
    freed: Signal,
}

impl Line {
    fn new(kernel: &Kernel) -> Self {
        Self {
            buffer: RefCell::default(),
            arrived: Signal::new(kernel),
            under_way: Cell::new(0),
            freed: Signal::new(kernel),
        }
    }
}

/// Beside each record that waits.
#[derive(Clone, Copy)]
struct Pending {
    ticket: Ticket,
    since: Nanos,
}

/// What goes out together.
struct Outgoing {
    tickets: Vec<Ticket>,
    body: Body,
}

/// How an attempt to send ended.
enum Attempt {
    Done(Outcome_),
    /// Try again; `maybe`: a broker may have it already.
    Again {
        maybe: bool,
    },
}

enum Outcome_ {
    At(i64),
    Duplicate,
    NotTaken(ErrorCode),
    /// The broker refuses the sequence; a new producer id is needed.
    Unknown(ErrorCode),
}

impl SimProducer {
    #[must_use]
    pub fn new(
        access: Rc<Access>,
        options: ProducerOptions,
        alive: Rc<Cell<bool>>,
        clock: Rc<WallClock>,
    ) -> Self {
        let completed = Signal::new(&access.cluster.kernel);
        Self(Rc::new(Inner {
            access,
            options,
            alive,
            clock,
            last_ticket: Cell::new(0),
            buffered: Cell::new(0),
            unclaimed: Cell::new(0),
            topics: RefCell::default(),
            outcomes: RefCell::default(),
            completed,
        }))
    }
}

impl Producer for SimProducer {
    fn send(&self, message: Message<'_>) -> Result<Ticket, SendError> {
        let inner = &self.0;
        if !inner.alive.get() {
            return Err(SendError::Refused("the process is dead".to_owned()));
        }
        let now = inner.access.cluster.kernel.now();
        let timestamp_ms = inner.clock.read(now).cast_signed();
        let row = Row::of(&message, timestamp_ms);
        if row.size() > inner.options.message_bytes {
            return Err(SendError::TooLarge);
        }
        if inner.buffered.get() >= inner.options.queue_records {
            return Err(SendError::QueueFull);
        }
        inner.buffered.set(inner.buffered.get() + 1);
        inner.unclaimed.set(inner.unclaimed.get() + 1);
        let ticket = Ticket(inner.last_ticket.replace(inner.last_ticket.get() + 1));
        let pending = Pending { ticket, since: now };
        inner.route(row, &message, pending);
        Ok(ticket)
    }

    async fn completions(&self, into: &mut Vec<(Ticket, Outcome)>) {
        let inner = &self.0;
        inner
            .completed
            .until(|| !inner.outcomes.borrow().is_empty())
            .await;
        let mut outcomes = inner.outcomes.borrow_mut();
        inner.unclaimed.set(inner.unclaimed.get() - outcomes.len());
        into.append(&mut outcomes);
    }

    async fn ready(&self, topic: &str) -> Result<(), BusError> {
        let topic = self.0.access.cluster.names.intern(topic);
        self.0.access.partitions(topic).await;
        Ok(())
    }

    fn in_flight(&self) -> usize {
        self.0.unclaimed.get()
    }
}

impl Inner {
    fn route(self: &Rc<Self>, row: Row, message: &Message<'_>, pending: Pending) {
        let mut topics = self.topics.borrow_mut();
        let known = topics.iter_mut().find(|one| *one.text == *message.topic);
        match known {
            Some(Topic {
                name,
                partitions: Partitions::Known(partitions),
                ..
            }) => {
                let chosen = self.choose(message.key, partitions.len());
                let (partition, line) = &mut partitions[chosen];
                let line = line.get_or_insert_with(|| {
                    let line = Rc::new(Line::new(&self.access.cluster.kernel));
                    let (topic, partition) = (*name, *partition);
                    let served = TopicPartition { topic, partition };
                    self.spawn(Rc::clone(self).serve(served, Rc::clone(&line)));
                    line
                });
                line.buffer.borrow_mut().push(row, message, pending);
                line.arrived.raise();
            }
            Some(Topic {
                partitions: Partitions::Asked(waiting),
                ..
            }) => waiting.push(row, message, pending),
            None => {
                let name = self.access.cluster.names.intern(message.topic);
                let mut waiting = Buffer::default();
                waiting.push(row, message, pending);
                topics.push(Topic {
                    text: message.topic.into(),
                    name,
                    partitions: Partitions::Asked(waiting),
                });
                self.spawn(Rc::clone(self).learn(name));
            }
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.access.cluster.kernel.spawn(self.access.process, task);
    }

    async fn learn(self: Rc<Self>, topic: Name) {
        let partitions = self.access.partitions(topic).await;
        let partitions = partitions.into_iter().map(|partition| (partition, None));
        let known = Partitions::Known(partitions.collect());
        let before = {
            let mut topics = self.topics.borrow_mut();
            let asked = topics.iter_mut().find(|one| one.name == topic);
            asked.map(|one| std::mem::replace(&mut one.partitions, known))
        };
        let Some(Partitions::Asked(mut waiting)) = before else {
            return;
        };
        let mut all = Vec::with_capacity(waiting.len());
        let body = waiting.take(waiting.len(), |pending| all.push(pending));
        let name = self.access.cluster.names.text(topic);
        for (record, pending) in body.iter().zip(all) {
            let message = Message {
                topic: &name,
                key: record.key,
                headers: &record.headers(),
                payload: record.payload,
            };
            self.route(Row::of(&message, record.timestamp_ms), &message, pending);
        }
    }

    /// Records of one key go to one of the partitions, those without a key to any.
    fn choose(&self, key: Option<&[u8]>, partitions: usize) -> usize {
        let hash = match key {
            Some(key) => key.iter().fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
            }) as usize,
            None => {
                let process = u64::from(self.access.process.0);
                self.access
                    .cluster
                    .kernel
                    .below("partitioner", process, partitions as u64) as usize
            }
        };
        hash % partitions
    }

    /// Sends what comes for a partition, batch by batch.
    async fn serve(self: Rc<Self>, partition: TopicPartition, line: Rc<Line>) {
        let kernel = Rc::clone(&self.access.cluster.kernel);
        let mut stamp = None;
        loop {
            line.arrived
                .until(|| !line.buffer.borrow().is_empty())
                .await;
            let (waiting, first) = {
                let buffer = line.buffer.borrow();
                (buffer.len(), buffer.first().map_or(0, |one| one.since))
            };
            if waiting < self.options.batch_records {
                kernel.sleep_until(first + self.options.linger).await;
            }
            if self.options.in_flight > 1 {
                self.send_beside(partition, &line, first).await;
                continue;
            }
            let batch = self.take_batch(&line);
            if self.options.idempotent && stamp.is_none() {
                stamp = Some(self.new_stamp().await);
            }
            let outcome = self.deliver(partition, &batch, stamp, first).await;
            let broken = matches!(outcome, Outcome::Unknown(_));
            stamp = stamp
                .filter(|_| !broken)
                .map(|stamp| after(stamp, batch.tickets.len()));
            self.complete(batch, &outcome);
        }
    }

    /// Sends a batch without waiting for what becomes of it, nor of those before it.
    async fn send_beside(
        self: &Rc<Self>,
        partition: TopicPartition,
        line: &Rc<Line>,
        first: Nanos,
    ) {
        let most = self.options.in_flight;
        line.freed.until(|| line.under_way.get() < most).await;
        // The connection is there before the batch goes: two that wait for one would not go out in their order.
        let deadline = self
            .access
            .cluster
            .kernel
            .sleep_until(first + self.options.delivery_timeout);
        select(self.access.shared_leader(partition), deadline).await;
        let batch = self.take_batch(line);
        line.under_way.set(line.under_way.get() + 1);
        let (producer, line) = (Rc::clone(self), Rc::clone(line));
        self.spawn(async move {
            let outcome = producer.deliver(partition, &batch, None, first).await;
            producer.complete(batch, &outcome);
            line.under_way.set(line.under_way.get() - 1);
            line.freed.raise();
        });
    }

    fn take_batch(&self, line: &Line) -> Outgoing {
        let mut buffer = line.buffer.borrow_mut();
        let count = buffer.fitting(self.options.batch_records, self.options.batch_bytes);
        let mut tickets = Vec::with_capacity(count);
        let body = buffer.take(count, |pending| tickets.push(pending.ticket));
        Outgoing { tickets, body }
    }

    async fn new_stamp(&self) -> Stamp {
        loop {
            let connection = self.access.any().await;
            let request = Request::InitProducerId(InitProducerIdRequest {
                transactional_id: None,
                producer_id: -1,
                producer_epoch: -1,
            });
            if let Ok(Response::InitProducerId(answer)) =
                self.access.call(&connection, request).await
                && !answer.error.is_error()
            {
                return Stamp {
                    producer_id: answer.producer_id,
                    producer_epoch: answer.producer_epoch,
                    base_sequence: 0,
                };
            }
            self.access.pause().await;
        }
    }

    /// Tries until a batch is taken, refused or too old. The position is that of its first record.
    async fn deliver(
        &self,
        partition: TopicPartition,
        batch: &Outgoing,
        stamp: Option<Stamp>,
        since: Nanos,
    ) -> Outcome {
        let kernel = &self.access.cluster.kernel;
        let deadline = since + self.options.delivery_timeout;
        let request = self.request(partition, &batch.body, stamp);
        let (mut maybe_taken, mut tries) = (false, 0);
        loop {
            if kernel.now() >= deadline {
                self.count(|counts| counts.gave_up += 1);
                // Not a no, even when all that was heard were refusals: librdkafka tells no more than that it took too long.
                return Outcome::Unknown("timed out in the client".to_owned());
            }
            if tries > self.options.retries {
                self.count(|counts| counts.gave_up += 1);
                return unless_taken(maybe_taken, "retries exhausted".to_owned());
            }
            if tries > 0 {
                self.count(|counts| counts.retries += 1);
            }
            tries += 1;
            let attempt = match select(
                self.attempt(partition, &request),
                kernel.sleep_until(deadline),
            )
            .await
            {
                Either::First(attempt) => attempt,
                Either::Second(()) => Attempt::Again { maybe: true },
            };
            match attempt {
                Attempt::Done(Outcome_::At(offset)) => return self.acknowledged(partition, offset),
                Attempt::Done(Outcome_::Duplicate) => return Outcome::Acknowledged(None),
                Attempt::Done(Outcome_::NotTaken(error)) => {
                    return unless_taken(maybe_taken, format!("{error:?}"));
                }
                Attempt::Done(Outcome_::Unknown(error)) => {
                    return Outcome::Unknown(format!("{error:?}"));
                }
                Attempt::Again { maybe } => {
                    maybe_taken |= maybe;
                    self.access.forget_leader(partition);
                    kernel.sleep(self.options.retry_backoff).await;
                }
            }
        }
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        let counts = &self.access.cluster.counts;
        let mut counted = counts.get();
        add(&mut counted);
        counts.set(counted);
    }

    fn acknowledged(&self, partition: TopicPartition, offset: i64) -> Outcome {
        Outcome::Acknowledged((self.options.acks != Acks::None).then_some(Position {
            partition: partition.partition,
            offset,
        }))
    }

    fn request(
        &self,
        partition: TopicPartition,
        body: &Body,
        stamp: Option<Stamp>,
    ) -> ProduceRequest<Body> {
        let body = body.clone();
        let header = BatchHeader {
            records: u32::try_from(body.len()).unwrap_or(u32::MAX),
            bytes: body.bytes(),
            stamp,
            max_timestamp_ms: body.max_timestamp_ms(),
            kind: BatchKind::Data,
            transactional: false,
        };
        ProduceRequest {
            acks: self.options.acks,
            timeout_ms: self.options.request_timeout_ms,
            partitions: vec![(partition, Ok(Batch { header, body }))],
        }
    }

    async fn attempt(&self, partition: TopicPartition, request: &ProduceRequest<Body>) -> Attempt {
        let connection = self.access.shared_leader(partition).await;
        let request = Request::Produce(request.clone());
        if self.options.acks == Acks::None {
            connection.send(request);
            return Attempt::Done(Outcome_::At(-1));
        }
        match self.access.call(&connection, request).await {
            Ok(Response::Produce(parts)) => {
                parts.first().map_or(Attempt::Again { maybe: true }, judge)
            }
            _ => Attempt::Again { maybe: true },
        }
    }

    fn complete(&self, batch: Outgoing, outcome: &Outcome) {
        let tickets = batch.tickets;
        self.buffered.set(self.buffered.get() - tickets.len());
        let mut outcomes = self.outcomes.borrow_mut();
        for (index, ticket) in (0..).zip(tickets) {
            let own = match outcome {
                Outcome::Acknowledged(Some(first)) => Outcome::Acknowledged(Some(Position {
                    offset: first.offset + index,
                    ..*first
                })),
                other => other.clone(),
            };
            outcomes.push((ticket, own));
        }
        drop(outcomes);
        self.completed.raise();
    }
}

/// What a broker's answer means.
fn judge(part: &ProducedPartition) -> Attempt {
    match part.error {
        ErrorCode::None => Attempt::Done(Outcome_::At(part.base_offset)),
        ErrorCode::DuplicateSequenceNumber => Attempt::Done(Outcome_::Duplicate),
        error @ (ErrorCode::MessageTooLarge
        | ErrorCode::InvalidRecord
        | ErrorCode::CorruptMessage
        | ErrorCode::InvalidTopicException
        | ErrorCode::UnsupportedCompressionType
        | ErrorCode::InvalidRequiredAcks) => Attempt::Done(Outcome_::NotTaken(error)),
        error @ (ErrorCode::OutOfOrderSequenceNumber
        | ErrorCode::InvalidProducerEpoch
        | ErrorCode::UnknownProducerId
        | ErrorCode::ProducerFenced
        | ErrorCode::InvalidProducerIdMapping) => Attempt::Done(Outcome_::Unknown(error)),
        // The one refusal to try again after that comes before the append. NOT_LEADER_OR_FOLLOWER does not: a leader that steps down
        // gives it to what it has appended, and its followers may have that.
        ErrorCode::NotEnoughReplicas => Attempt::Again { maybe: false },
        _ => Attempt::Again { maybe: true },
    }
}

/// A definite no, unless an attempt before may have been taken.
fn unless_taken(maybe_taken: bool, why: String) -> Outcome {
    match maybe_taken {
        true => Outcome::Unknown(why),
        false => Outcome::NotTaken(why),
    }
}

/// The stamp of the next batch; sequences wrap after `i32::MAX`.
fn after(stamp: Stamp, records: usize) -> Stamp {
    let next = (i64::from(stamp.base_sequence) + records as i64) & i64::from(i32::MAX);
    Stamp {
        base_sequence: next as i32,
        ..stamp
    }
}

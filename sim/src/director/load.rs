//! The load: each event offered at its intended time, open loop, over HTTP or straight onto the bus.

use super::services::Services;
use crate::error::SimError;
use crate::kernel::Nanos;
use crate::service::{HttpFailure, Process, SimEnv};
use crate::world::World;
use squall_check::{EventId, Kind, Op};
use squall_env::{
    ClientSettings, Either, Env, Headers, Message, Outcome, Producer, ProducerSettings, Request,
    Response, Ticket, select,
};
use squall_plan::Plan;
use squall_plan::fault::{Odd, OddSent};
use squall_plan::payload::{Body, Compiled, Constants};
use squall_plan::plan::Arrival;
use squall_plan::scenario::{Load, LoadEntry};
use squall_plan::system::IdPlace;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// What was counted of a load.
#[derive(Default, Debug)]
pub struct Tally {
    pub offered: Cell<u64>,
    pub accepted: Cell<u64>,
    pub ended: Cell<u64>,
    /// HTTP answers that were errors, and those without an answer.
    pub errors: Cell<u64>,
    pub rejected: Cell<u64>,
    /// Second copies that were acknowledged.
    pub copies: Cell<u64>,
}

/// One stream of events on its way.
pub struct Sender {
    world: Rc<World>,
    services: Rc<Services>,
    load: Load,
    stream: u16,
    process: Rc<Process>,
    headers: Vec<(String, Compiled)>,
    body: Body,
    pub tally: Tally,
    all_offered: Cell<bool>,
    changed: crate::kernel::Signal,
    bus: RefCell<Option<Bus>>,
}

struct Bus {
    producer: <SimEnv as Env>::Producer,
    topic: String,
    /// `None`: records without a key.
    key: Option<Compiled>,
    waiting: Rc<RefCell<Waiting>>,
    /// Second copies, of which no event waits for the outcome.
    copies: Rc<RefCell<BTreeSet<Ticket>>>,
    record: Record,
}

/// The parts of the record that is being sent, in memory that is used again.
#[derive(Default)]
struct Record {
    key: Vec<u8>,
    payload: Vec<u8>,
    value: Vec<u8>,
    headers: Headers,
}

impl Sender {
    /// Events of load `index` on stream `stream` (the load's own, or that of the probes), whose clock is 0 at `zero`.
    pub fn new(
        world: &Rc<World>,
        services: &Rc<Services>,
        plan: &Plan,
        index: usize,
        (stream, zero): (u16, Nanos),
    ) -> Result<Rc<Self>, SimError> {
        let load = plan.loads[index].load.clone();
        let id = match &load.entry {
            LoadEntry::Http { id, .. } | LoadEntry::Topic { id, .. } => id.clone(),
        };
        let mut headers: BTreeMap<&str, &str> = load
            .headers
            .iter()
            .map(|(name, text)| (&**name, &**text))
            .collect();
        if let IdPlace::Header(name) = &id {
            headers.entry(name).or_insert("{{id}}");
        }
        let constants = Constants {
            seed: plan.seed,
            stream,
            zero_unix_ns: world.clocks.right(0) * 1_000_000 + zero,
        };
        let compile = |(name, text): (&str, &str)| {
            let text = Compiled::new(&load.name, text, &constants)?;
            Ok((name.to_owned(), text))
        };
        let headers: Result<Vec<_>, SimError> = headers.into_iter().map(compile).collect();
        let process = Process::bare(
            world,
            &format!("load-{stream}"),
            ClientSettings(plan.cluster.client.clone()),
        );
        world.loads.borrow_mut().push(process.id);
        let sender = Rc::new(Self {
            world: Rc::clone(world),
            services: Rc::clone(services),
            stream,
            headers: headers?,
            body: Body::new(&load, &id, &constants)?,
            process,
            tally: Tally::default(),
            all_offered: Cell::new(false),
            changed: crate::kernel::Signal::new(&world.kernel),
            bus: RefCell::default(),
            load,
        });
        if let LoadEntry::Topic { topic, .. } = &sender.load.entry {
            let key = match id {
                IdPlace::Key => "{{id}}",
                _ => &sender.load.key,
            };
            let key = match key {
                "" => None,
                key => Some(Compiled::new(&sender.load.name, key, &constants)?),
            };
            sender
                .open_bus(topic, key)
                .map_err(wrong_bus(&sender.load.name))?;
        }
        Ok(sender)
    }

    fn open_bus(
        self: &Rc<Self>,
        topic: &str,
        key: Option<Compiled>,
    ) -> Result<(), squall_env::BusError> {
        let producer = SimEnv(Rc::clone(&self.process)).producer(&ProducerSettings::default())?;
        let waiting: Rc<RefCell<Waiting>> = Rc::default();
        let copies: Rc<RefCell<BTreeSet<Ticket>>> = Rc::default();
        self.bus.replace(Some(Bus {
            producer: producer.clone(),
            topic: topic.to_owned(),
            key,
            waiting: Rc::clone(&waiting),
            copies: Rc::clone(&copies),
            record: Record::default(),
        }));
        let sender = Rc::clone(self);
        self.world.kernel.spawn(self.process.id, async move {
            let mut outcomes = Vec::new();
            loop {
                producer.completions(&mut outcomes).await;
                for (ticket, outcome) in outcomes.drain(..) {
                    if copies.borrow_mut().remove(&ticket)
                        && matches!(outcome, Outcome::Acknowledged(_))
                    {
                        let count = &sender.tally.copies;
                        count.set(count.get() + 1);
                    }
                    let event = waiting.borrow_mut().take(ticket);
                    if let Some(event) = event {
                        sender.bus_outcome(event, &outcome);
                    }
                }
            }
        });
        Ok(())
    }

    /// Offers each event at its time on the load clock, which is 0 at `zero`.
    pub async fn offer_all(self: Rc<Self>, zero: Nanos, arrivals: impl Iterator<Item = Arrival>) {
        for arrival in arrivals {
            let at = zero + arrival.at_ns;
            self.world.kernel.sleep_until(at).await;
            self.offer(at, arrival);
        }
        self.all_offered.set(true);
        self.changed.raise();
    }

    /// Offers an event now; what becomes of it is told later.
    pub fn offer(self: &Rc<Self>, at: Nanos, arrival: Arrival) {
        let event = EventId::new(self.stream, arrival.sequence);
        self.tally.offered.set(self.tally.offered.get() + 1);
        self.tell(at, event, Kind::Offered, (-1, i64::from(arrival.key)));
        match &self.load.entry {
            LoadEntry::Http { .. } => {
                let request = self.request(&arrival);
                let sender = Rc::clone(self);
                let process = self.process.id;
                self.world.kernel.spawn(
                    process,
                    async move { sender.send_http(event, request).await },
                );
            }
            LoadEntry::Topic { .. } => self.send_bus(event, &arrival),
        }
    }

    fn request(&self, arrival: &Arrival) -> Request {
        let (method, path) = match &self.load.entry {
            LoadEntry::Http { method, path, .. } => (method.clone(), path.clone()),
            LoadEntry::Topic { .. } => (String::new(), String::new()),
        };
        let text = |template: &Compiled| {
            let mut text = Vec::new();
            template.write(arrival, &mut text);
            // Made of texts and ASCII.
            String::from_utf8(text).unwrap_or_default()
        };
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), text(value)));
        let mut headers: Vec<(String, String)> = headers.collect();
        if self.body.is_json && !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let mut body = Vec::new();
        self.body.write(arrival, &mut body);
        Request {
            method,
            path,
            headers,
            body,
        }
    }

    async fn send_http(self: Rc<Self>, event: EventId, request: Request) {
        let service = match &self.load.entry {
            LoadEntry::Http { service, .. } => service.clone(),
            LoadEntry::Topic { .. } => String::new(),
        };
        let Some(process) = self.services.next_of(&service) else {
            return self.outcome(event, Kind::Rejected, (-1, -1));
        };
        let answer = self.world.http(self.process.id, &process, request);
        let timeout = self.world.kernel.sleep(self.load.timeout_ns);
        let (kind, place) = match select(answer, timeout).await {
            Either::First(Ok(response)) => judge(&response),
            Either::First(Err(HttpFailure::NotConnected)) => (Kind::Rejected, (-1, -1)),
            Either::First(Err(HttpFailure::Broken)) | Either::Second(()) => {
                (Kind::Indeterminate, (-1, -1))
            }
        };
        if kind != Kind::Accepted {
            self.tally.errors.set(self.tally.errors.get() + 1);
        }
        self.outcome(event, kind, place);
    }

    fn send_bus(&self, event: EventId, arrival: &Arrival) {
        let mut bus = self.bus.borrow_mut();
        let Some(bus) = bus.as_mut() else {
            return;
        };
        let Record {
            key,
            payload,
            value,
            headers,
        } = &mut bus.record;
        headers.clear();
        for (name, template) in &self.headers {
            value.clear();
            template.write(arrival, value);
            headers.push(name, value);
        }
        key.clear();
        if let Some(template) = &bus.key {
            template.write(arrival, key);
        }
        payload.clear();
        // A record without a value is, to who reads it, one with an empty value.
        if self.load.odd != Some(Odd::Tombstone) {
            self.body.write(arrival, payload);
        }
        let message = Message {
            topic: &bus.topic,
            key: bus.key.is_some().then_some(&**key),
            headers,
            payload,
        };
        match bus.producer.send(message) {
            Ok(ticket) => bus.waiting.borrow_mut().push(ticket, event),
            Err(_) => return self.outcome(event, Kind::Rejected, (-1, -1)),
        }
        if self.load.odd == Some(Odd::Duplicate)
            && let Ok(ticket) = bus.producer.send(message)
        {
            bus.copies.borrow_mut().insert(ticket);
        }
    }

    fn bus_outcome(&self, event: EventId, outcome: &Outcome) {
        match outcome {
            Outcome::Acknowledged(at) => {
                let place = at.map_or((-1, -1), |at| (at.partition, at.offset));
                self.outcome(event, Kind::Accepted, place);
            }
            Outcome::NotTaken(_) => self.outcome(event, Kind::Rejected, (-1, -1)),
            Outcome::Unknown(_) => self.outcome(event, Kind::Indeterminate, (-1, -1)),
        }
    }

    fn outcome(&self, event: EventId, kind: Kind, place: (i32, i64)) {
        self.tell(self.world.kernel.now(), event, kind, place);
        if kind == Kind::Accepted {
            self.tally.accepted.set(self.tally.accepted.get() + 1);
            self.world.sinks.accepted(event);
        }
        if kind == Kind::Rejected {
            self.tally.rejected.set(self.tally.rejected.get() + 1);
        }
        self.tally.ended.set(self.tally.ended.get() + 1);
        self.changed.raise();
    }

    fn tell(&self, at: Nanos, event: EventId, kind: Kind, (partition, offset): (i32, i64)) {
        self.world.journal.op(Op {
            at,
            event,
            offset,
            partition,
            place: self.stream,
            kind,
        });
    }

    /// Of a load that a fault sends: the fault's name, and what shows that it bit.
    pub fn odd(&self) -> Option<(&str, String)> {
        let sent = OddSent {
            accepted: self.tally.accepted.get(),
            rejected: self.tally.rejected.get(),
            copies: self.tally.copies.get(),
        };
        Some((&self.load.name, self.load.odd?.shown(sent)?))
    }

    /// Ends when every event was offered and has an outcome. The last may be a burst at the very end of the load.
    pub async fn settled(&self) {
        let has_outcomes = || self.tally.ended.get() == self.tally.offered.get();
        let is_settled = || self.all_offered.get() && has_outcomes();
        self.changed.until(is_settled).await;
    }
}

/// Events on their way. Tickets ascend, so a queue does.
#[derive(Default)]
struct Waiting {
    first: u64,
    events: VecDeque<Option<EventId>>,
}

impl Waiting {
    fn push(&mut self, ticket: Ticket, event: EventId) {
        if self.events.is_empty() {
            self.first = ticket.0;
        }
        while self.first + (self.events.len() as u64) < ticket.0 {
            self.events.push_back(None);
        }
        self.events.push_back(Some(event));
    }

    fn take(&mut self, ticket: Ticket) -> Option<EventId> {
        let at = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        let event = self.events.get_mut(at)?.take();
        while let Some(None) = self.events.front() {
            self.events.pop_front();
            self.first += 1;
        }
        event
    }
}

fn wrong_bus(load: &str) -> impl Fn(squall_env::BusError) -> SimError {
    move |error| SimError::Load {
        load: load.to_owned(),
        why: error.to_string(),
    }
}

/// What an answer says about the event: the closed list of docs and load generator.
fn judge(response: &Response) -> (Kind, (i32, i64)) {
    let not_taken = response
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("x-not-taken"));
    match response.status {
        200..=299 => (Kind::Accepted, read_place(&response.body)),
        400 | 404 | 405 | 413 | 415 | 422 | 429 => (Kind::Rejected, (-1, -1)),
        503 if not_taken => (Kind::Rejected, (-1, -1)),
        _ => (Kind::Indeterminate, (-1, -1)),
    }
}

/// What an answer tells of where the event is.
#[derive(Default, serde::Deserialize)]
struct Place {
    partition: Option<i32>,
    offset: Option<i64>,
}

fn read_place(body: &[u8]) -> (i32, i64) {
    let place: Place = serde_json::from_slice(body).unwrap_or_default();
    let partition = place.partition.filter(|partition| *partition >= 0);
    let offset = place.offset.filter(|offset| *offset >= 0);
    (partition.unwrap_or(-1), offset.unwrap_or(-1))
}

//! A small deterministic environment for the tests of handlers: everything in memory, time that moves when nothing else
//! can, and a crash that can come at any step.

use crate::service::run;
use crate::settings::Settings;
use squall_env::{
    BusError, Consumer, ConsumerSettings, Delivery, Env, Event, Filed, Headers, Incoming, Ingress,
    IngressError, IngressSettings, Insert, LogEntry, Mail, MailError, Mailer, Message, Outcome,
    Position, Producer, ProducerSettings, Request, Responder, Response, SendError, Settlement,
    Store, StoreError, Table, Ticket, Token, Value,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What outlives a crash: topics of one partition, committed offsets, rows and mails.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) topics: BTreeMap<String, Vec<Event>>,
    pub(crate) committed: BTreeMap<String, u64>,
    pub(crate) tables: BTreeMap<&'static str, Vec<Vec<Value>>>,
    pub(crate) mails: Vec<Mail>,
    pub(crate) requests: Vec<Request>,
    pub(crate) responses: BTreeMap<usize, Response>,
    pub(crate) logs: Vec<String>,
    /// Processes that there were; no two draw the same random numbers.
    pub(crate) lives: u64,
    /// Attempts that fail before one succeeds, for mails and for transactions.
    pub(crate) mail_failures: u32,
    pub(crate) store_failures: u32,
    /// The broker answers no produce request.
    pub(crate) broker_silent: bool,
    pub(crate) producer_settings: Vec<ProducerSettings>,
}

type Shared<T> = Rc<RefCell<T>>;

/// One life of a process.
struct Life {
    now_ns: u64,
    /// Steps left before the crash.
    fuel: Option<u32>,
    dead: bool,
    stop: bool,
    ready: bool,
    draws: u64,
    sleepers: BTreeSet<u64>,
    spawned: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

#[derive(Clone)]
pub(crate) struct TestEnv {
    pub(crate) world: Shared<World>,
    life: Shared<Life>,
}

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Stopped,
    Crashed,
}

impl World {
    pub(crate) fn put(&mut self, topic: &str, headers: &[(&str, &str)], payload: &str) {
        let headers = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        self.append(topic, None, headers, payload.as_bytes());
    }

    /// A sign-up whose id is its number.
    pub(crate) fn sign_up(&mut self, number: u32) {
        let id = number.to_string();
        let data = format!(r#"{{"user":"u{id}","email":"u{id}@squall.test"}}"#);
        self.put(
            "signups",
            &[("ce_id", &id), ("ce_type", "user_signup")],
            &data,
        );
    }

    fn append(&mut self, topic: &str, key: Option<&[u8]>, headers: Headers, payload: &[u8]) -> i64 {
        let log = self.topics.entry(topic.to_owned()).or_default();
        let offset = log.len() as i64;
        log.push(Event {
            topic: Arc::from(topic),
            position: Some(Position {
                partition: 0,
                offset,
            }),
            key: key.map(<[u8]>::to_vec),
            headers,
            payload: payload.to_vec(),
            timestamp_ms: None,
        });
        offset
    }

    pub(crate) fn ids_in(&self, topic: &str) -> Vec<String> {
        let log = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        log.iter()
            .map(|event| event.headers.text("ce_id").unwrap_or("").to_owned())
            .collect()
    }

    /// Ids in the table, sorted, with repetitions.
    pub(crate) fn ids_of_rows(&self, table: &'static str) -> Vec<String> {
        let rows = self.tables.get(table).map_or(&[][..], Vec::as_slice);
        let id = |row: &Vec<Value>| match &row[0] {
            Value::Text(id) => id.clone(),
            Value::Integer(_) => String::new(),
        };
        let mut ids: Vec<String> = rows.iter().map(id).collect();
        ids.sort_by_key(|id| (id.len(), id.clone()));
        ids
    }

    pub(crate) fn ids_of_mails(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .mails
            .iter()
            .map(|mail| mail.event_id.clone())
            .collect();
        ids.sort_by_key(|id| (id.len(), id.clone()));
        ids
    }
}

/// Runs a service on this world until `enough` and nothing more happens, or until the crash after `fuel` steps.
pub(crate) fn live(
    world: &Shared<World>,
    settings: &Settings,
    fuel: Option<u32>,
    enough: Duration,
) -> End {
    world.borrow_mut().lives += 1;
    let lives = world.borrow().lives;
    let env = TestEnv {
        world: Rc::clone(world),
        life: Rc::new(RefCell::new(Life {
            now_ns: 0,
            fuel,
            dead: false,
            stop: false,
            ready: false,
            draws: lives << 32,
            sleepers: BTreeSet::new(),
            spawned: Vec::new(),
        })),
    };
    let end_ns = enough.as_nanos() as u64;
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    let finished = Rc::new(RefCell::new(None));
    let (main_env, settings, slot) = (env.clone(), settings.clone(), Rc::clone(&finished));
    tasks.push(Box::pin(async move {
        let result = run(&main_env, settings.service, &settings).await;
        *slot.borrow_mut() = Some(result);
    }));
    loop {
        for _ in 0..8 {
            tasks.retain_mut(|task| {
                !env.is_dead()
                    && task
                        .as_mut()
                        .poll(&mut Context::from_waker(Waker::noop()))
                        .is_pending()
            });
            tasks.append(&mut env.life.borrow_mut().spawned);
        }
        if env.is_dead() {
            return End::Crashed;
        }
        if let Some(result) = finished.borrow_mut().take() {
            result.unwrap();
            return End::Stopped;
        }
        let mut life = env.life.borrow_mut();
        let now_ns = life.now_ns;
        match life.sleepers.range(now_ns + 1..).next().copied() {
            Some(next) if next < end_ns => life.now_ns = next,
            _ => {
                assert!(!life.stop || life.now_ns < end_ns * 4, "it does not stop");
                life.now_ns = life.now_ns.max(end_ns) + 100_000_000;
                life.stop = true;
            }
        }
    }
}

impl TestEnv {
    fn is_dead(&self) -> bool {
        self.life.borrow().dead
    }

    /// One step: a place to crash at. A dead process never gets on.
    async fn step(&self) {
        {
            let mut life = self.life.borrow_mut();
            match life.fuel.as_mut() {
                Some(0) => life.dead = true,
                Some(fuel) => *fuel -= 1,
                None => {}
            }
        }
        poll_fn(|_| {
            if self.is_dead() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

impl Env for TestEnv {
    type Producer = TestProducer;
    type Consumer = TestConsumer;
    type Store = TestStore;
    type Mailer = TestEnv;
    type Ingress = TestIngress;

    fn producer(&self, settings: &ProducerSettings) -> Result<TestProducer, BusError> {
        self.world
            .borrow_mut()
            .producer_settings
            .push(settings.clone());
        Ok(TestProducer {
            env: self.clone(),
            outcomes: RefCell::default(),
            tickets: RefCell::new(0),
        })
    }

    fn consumer(&self, settings: &ConsumerSettings) -> Result<TestConsumer, BusError> {
        let group = settings.group.clone();
        let next = self
            .world
            .borrow()
            .committed
            .get(&group)
            .copied()
            .unwrap_or(0);
        Ok(TestConsumer {
            env: self.clone(),
            topic: settings.topics[0].clone(),
            group,
            commits_itself: settings.client.is_on("enable.auto.commit") == Some(true),
            state: RefCell::new(Reading {
                next,
                done: BTreeSet::new(),
                done_up_to: next,
                again: BTreeSet::new(),
            }),
        })
    }

    async fn store(&self, tables: &'static [Table]) -> Result<TestStore, StoreError> {
        Ok(TestStore {
            env: self.clone(),
            tables,
        })
    }

    async fn mailer(&self) -> Result<TestEnv, MailError> {
        Ok(self.clone())
    }

    async fn ingress(&self, _: &IngressSettings) -> Result<TestIngress, IngressError> {
        Ok(TestIngress {
            env: self.clone(),
            next: RefCell::new(0),
            closed: RefCell::new(false),
        })
    }

    fn now_ns(&self) -> u64 {
        self.life.borrow().now_ns
    }

    fn unix_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        let until = self.now_ns() + duration.as_nanos() as u64;
        self.life.borrow_mut().sleepers.insert(until);
        let env = self.clone();
        async move {
            poll_fn(|_| {
                let awake = env.now_ns() >= until && !env.is_dead();
                if awake {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
    }

    fn random(&self, _: &'static str) -> u64 {
        let mut life = self.life.borrow_mut();
        life.draws += 1;
        let mixed = (life.draws ^ (life.draws << 17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }

    fn spawn<F: Future<Output = ()> + 'static>(&self, task: F) {
        self.life.borrow_mut().spawned.push(Box::pin(task));
    }

    async fn shutdown(&self) {
        poll_fn(|_| {
            if self.life.borrow().stop {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn set_ready(&self, ready: bool) {
        self.life.borrow_mut().ready = ready;
    }

    fn log(&self, entry: &LogEntry<'_>) {
        let id = entry.event_id.unwrap_or_default();
        let line = format!("{} {} {id}", entry.level.name(), entry.message);
        self.world.borrow_mut().logs.push(line);
    }

    fn count(&self, _: &'static str, _: &[(&'static str, &str)], _: u64) {}

    fn gauge(&self, _: &'static str, _: &[(&'static str, &str)], _: f64) {}
}

pub(crate) struct TestProducer {
    env: TestEnv,
    outcomes: RefCell<Vec<(Ticket, Outcome)>>,
    tickets: RefCell<u64>,
}

impl Producer for TestProducer {
    fn send(&self, message: Message<'_>) -> Result<Ticket, SendError> {
        *self.tickets.borrow_mut() += 1;
        let ticket = Ticket(*self.tickets.borrow());
        let mut world = self.env.world.borrow_mut();
        if !self.env.is_dead() && !world.broker_silent {
            let headers = message.headers.clone();
            let offset = world.append(message.topic, message.key, headers, message.payload);
            let at = Position {
                partition: 0,
                offset,
            };
            self.outcomes
                .borrow_mut()
                .push((ticket, Outcome::Acknowledged(Some(at))));
        }
        Ok(ticket)
    }

    async fn completions(&self, into: &mut Vec<(Ticket, Outcome)>) {
        poll_fn(|_| {
            let empty = self.outcomes.borrow().is_empty() || self.env.is_dead();
            if empty {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        self.env.step().await;
        into.append(&mut self.outcomes.borrow_mut());
    }

    async fn ready(&self, _: &str) -> Result<(), BusError> {
        Ok(())
    }

    fn in_flight(&self) -> usize {
        self.outcomes.borrow().len()
    }
}

pub(crate) struct TestConsumer {
    env: TestEnv,
    topic: String,
    group: String,
    commits_itself: bool,
    state: RefCell<Reading>,
}

struct Reading {
    next: u64,
    done: BTreeSet<u64>,
    done_up_to: u64,
    again: BTreeSet<u64>,
}

impl TestConsumer {
    fn commit(&self, offset: u64) {
        if !self.env.is_dead() {
            let mut world = self.env.world.borrow_mut();
            world.committed.insert(self.group.clone(), offset);
        }
    }

    fn take(&self, max: usize) -> Vec<Delivery> {
        let world = self.env.world.borrow();
        let mut state = self.state.borrow_mut();
        let log = world.topics.get(&self.topic).map_or(&[][..], Vec::as_slice);
        let mut positions: Vec<u64> = std::mem::take(&mut state.again).into_iter().collect();
        while positions.len() < max && (state.next as usize) < log.len() {
            positions.push(state.next);
            state.next += 1;
        }
        positions
            .into_iter()
            .map(|position| Delivery {
                event: log[position as usize].clone(),
                token: Token { lane: 0, position },
            })
            .collect()
    }
}

impl Consumer for TestConsumer {
    async fn next_batch(&self, max: usize) -> Result<Vec<Delivery>, BusError> {
        self.env.step().await;
        // The broker learns what was settled when the next batch is asked for.
        if !self.commits_itself {
            self.commit(self.state.borrow().done_up_to);
        }
        let batch = poll_fn(|_| {
            let batch = self.take(max);
            if batch.is_empty() || self.env.is_dead() {
                return Poll::Pending;
            }
            Poll::Ready(batch)
        })
        .await;
        if self.commits_itself {
            self.commit(self.state.borrow().next);
        }
        Ok(batch)
    }

    fn settle(&self, tokens: &[Token], how: Settlement) {
        let mut state = self.state.borrow_mut();
        for token in tokens {
            if how == Settlement::Retry {
                state.again.insert(token.position);
            } else {
                state.done.insert(token.position);
            }
        }
        while state.done.contains(&state.done_up_to) {
            state.done_up_to += 1;
        }
    }

    async fn checkpoint(&self) -> Result<(), BusError> {
        self.env.step().await;
        if !self.commits_itself {
            self.commit(self.state.borrow().done_up_to);
        }
        self.env.step().await;
        Ok(())
    }

    async fn ready(&self) -> Result<(), BusError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), BusError> {
        self.checkpoint().await
    }
}

pub(crate) struct TestStore {
    env: TestEnv,
    tables: &'static [Table],
}

impl Store for TestStore {
    async fn transact(&self, inserts: Vec<Insert>) -> Result<Vec<bool>, StoreError> {
        self.env.step().await;
        let new = {
            let mut world = self.env.world.borrow_mut();
            if world.store_failures > 0 {
                world.store_failures -= 1;
                return Err(StoreError::Temporary("locked".to_owned()));
            }
            let mut new = Vec::new();
            for insert in inserts {
                let table = self
                    .tables
                    .iter()
                    .find(|one| one.name == insert.table)
                    .unwrap();
                let rows = world.tables.entry(insert.table).or_default();
                let taken = table.columns.iter().enumerate().any(|(at, column)| {
                    column.unique && rows.iter().any(|row| row[at] == insert.values[at])
                });
                if !taken {
                    rows.push(insert.values);
                }
                new.push(!taken);
            }
            new
        };
        self.env.step().await;
        Ok(new)
    }
}

impl Mailer for TestEnv {
    async fn deliver(&self, mail: &Mail) -> Result<Filed, MailError> {
        self.step().await;
        let filed = {
            let mut world = self.world.borrow_mut();
            if world.mail_failures > 0 {
                world.mail_failures -= 1;
                return Err(MailError::Temporary("away".to_owned()));
            }
            if world.mails.iter().any(|known| known.name == mail.name) {
                Filed::Already
            } else {
                world.mails.push(mail.clone());
                Filed::New
            }
        };
        self.step().await;
        Ok(filed)
    }
}

pub(crate) struct TestIngress {
    env: TestEnv,
    next: RefCell<usize>,
    closed: RefCell<bool>,
}

pub(crate) struct TestResponder {
    env: TestEnv,
    number: usize,
}

impl Responder for TestResponder {
    fn respond(self, response: Response) {
        if !self.env.is_dead() {
            let mut world = self.env.world.borrow_mut();
            world.responses.insert(self.number, response);
        }
    }
}

impl Ingress for TestIngress {
    type Responder = TestResponder;

    async fn accept(&self, max: usize, into: &mut Vec<Incoming<TestResponder>>) -> bool {
        poll_fn(|_| {
            let world = self.env.world.borrow();
            let mut next = self.next.borrow_mut();
            let before = into.len();
            while into.len() - before < max && *next < world.requests.len() {
                into.push(Incoming {
                    request: world.requests[*next].clone(),
                    responder: TestResponder {
                        env: self.env.clone(),
                        number: *next,
                    },
                });
                *next += 1;
            }
            if into.len() > before {
                Poll::Ready(true)
            } else if *self.closed.borrow() {
                Poll::Ready(false)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn close(&self) {
        *self.closed.borrow_mut() = true;
    }

    async fn drained(&self) {}
}

//! The thread of the HTTP load: sends what is due, takes answers, watches time-outs.

use super::answer::{Answer, Parsed};
use super::classify::{self, Failure};
use super::connection::Step;
use super::inbox::{Inbox, Outbox, Waiting, inbox};
use super::pool::{Found, Pool};
use super::request::RequestTemplate;
use crate::entry::{Context, EntryReport};
use crate::priority::wake_on_time;
use crate::report::histogram;
use hdrhistogram::Histogram;
use mio::event::Event;
use mio::{Events, Poll, Token, Waker};
use squall_check::Op;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

const WAKER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;
/// Longest sleep, so that no missed wake-up can hang a run.
const SLEEP_MAX_NS: u64 = 100_000_000;

pub(super) struct EventLoop {
    poll: Poll,
    inbox: Inbox,
    requests: RequestTemplate,
    pool: Pool,
    queue: VecDeque<Waiting>,
    /// Requests under way, by deadline: place, serial, sequence number. Answered ones are passed over.
    deadlines: VecDeque<(u64, usize, u64, u64)>,
    under_way: usize,
    context: Context,
    settled: Vec<Op>,
    statuses: BTreeMap<u16, u64>,
    causes: BTreeMap<&'static str, u64>,
    sending: Histogram<u64>,
}

impl EventLoop {
    pub fn new(
        requests: RequestTemplate,
        addresses: Vec<SocketAddr>,
        connections_max: usize,
        context: Context,
    ) -> std::io::Result<(Self, Outbox)> {
        let poll = Poll::new()?;
        let (outbox, inbox) = inbox(Waker::new(poll.registry(), WAKER)?);
        let event_loop = Self {
            poll,
            inbox,
            requests,
            pool: Pool::new(addresses, connections_max),
            queue: VecDeque::new(),
            deadlines: VecDeque::new(),
            under_way: 0,
            context,
            settled: Vec::new(),
            statuses: BTreeMap::new(),
            causes: BTreeMap::new(),
            sending: histogram(),
        };
        Ok((event_loop, outbox))
    }

    pub fn run(mut self) -> EntryReport {
        wake_on_time();
        let mut events = Events::with_capacity(EVENTS);
        let mut problems = Vec::new();
        loop {
            self.inbox.take(&mut self.queue);
            self.expire();
            self.send_waiting();
            self.context.outcomes.settle(&mut self.settled);
            if self.inbox.closed && self.queue.is_empty() && self.under_way == 0 {
                break;
            }
            if let Err(error) = self.sleep(&mut events) {
                problems.push(format!("the event loop of the HTTP load failed: {error}"));
                break;
            }
            for event in &events {
                self.take(event);
            }
        }
        self.context.outcomes.settle(&mut self.settled);
        let causes = self
            .causes
            .iter()
            .map(|(cause, count)| ((*cause).to_owned(), *count));
        EntryReport {
            copies: 0,
            causes: causes.collect(),
            statuses: self.statuses,
            sending: Some(self.sending),
            problems,
        }
    }

    fn sleep(&mut self, events: &mut Events) -> std::io::Result<()> {
        let now = self.context.times.now_ns();
        let first_sent = self.deadlines.front().map(|(deadline, ..)| *deadline);
        let first_waiting = self.queue.front().map(|waiting| self.deadline_of(waiting));
        let next = first_sent
            .into_iter()
            .chain(first_waiting)
            .min()
            .unwrap_or(u64::MAX);
        let rest = if self.inbox.may_sleep(&mut self.queue) {
            next.saturating_sub(now).min(SLEEP_MAX_NS)
        } else {
            0
        };
        let polled = self.poll.poll(events, Some(Duration::from_nanos(rest)));
        self.inbox.awake();
        match polled {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    fn deadline_of(&self, waiting: &Waiting) -> u64 {
        waiting.since_ns.saturating_add(self.context.timeout_ns)
    }

    /// Gives connections to waiting events, as long as there are any.
    fn send_waiting(&mut self) {
        while let Some(waiting) = self.queue.pop_front() {
            match self.pool.find(self.poll.registry()) {
                Found::At(at) => self.assign(at, waiting),
                Found::Failed => self.fail(&waiting, Failure::NotConnected),
                Found::None => {
                    self.queue.push_front(waiting);
                    return;
                }
            }
        }
    }

    fn assign(&mut self, at: usize, waiting: Waiting) {
        let Some(connection) = self.pool.get(at) else {
            return;
        };
        self.requests
            .write(connection.address, &waiting.arrival, &mut connection.out);
        connection.written = 0;
        connection.current = Some(waiting);
        self.under_way += 1;
        let now = self.context.times.now_ns();
        let deadline = now.saturating_add(self.context.timeout_ns);
        self.deadlines
            .push_back((deadline, at, connection.serial, waiting.arrival.sequence));
        if connection.connected {
            self.write(at);
        }
    }

    fn write(&mut self, at: usize) {
        let Some(connection) = self.pool.get(at) else {
            return;
        };
        let Some(current) = connection.current else {
            return;
        };
        let begins = connection.written == 0;
        let step = connection.write();
        if begins && connection.written > 0 {
            let intended = self.context.times.load_zero_ns + current.arrival.at_ns;
            let after = self.context.times.now_ns().saturating_sub(intended);
            self.sending.saturating_record(after.max(1));
        }
        if step == Step::Lost {
            self.lost(at);
        }
    }

    fn take(&mut self, event: &Event) {
        if event.token() == WAKER {
            return;
        }
        let at = event.token().0;
        let Some(connection) = self.pool.get(at) else {
            return;
        };
        if !connection.connected {
            match connection.check_connected() {
                Step::Lost => return self.lost(at),
                _ if !connection.connected => return,
                _ => self.write(at),
            }
        } else if event.is_writable() && connection.written < connection.out.len() {
            self.write(at);
        }
        if !(event.is_readable() || event.is_read_closed() || event.is_error()) {
            return;
        }
        let Some(connection) = self.pool.get(at) else {
            return;
        };
        match connection.read(event.is_read_closed() || event.is_error()) {
            Step::Wait => {}
            Step::Answer(Parsed::Whole(answer)) => {
                self.answered(at, &answer, event.is_read_closed())
            }
            Step::Answer(_) => self.end(at, Failure::Garbage),
            Step::Lost => self.lost(at),
        }
    }

    fn answered(&mut self, at: usize, answer: &Answer, closed: bool) {
        let Some(connection) = self.pool.get(at) else {
            return;
        };
        let Some(current) = connection.current.take() else {
            return;
        };
        // An answer before the whole request was out leaves the connection in the middle of a request.
        let whole = connection.written == connection.out.len();
        connection.reset();
        self.under_way -= 1;
        *self.statuses.entry(answer.status).or_default() += 1;
        let kind = classify::answer(answer.status, answer.not_taken);
        let mut op = self.context.outcomes.outcome(
            self.context.times.now_ns(),
            current.arrival.sequence,
            kind,
        );
        if kind == squall_check::Kind::Accepted {
            (op.partition, op.offset) = (answer.partition, answer.offset);
        }
        self.settled.push(op);
        if answer.keep_alive && whole && !closed {
            self.pool.release(at);
        } else {
            self.pool.close(at, self.poll.registry());
        }
    }

    /// The connection broke. What was not begun on a connection that had been idle goes to another one.
    fn lost(&mut self, at: usize) {
        let Some(connection) = self.pool.get(at) else {
            return;
        };
        let Some(current) = connection.current else {
            self.pool.close(at, self.poll.registry());
            return;
        };
        match (connection.connected, connection.written) {
            (false, _) => self.end(at, Failure::NotConnected),
            (true, 0) if connection.used => {
                self.pool.close(at, self.poll.registry());
                self.under_way -= 1;
                self.queue.push_front(current);
            }
            (true, 0) => self.end(at, Failure::NotConnected),
            (true, _) => self.end(at, Failure::Broken),
        }
    }

    /// Closes a connection whose event ends without an answer.
    fn end(&mut self, at: usize, failure: Failure) {
        let closed = self.pool.close(at, self.poll.registry());
        if let Some(current) = closed.and_then(|connection| connection.current) {
            self.under_way -= 1;
            self.fail(&current, failure);
        }
    }

    fn fail(&mut self, waiting: &Waiting, failure: Failure) {
        *self.causes.entry(failure.name()).or_default() += 1;
        let now = self.context.times.now_ns();
        self.settled.push(self.context.outcomes.outcome(
            now,
            waiting.arrival.sequence,
            failure.outcome(),
        ));
    }

    fn expire(&mut self) {
        let now = self.context.times.now_ns();
        while let Some((deadline, at, serial, sequence)) = self.deadlines.front().copied() {
            let connection = self
                .pool
                .get(at)
                .filter(|connection| connection.serial == serial);
            let current = connection.filter(|connection| {
                connection
                    .current
                    .is_some_and(|current| current.arrival.sequence == sequence)
            });
            match current {
                Some(_) if deadline > now => break,
                Some(connection) if connection.written > 0 => self.end(at, Failure::Timeout),
                Some(_) => self.end(at, Failure::ConnectTimeout),
                None => {}
            }
            self.deadlines.pop_front();
        }
        while let Some(waiting) = self
            .queue
            .front()
            .copied()
            .filter(|waiting| self.deadline_of(waiting) <= now)
        {
            self.queue.pop_front();
            self.fail(&waiting, Failure::NoConnectionFree);
        }
    }
}

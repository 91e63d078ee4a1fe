//! The thread that moves all bytes.
//!
//! Sockets, toxics and layers belong to one thread; others ask it through closures that it runs between two looks at epoll. What costs
//! time in a proxy is the kernel's copying and waking, and a second thread would only add hand-overs to that.

use super::Command;
use super::connection::{Connection, Over};
use super::proxy::Proxy;
use super::resolve::{Answers, Resolver};
use super::timer::Timer;
use super::transfer::Turn;
use mio::event::Event;
use mio::{Events, Poll, Token, Waker};
use socket2::SockRef;
use squall_plan::rng::Streams;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

const WAKER: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);
/// Tokens from here on are listeners, below are sockets: twice the connection's place, plus the side.
pub const FIRST_LISTENER: usize = usize::MAX / 2;
/// What is read at once.
const SCRATCH_BYTES: usize = 256 << 10;

pub struct EventLoop {
    epoch: Instant,
    pub poll: Poll,
    timer: Timer,
    pub seed: u64,
    pub streams: Streams,
    pub proxies: BTreeMap<usize, Proxy>,
    pub names: BTreeMap<String, usize>,
    pub next_proxy: usize,
    pub connections: Vec<Option<Box<Connection>>>,
    /// Places of `connections` that are free; those freed since the last look at epoll come later, for its events name places.
    pub free: Vec<usize>,
    freed: Vec<usize>,
    pub next_generation: u64,
    /// Connections that may have something to do.
    active: Vec<usize>,
    /// (when, place, generation); stale entries are passed over.
    timers: BinaryHeap<Reverse<(u64, usize, u64)>>,
    pub retry_accept_ns: Option<u64>,
    pub resolver: Resolver,
    commands: Receiver<Command>,
    scratch: Vec<u8>,
    pub stopping: bool,
}

impl EventLoop {
    pub fn new(
        seed: u64,
        commands: Receiver<Command>,
        answers: impl FnOnce(Arc<Waker>) -> Answers,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let answers = answers(Arc::new(Waker::new(poll.registry(), WAKER)?));
        let timer = Timer::new(poll.registry(), TIMER)?;
        Ok(Self {
            epoch: Instant::now(),
            poll,
            timer,
            seed,
            streams: Streams::new(seed),
            proxies: BTreeMap::new(),
            names: BTreeMap::new(),
            next_proxy: 0,
            connections: Vec::new(),
            free: Vec::new(),
            freed: Vec::new(),
            next_generation: 0,
            active: Vec::new(),
            timers: BinaryHeap::new(),
            retry_accept_ns: None,
            resolver: Resolver::new(answers),
            commands,
            scratch: vec![0; SCRATCH_BYTES],
            stopping: false,
        })
    }

    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Runs until a command stops it.
    pub fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.stopping {
            let due = self.earliest_due();
            self.timer.set(self.now_ns(), due)?;
            let wait = (!self.active.is_empty()).then_some(Duration::ZERO);
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let mut woken = false;
            for event in &events {
                match event.token() {
                    WAKER => woken = true,
                    TIMER => self.timer.fired(),
                    Token(token) if token >= FIRST_LISTENER => self.accept(token - FIRST_LISTENER),
                    _ => self.on_socket(event),
                }
            }
            self.free.append(&mut self.freed);
            if woken {
                self.obey();
            }
            self.fire_timers();
            self.work();
        }
        Ok(())
    }

    fn obey(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            command(self);
        }
    }

    fn on_socket(&mut self, event: &Event) {
        let Token(token) = event.token();
        let (place, side) = (token / 2, token % 2);
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return;
        };
        let party = &mut connection.parties[side];
        party.hung_up |= event.is_read_closed() || event.is_error();
        party.readable |= event.is_readable() || party.hung_up;
        party.writable |= event.is_writable();
        self.activate(place);
    }

    pub fn activate(&mut self, place: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(place)
            && !connection.queued
        {
            connection.queued = true;
            self.active.push(place);
        }
    }

    fn earliest_due(&mut self) -> Option<u64> {
        while let Some(Reverse((due, place, generation))) = self.timers.peek() {
            let current = self.connections.get(*place).and_then(Option::as_ref);
            if current.is_some_and(|c| c.generation == *generation && c.timer == Some(*due)) {
                break;
            }
            self.timers.pop();
        }
        let first = self.timers.peek().map(|Reverse((due, ..))| *due);
        [first, self.retry_accept_ns].into_iter().flatten().min()
    }

    fn fire_timers(&mut self) {
        let Some(due) = self.earliest_due() else {
            return;
        };
        let now = self.now_ns();
        if due > now {
            return;
        }
        while let Some(Reverse((due, place, generation))) = self.timers.peek().copied() {
            if due > now {
                break;
            }
            self.timers.pop();
            if let Some(Some(connection)) = self.connections.get_mut(place)
                && connection.generation == generation
                && connection.timer == Some(due)
            {
                connection.timer = None;
                self.activate(place);
            }
        }
        if self.retry_accept_ns.is_some_and(|at| at <= now) {
            self.retry_accept_ns = None;
            let listening: Vec<_> = self.proxies.keys().copied().collect();
            for proxy in listening {
                self.accept(proxy);
            }
        }
    }

    /// Gives every connection with something to do its turn.
    fn work(&mut self) {
        if self.active.is_empty() {
            return;
        }
        let now_ns = self.now_ns();
        let mut turn = std::mem::take(&mut self.active);
        for place in turn.drain(..) {
            self.turn(place, now_ns);
        }
        if self.active.is_empty() {
            // Its memory serves again.
            self.active = turn;
        }
    }

    fn turn(&mut self, place: usize, now_ns: u64) {
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return;
        };
        connection.queued = false;
        if connection.connecting {
            return self.continue_connecting(place);
        }
        let Some(proxy) = self.proxies.get_mut(&connection.proxy) else {
            return;
        };
        let mut turn = Turn {
            now_ns,
            scratch: &mut self.scratch,
            counters: &mut proxy.counters,
        };
        match turn.take(connection) {
            Ok(more) => {
                let due = connection.next_timer();
                if due.is_some_and(|due| connection.timer.is_none_or(|set| due < set)) {
                    connection.timer = due;
                    let entry = (due.unwrap_or(0), place, connection.generation);
                    self.timers.push(Reverse(entry));
                }
                if more {
                    self.activate(place);
                }
            }
            Err(over) => self.end(place, over),
        }
    }

    /// Forgets a connection: its sockets close, or are reset.
    pub fn end(&mut self, place: usize, over: Over) {
        let Some(connection) = self.connections.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.freed.push(place);
        if let Some(proxy) = self.proxies.get_mut(&connection.proxy) {
            proxy.connections.remove(&place);
            proxy.counters.resets += u64::from(over == Over::Reset { wanted: true });
        }
        if matches!(over, Over::Reset { .. }) {
            let sockets = connection.parties.iter().filter_map(|p| p.socket.as_ref());
            for socket in sockets {
                // With no time to linger, closing sends a reset.
                let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
            }
        }
    }
}

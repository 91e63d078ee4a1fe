//! Links: latency, bandwidth, a little jitter, and order per direction.

use crate::kernel::{Kernel, Nanos, ProcessId};
use squall_model::kafka::NodeId;
use squall_plan::rng::Rng;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// One end of a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    Node(NodeId),
    Process(ProcessId),
}

/// What a link is like in each direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkProfile {
    pub latency_ns: Nanos,
    pub bandwidth_bytes_per_s: u64,
}

impl LinkProfile {
    /// Between clients and brokers, and between callers and services, on one machine.
    pub const LOCAL: Self = Self {
        latency_ns: 100_000,
        bandwidth_bytes_per_s: 1 << 30,
    };
}

/// One direction of a link, found once by whoever sends on it again and again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lane(u32);

#[derive(Clone, Copy, Default)]
struct Direction {
    busy_until: Nanos,
    last_arrival: Nanos,
}

/// All links of the world; each comes into being when it is first asked for.
pub struct Network {
    kernel: Rc<Kernel>,
    lanes: RefCell<BTreeMap<(End, End), Lane>>,
    /// By lane. A lane that is forgotten is not used again: answers to a process that died may still be on it.
    directions: RefCell<Vec<Direction>>,
    jitter: RefCell<Rng>,
    messages: Cell<u64>,
}

impl Network {
    #[must_use]
    pub fn new(kernel: &Rc<Kernel>) -> Self {
        Self {
            kernel: Rc::clone(kernel),
            lanes: RefCell::default(),
            directions: RefCell::default(),
            jitter: RefCell::new(kernel.stream("network", 0)),
            messages: Cell::new(0),
        }
    }

    /// Messages so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages.get()
    }

    /// The lane from one end to another.
    pub fn lane(&self, from: End, to: End) -> Lane {
        let mut lanes = self.lanes.borrow_mut();
        *lanes.entry((from, to)).or_insert_with(|| {
            let mut directions = self.directions.borrow_mut();
            directions.push(Direction::default());
            // Memory ends long before numbers of 32 bits do.
            Lane((directions.len() - 1) as u32)
        })
    }

    /// As [`Network::arrival_on`], for whoever sends rarely.
    pub fn arrival(&self, from: End, to: End, bytes: u64, profile: LinkProfile) -> Nanos {
        self.arrival_on(self.lane(from, to), bytes, profile)
    }

    /// When a message that is sent now arrives: after those sent before it, up to an eighth of the latency late.
    pub fn arrival_on(&self, lane: Lane, bytes: u64, profile: LinkProfile) -> Nanos {
        self.messages.set(self.messages.get() + 1);
        let now = self.kernel.now();
        let jitter = self.jitter.borrow_mut().below(profile.latency_ns / 8 + 1);
        let wire = bytes.saturating_mul(1_000_000_000) / profile.bandwidth_bytes_per_s.max(1);
        let mut directions = self.directions.borrow_mut();
        let direction = &mut directions[lane.0 as usize];
        direction.busy_until = direction.busy_until.max(now) + wire;
        let arrival = direction.busy_until + profile.latency_ns + jitter;
        direction.last_arrival = direction.last_arrival.max(arrival);
        direction.last_arrival
    }

    /// A process or node is gone for good; its links need not be kept.
    pub fn forget(&self, end: End) {
        let mut lanes = self.lanes.borrow_mut();
        lanes.retain(|(from, to), _| *from != end && *to != end);
    }
}

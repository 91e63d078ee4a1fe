//! Links: latency, bandwidth, a little jitter, and order per direction.

use crate::kernel::{Kernel, Nanos, ProcessId};
use squall_model::kafka::NodeId;
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

#[derive(Clone, Copy, Default)]
struct Direction {
    busy_until: Nanos,
    last_arrival: Nanos,
}

/// All links of the world; each comes into being with its first message.
pub struct Network {
    kernel: Rc<Kernel>,
    directions: RefCell<BTreeMap<(End, End), Direction>>,
    messages: Cell<u64>,
}

impl Network {
    #[must_use]
    pub fn new(kernel: &Rc<Kernel>) -> Self {
        Self {
            kernel: Rc::clone(kernel),
            directions: RefCell::default(),
            messages: Cell::new(0),
        }
    }

    /// Messages so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages.get()
    }

    /// When a message that is sent now arrives: after those sent before it, up to an eighth of the latency late.
    pub fn arrival(&self, from: End, to: End, bytes: u64, profile: LinkProfile) -> Nanos {
        self.messages.set(self.messages.get() + 1);
        let now = self.kernel.now();
        let jitter = self.kernel.below("network", 0, profile.latency_ns / 8 + 1);
        let wire = bytes.saturating_mul(1_000_000_000) / profile.bandwidth_bytes_per_s.max(1);
        let mut directions = self.directions.borrow_mut();
        let direction = directions.entry((from, to)).or_default();
        direction.busy_until = direction.busy_until.max(now) + wire;
        let arrival = direction.busy_until + profile.latency_ns + jitter;
        direction.last_arrival = direction.last_arrival.max(arrival);
        direction.last_arrival
    }

    /// A process or node is gone for good; its links need not be kept.
    pub fn forget(&self, end: End) {
        let mut directions = self.directions.borrow_mut();
        directions.retain(|(from, to), _| *from != end && *to != end);
    }
}

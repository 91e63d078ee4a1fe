//! Links: latency, bandwidth, a little jitter, and order per direction; what faults make of them.

mod trouble;

pub use trouble::{Fate, Meeting};

use crate::kernel::{Kernel, Nanos, ProcessId};
use crate::occurrence::Occurrence;
use squall_model::kafka::NodeId;
use squall_plan::rng::Rng;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use trouble::Trouble;

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

#[derive(Default)]
struct Direction {
    busy_until: Nanos,
    last_arrival: Nanos,
    /// Numbers of the troubles here.
    troubles: Vec<u64>,
}

/// All links of the world; each comes into being when it is first asked for.
pub struct Network {
    kernel: Rc<Kernel>,
    lanes: RefCell<BTreeMap<(End, End), Lane>>,
    /// By lane. A lane that is forgotten is not used again: answers to a process that died may still be on it.
    directions: RefCell<Vec<Direction>>,
    jitter: RefCell<Rng>,
    messages: Cell<u64>,
    cuts: RefCell<Vec<Cut>>,
    troubles: RefCell<Vec<Trouble>>,
    /// For what is late by a fault, so that the links' own jitter is what it is without.
    lateness: RefCell<Rng>,
}

/// Ways on which nothing passes at present. What is sent waits, in order, as it does in the buffers of TCP.
struct Cut {
    number: u64,
    ways: BTreeSet<(End, End)>,
    held: Vec<(End, End, Held)>,
    met: u64,
}

/// What a message does when it arrives.
enum Held {
    Call(Box<dyn FnOnce()>),
    Plan(Occurrence),
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
            cuts: RefCell::default(),
            troubles: RefCell::default(),
            lateness: RefCell::new(kernel.stream("lateness", 0)),
        }
    }

    /// Does at `arrival` what a message from one end does at the other; once the way is free again, where it is cut.
    pub fn pass(&self, way: (End, End), arrival: Nanos, act: impl FnOnce() + 'static) {
        match self.is_cut(way.0, way.1) {
            true => self.hold(way, Held::Call(Box::new(act))),
            false => self.kernel.at(arrival, act),
        }
    }

    /// As [`Network::pass`], for what happens often.
    pub fn plan(&self, way: (End, End), arrival: Nanos, what: Occurrence) {
        match self.is_cut(way.0, way.1) {
            true => self.hold(way, Held::Plan(what)),
            false => {
                self.kernel.plan(arrival, what);
            }
        }
    }

    fn hold(&self, (from, to): (End, End), what: Held) {
        let mut cuts = self.cuts.borrow_mut();
        if let Some(cut) = cuts.iter_mut().find(|cut| cut.ways.contains(&(from, to))) {
            cut.met += 1;
            cut.held.push((from, to, what));
        }
    }

    #[must_use]
    pub fn is_cut(&self, from: End, to: End) -> bool {
        let cuts = self.cuts.borrow();
        cuts.iter().any(|cut| cut.ways.contains(&(from, to)))
    }

    /// From now on nothing passes on these ways. The number is for [`Network::mend`].
    pub fn cut(&self, ways: BTreeSet<(End, End)>) -> u64 {
        let mut cuts = self.cuts.borrow_mut();
        let number = cuts.last().map_or(0, |cut| cut.number + 1);
        cuts.push(Cut {
            number,
            ways,
            held: Vec::new(),
            met: 0,
        });
        number
    }

    /// Messages that a cut has held up so far.
    pub fn met(&self, number: u64) -> u64 {
        let cuts = self.cuts.borrow();
        let known = cuts.iter().find(|cut| cut.number == number);
        known.map_or(0, |cut| cut.met)
    }

    /// The ways are free again: what waited arrives now, unless another cut is in its way.
    pub fn mend(&self, number: u64) {
        let mended = {
            let mut cuts = self.cuts.borrow_mut();
            let at = cuts.iter().position(|cut| cut.number == number);
            at.map(|at| cuts.remove(at))
        };
        let now = self.kernel.now();
        for (from, to, what) in mended.into_iter().flat_map(|cut| cut.held) {
            match what {
                Held::Call(act) => self.pass((from, to), now, act),
                Held::Plan(what) => self.plan((from, to), now, what),
            }
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
        let mut directions = self.directions.borrow_mut();
        let direction = &mut directions[lane.0 as usize];
        let (wire, late) = match direction.troubles.is_empty() {
            true => (transmit_ns(bytes, profile.bandwidth_bytes_per_s), 0),
            false => self.suffer(&direction.troubles, bytes, profile),
        };
        direction.busy_until = direction.busy_until.max(now) + wire;
        let arrival = direction.busy_until + profile.latency_ns + jitter + late;
        direction.last_arrival = direction.last_arrival.max(arrival);
        direction.last_arrival
    }

    /// A process or node is gone for good; its links need not be kept.
    pub fn forget(&self, end: End) {
        let mut lanes = self.lanes.borrow_mut();
        lanes.retain(|(from, to), _| *from != end && *to != end);
        for cut in self.cuts.borrow_mut().iter_mut() {
            cut.held.retain(|(from, to, _)| *from != end && *to != end);
        }
    }
}

const fn transmit_ns(bytes: u64, bytes_per_s: u64) -> Nanos {
    let bytes_per_s = if bytes_per_s == 0 { 1 } else { bytes_per_s };
    bytes.saturating_mul(1_000_000_000) / bytes_per_s
}

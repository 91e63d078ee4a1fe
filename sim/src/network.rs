//! Links: latency, bandwidth, a little jitter, and order per direction; what faults make of them.

use crate::cluster::error_named;
use crate::kernel::{Kernel, Nanos, ProcessId};
use crate::occurrence::Occurrence;
use squall_model::kafka::{ErrorCode, NodeId};
use squall_plan::fault::{FrameAct, Latency, Treatment, spread};
use squall_plan::rng::Rng;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
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

#[derive(Default)]
struct Direction {
    busy_until: Nanos,
    last_arrival: Nanos,
    /// Numbers of the troubles here.
    troubles: Vec<u64>,
}

/// What some directions suffer from at present.
struct Trouble {
    number: u64,
    what: Suffering,
    /// Messages that met it.
    met: u64,
}

#[derive(Clone)]
enum Suffering {
    Late(Latency),
    /// Bytes a second at most.
    Narrow(u64),
    /// In pieces of so many bytes, so far apart: a message is there when its last piece is.
    Sliced(u64, Nanos),
    /// Whatever is sent is lost, and the connection with it.
    Reset,
    /// Some requests to brokers meet something.
    Requests(Requests),
}

/// Which requests, and what they meet.
#[derive(Clone)]
struct Requests {
    /// Kafka's own names; empty: every API.
    apis: Vec<String>,
    share_per_mille: u32,
    act: RequestAct,
}

#[derive(Clone, Copy)]
enum RequestAct {
    Late(Latency),
    Cut,
    Answered(Fate),
}

/// What a request meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meeting {
    /// It arrives so much later, and all behind it.
    Late(Nanos),
    /// It is lost on its way, and the connection with it.
    Cut,
    /// It arrives, and its answer is not what it would be.
    Answered(Fate),
}

/// What comes instead of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The request is done, and the connection ends.
    Lost,
    /// The request is done, and neither this answer nor any later one comes; the connection ends after a time, or with the fault.
    Withheld(Option<Nanos>),
    /// The request never reaches the broker.
    Refused(ErrorCode),
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

    /// From now on these ways suffer from a treatment, as far as one end is a node: nothing else is treated. The number is for
    /// [`Network::lift`]. `None`: a treatment of bytes, which messages do not know.
    pub fn treat(&self, ways: &BTreeSet<(End, End)>, treatment: &Treatment) -> Option<u64> {
        let what = match treatment {
            Treatment::Delay(latency) => Suffering::Late(*latency),
            Treatment::Bandwidth { bytes_per_s } => Suffering::Narrow(*bytes_per_s),
            Treatment::Slice {
                average_bytes,
                delay_ns,
                ..
            } => Suffering::Sliced(*average_bytes, *delay_ns),
            Treatment::Reset => Suffering::Reset,
            Treatment::Frames {
                apis,
                share_per_mille,
                act,
            } => Suffering::Requests(Requests {
                apis: apis.clone(),
                share_per_mille: *share_per_mille,
                act: match act {
                    FrameAct::Delay(latency) => RequestAct::Late(*latency),
                    FrameAct::Cut { .. } => RequestAct::Cut,
                    FrameAct::LoseAnswer => RequestAct::Answered(Fate::Lost),
                    FrameAct::WithholdAnswers { reset_after_ns } => {
                        RequestAct::Answered(Fate::Withheld(*reset_after_ns))
                    }
                    FrameAct::AnswerError { error } => {
                        RequestAct::Answered(Fate::Refused(error_named(error)?))
                    }
                },
            }),
            _ => return None,
        };
        let mut troubles = self.troubles.borrow_mut();
        let number = troubles.last().map_or(0, |last| last.number + 1);
        troubles.push(Trouble {
            number,
            what,
            met: 0,
        });
        let is_node = |end: End| matches!(end, End::Node(_));
        for (from, to) in ways.iter().filter(|(a, b)| is_node(*a) || is_node(*b)) {
            let lane = self.lane(*from, *to);
            let direction = &mut self.directions.borrow_mut()[lane.0 as usize];
            direction.troubles.push(number);
        }
        Some(number)
    }

    /// Ends a treatment, and tells how many messages met it.
    pub fn lift(&self, number: u64) -> u64 {
        for direction in self.directions.borrow_mut().iter_mut() {
            direction.troubles.retain(|here| *here != number);
        }
        let mut troubles = self.troubles.borrow_mut();
        let at = troubles.iter().position(|trouble| trouble.number == number);
        at.map_or(0, |at| troubles.remove(at).met)
    }

    /// Messages that have met a treatment so far.
    pub fn suffered(&self, number: u64) -> u64 {
        let troubles = self.troubles.borrow();
        let known = troubles.iter().find(|trouble| trouble.number == number);
        known.map_or(0, |trouble| trouble.met)
    }

    /// Whether what is sent on a lane now is lost, and its connection with it.
    pub fn resets(&self, lane: Lane) -> bool {
        let directions = self.directions.borrow();
        let here = &directions[lane.0 as usize].troubles;
        if here.is_empty() {
            return false;
        }
        let mut troubles = self.troubles.borrow_mut();
        let is_reset =
            |t: &&mut Trouble| here.contains(&t.number) && matches!(t.what, Suffering::Reset);
        let reset = troubles.iter_mut().find(is_reset);
        reset.map(|trouble| trouble.met += 1).is_some()
    }

    /// What the troubles here make of a message: how long it takes the line, and how much later it arrives then.
    fn suffer(&self, here: &[u64], bytes: u64, profile: LinkProfile) -> (Nanos, Nanos) {
        let (mut late, mut slicing, mut bandwidth) = (0, 0, profile.bandwidth_bytes_per_s);
        let mut troubles = self.troubles.borrow_mut();
        for trouble in troubles.iter_mut().filter(|t| here.contains(&t.number)) {
            match &trouble.what {
                Suffering::Late(latency) => late += self.draw(*latency),
                Suffering::Narrow(bytes_per_s) => bandwidth = bandwidth.min(*bytes_per_s),
                Suffering::Sliced(piece, apart) => slicing += bytes / piece.max(&1) * apart,
                // It did not come to that: see [`Network::resets`] and [`Network::meets`].
                Suffering::Reset | Suffering::Requests(_) => continue,
            }
            trouble.met += 1;
        }
        (transmit_ns(bytes, bandwidth) + slicing, late)
    }

    fn draw(&self, latency: Latency) -> Nanos {
        let Latency {
            latency_ns,
            jitter_ns,
            distribution,
        } = latency;
        let rng = &mut self.lateness.borrow_mut();
        spread::draw(latency_ns, jitter_ns, distribution, rng)
    }

    /// What a request of this API meets that is sent on a lane now.
    pub fn meets(&self, lane: Lane, api: &str) -> Option<Meeting> {
        let directions = self.directions.borrow();
        let here = &directions[lane.0 as usize].troubles;
        if here.is_empty() {
            return None;
        }
        let mut troubles = self.troubles.borrow_mut();
        for trouble in troubles.iter_mut().filter(|t| here.contains(&t.number)) {
            let Suffering::Requests(requests) = &trouble.what else {
                continue;
            };
            let is_meant = requests.apis.is_empty() || requests.apis.iter().any(|one| one == api);
            let share = u64::from(requests.share_per_mille);
            if is_meant && self.lateness.borrow_mut().below(1000) < share {
                trouble.met += 1;
                return Some(match requests.act {
                    RequestAct::Late(latency) => Meeting::Late(self.draw(latency)),
                    RequestAct::Cut => Meeting::Cut,
                    RequestAct::Answered(fate) => Meeting::Answered(fate),
                });
            }
        }
        None
    }

    /// The next message on a lane arrives so much later, and all behind it.
    pub fn hold_back(&self, lane: Lane, late: Nanos) {
        let direction = &mut self.directions.borrow_mut()[lane.0 as usize];
        let at = direction.last_arrival.max(self.kernel.now());
        direction.last_arrival = at + late;
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

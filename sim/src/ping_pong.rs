//! The smallest world there is, for the benchmark: pairs of processes on a link that answer each other.

use crate::kernel::{Kernel, MS, ProcessId, Signal, Stopped};
use crate::network::{End, Lane, LinkProfile, Network};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// As the loop of the other side has it: a tick of 1 ms.
const LINK: LinkProfile = LinkProfile {
    latency_ns: MS,
    bandwidth_bytes_per_s: 1 << 30,
};

struct Mailbox {
    letters: RefCell<VecDeque<u64>>,
    arrived: Signal,
}

impl Mailbox {
    fn new(kernel: &Kernel) -> Rc<Self> {
        Rc::new(Self {
            letters: RefCell::default(),
            arrived: Signal::new(kernel),
        })
    }

    async fn take(&self) -> u64 {
        loop {
            let first = self.letters.borrow_mut().pop_front();
            match first {
                Some(letter) => return letter,
                None => self.arrived.wait().await,
            }
        }
    }
}

struct Link {
    kernel: Rc<Kernel>,
    network: Rc<Network>,
    lane: Lane,
}

impl Link {
    fn send(&self, letter: u64, to: &Rc<Mailbox>) {
        let arrival = self.network.arrival_on(self.lane, 8, LINK);
        let to = Rc::clone(to);
        self.kernel.at(arrival, move || {
            to.letters.borrow_mut().push_back(letter);
            to.arrived.raise();
        });
    }
}

/// Sends `rounds` questions and as many answers between each of `pairs` pairs. Gives messages and the trace hash.
///
/// # Panics
/// When an answer is not that to its question, or the world stops before its end.
#[must_use]
pub fn ping_pong(seed: u64, pairs: u32, rounds: u64) -> (u64, u64) {
    let kernel = Kernel::new(seed);
    let network = Rc::new(Network::new(&kernel));
    let done = Rc::new(Cell::new(0));
    for pair in 0..pairs {
        let (ping, pong) = (ProcessId(2 * pair), ProcessId(2 * pair + 1));
        let (asked, answered) = (Mailbox::new(&kernel), Mailbox::new(&kernel));
        let link = |from, to| Link {
            kernel: Rc::clone(&kernel),
            network: Rc::clone(&network),
            lane: network.lane(End::Process(from), End::Process(to)),
        };
        let (there, back) = (link(ping, pong), link(pong, ping));
        let (inbox, outbox) = (Rc::clone(&asked), Rc::clone(&answered));
        kernel.spawn(pong, async move {
            loop {
                let letter = inbox.take().await;
                back.send(letter, &outbox);
            }
        });
        let done = Rc::clone(&done);
        kernel.spawn(ping, async move {
            for round in 0..rounds {
                there.send(round, &asked);
                assert_eq!(
                    answered.take().await,
                    round,
                    "an answer is that to its question"
                );
            }
            done.set(done.get() + 1);
        });
    }
    let ended: Result<(), Stopped> = kernel.run(u64::MAX, |_| {}, || done.get() == pairs);
    assert_eq!(ended, Ok(()), "the world goes on until all are done");
    kernel.end_all();
    (network.messages(), kernel.trace_hash())
}

//! What faults make of links: messages that are late, slow, lost with their connection, and requests that meet something.

use super::{End, Lane, LinkProfile, Network, transmit_ns};
use crate::cluster::error_named;
use crate::kernel::Nanos;
use squall_model::kafka::ErrorCode;
use squall_plan::fault::{FrameAct, Latency, Treatment, spread};
use std::collections::BTreeSet;

/// What some directions suffer from at present.
pub(super) struct Trouble {
    number: u64,
    what: Suffering,
    /// Messages that met it.
    met: u64,
}

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

impl Network {
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

    /// Ends a treatment.
    pub fn lift(&self, number: u64) {
        for direction in self.directions.borrow_mut().iter_mut() {
            direction.troubles.retain(|here| *here != number);
        }
        let mut troubles = self.troubles.borrow_mut();
        troubles.retain(|trouble| trouble.number != number);
    }

    /// Messages that have met a treatment so far.
    pub fn suffered(&self, number: u64) -> u64 {
        let troubles = self.troubles.borrow();
        let known = troubles.iter().find(|trouble| trouble.number == number);
        known.map_or(0, |trouble| trouble.met)
    }

    /// What the first trouble on a lane that has something to say of a message says; it was met then.
    fn first<T>(&self, lane: Lane, says: impl Fn(&Suffering) -> Option<T>) -> Option<T> {
        let mut troubles = self.troubles.borrow_mut();
        // Asked for every message, and mostly there is no trouble anywhere.
        if troubles.is_empty() {
            return None;
        }
        let directions = self.directions.borrow();
        let here = &directions[lane.0 as usize].troubles;
        let mut troubles = troubles.iter_mut().filter(|t| here.contains(&t.number));
        troubles.find_map(|trouble| {
            let said = says(&trouble.what)?;
            trouble.met += 1;
            Some(said)
        })
    }

    /// Whether what is sent on a lane now is lost, and its connection with it.
    pub fn resets(&self, lane: Lane) -> bool {
        let is_reset = |what: &Suffering| matches!(what, Suffering::Reset).then_some(());
        self.first(lane, is_reset).is_some()
    }

    /// What a request of this API meets that is sent on a lane now.
    pub fn meets(&self, lane: Lane, api: &str) -> Option<Meeting> {
        self.first(lane, |what| {
            let Suffering::Requests(requests) = what else {
                return None;
            };
            let is_meant = requests.apis.is_empty() || requests.apis.iter().any(|one| one == api);
            let share = u64::from(requests.share_per_mille);
            let is_drawn = is_meant && self.lateness.borrow_mut().below(1000) < share;
            is_drawn.then(|| match requests.act {
                RequestAct::Late(latency) => Meeting::Late(self.draw(latency)),
                RequestAct::Cut => Meeting::Cut,
                RequestAct::Answered(fate) => Meeting::Answered(fate),
            })
        })
    }

    /// What the troubles here make of a message: how long it takes the line, and how much later it arrives then.
    pub(super) fn suffer(&self, here: &[u64], bytes: u64, profile: LinkProfile) -> (Nanos, Nanos) {
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

    /// The next message on a lane arrives so much later, and all behind it.
    pub fn hold_back(&self, lane: Lane, late: Nanos) {
        let direction = &mut self.directions.borrow_mut()[lane.0 as usize];
        let at = direction.last_arrival.max(self.kernel.now());
        direction.last_arrival = at + late;
    }
}

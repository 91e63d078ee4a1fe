//! `nemesis: random`: faults drawn from the seed, within bounds, instead of written out one by one.

mod draw;
#[cfg(test)]
mod tests;

pub(crate) use draw::{Drawing, MS, draw};

use crate::fault::{FaultKind, KINDS};
use crate::units::SECOND_NS;
use serde::{Deserialize, Serialize};

/// Bounds of the draw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Nemesis {
    /// Kinds to draw from, in the order of [`KINDS`]. Empty: all that the environment can inject and a correct system
    /// survives.
    pub kinds: Vec<FaultKind>,
    /// Mean time between the beginnings of two faults.
    pub every_ns: u64,
    /// Lengths are drawn evenly from these two.
    pub shortest_ns: u64,
    pub longest_ns: u64,
    /// In force at once.
    pub at_most: u32,
    /// Brokers that are away at once: dead, or cut off from the others.
    pub brokers_at_most: u32,
    /// From the end of one fault to the beginning of the next, at least, where `at_most` or `brokers_at_most` counts them together.
    #[serde(default)]
    pub calm_ns: u64,
    /// No fault in this last part of the load: the system must get well while it works.
    #[serde(default)]
    pub quiet_ns: u64,
    /// Each seed draws which of the kinds are on, how often they come and how long they last.
    #[serde(default)]
    pub swarm: bool,
    /// All losses of power hit one broker, which the seed draws.
    #[serde(default)]
    pub weak_broker: bool,
    /// Of those drawn, only the ones by these names. `None`: all.
    #[serde(default)]
    pub only: Option<Vec<String>>,
}

impl Default for Nemesis {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            every_ns: 3 * SECOND_NS,
            shortest_ns: SECOND_NS,
            longest_ns: 5 * SECOND_NS,
            at_most: 2,
            brokers_at_most: 1,
            calm_ns: 0,
            quiet_ns: 0,
            swarm: false,
            weak_broker: false,
            only: None,
        }
    }
}

impl Nemesis {
    /// Kinds that are drawn when the scenario names none.
    pub(crate) fn ordinary() -> impl Iterator<Item = FaultKind> {
        KINDS
            .iter()
            .filter(|row| row.ordinary && row.drawable())
            .map(|row| row.kind)
    }
}

//! When each event comes and which key it has: drawn lazily, so that a plan of a billion events costs nothing.

use super::timeline::constant_at;
use super::{Arrival, Plan, PlannedLoad, PlannedStage};
use crate::rng::{Rng, Streams, mix};
use crate::sample::KeySampler;
use crate::scenario::{self, Stage};

/// All arrivals of one load, by time. The same plan always yields the same ones.
#[derive(Clone, Debug)]
pub struct Arrivals {
    stages: Vec<PlannedStage>,
    arrival: scenario::Arrival,
    keys: KeySampler,
    key_rng: Rng,
    time_rng: Rng,
    /// Which stage, which event of it, and where in it the last one was.
    stage: usize,
    index: u64,
    last_ns: u64,
    /// Natural logarithm of the share of the stage that is still to come (Poisson only).
    log_rest: f64,
    sequence: u64,
    events: u64,
}

impl Arrivals {
    #[must_use]
    pub fn new(load: &PlannedLoad, stream: u16, seed: u64) -> Self {
        let streams = Streams::new(seed);
        Self {
            stages: load.timeline.clone(),
            arrival: load.load.arrival,
            keys: KeySampler::new(load.load.keys),
            key_rng: streams.stream("keys", u64::from(stream)),
            time_rng: streams.stream("arrivals", u64::from(stream)),
            stage: 0,
            index: 0,
            last_ns: 0,
            log_rest: 0.0,
            sequence: 0,
            events: load.events,
        }
    }

    /// Where in the stage the next event comes.
    fn next_in_stage(&mut self, stage: &PlannedStage) -> u64 {
        #[allow(clippy::cast_precision_loss)]
        match (self.arrival, stage.stage) {
            (_, Stage::Burst { .. } | Stage::Pause { .. }) => 0,
            (scenario::Arrival::Poisson, shape) if !stage.warm_up => {
                let rest = (stage.events - self.index) as f64;
                self.log_rest += libm::log(self.time_rng.unit()) / rest;
                let passed = -libm::expm1(self.log_rest);
                shape.inverse(passed * shape.integral(stage.for_ns), self.last_ns)
            }
            (_, Stage::Constant { rate, .. }) => constant_at(rate, self.index),
            (_, shape) => shape.inverse(self.index as f64, self.last_ns),
        }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let mut stage = *self.stages.get(self.stage)?;
        while self.index >= stage.events {
            self.stage += 1;
            (self.index, self.last_ns, self.log_rest) = (0, 0, 0.0);
            stage = *self.stages.get(self.stage)?;
        }
        self.last_ns = self.next_in_stage(&stage);
        let key = self.keys.draw(&mut self.key_rng);
        let arrival = Arrival {
            at_ns: stage.at_ns + self.last_ns,
            sequence: self.sequence,
            key,
        };
        self.index += 1;
        self.sequence += 1;
        Some(arrival)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let rest = usize::try_from(self.events - self.sequence).unwrap_or(usize::MAX);
        (rest, Some(rest))
    }
}

impl Plan {
    /// The arrivals of a load, lazily. None for a stream that is not there.
    #[must_use]
    pub fn arrivals(&self, stream: u16) -> Option<Arrivals> {
        Some(Arrivals::new(
            self.loads.get(usize::from(stream))?,
            stream,
            self.seed,
        ))
    }

    /// A hash over every arrival of every load: equal digests, equal load.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hash = mix(u64::from(self.version));
        for stream in 0..self.loads.len() {
            let stream = u16::try_from(stream).unwrap_or(u16::MAX);
            for arrival in self.arrivals(stream).into_iter().flatten() {
                hash = mix(hash ^ arrival.at_ns)
                    .wrapping_add(u64::from(arrival.key) << 16 | u64::from(stream));
            }
        }
        mix(hash)
    }
}

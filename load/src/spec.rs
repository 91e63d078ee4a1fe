//! What a load is to send: from the plan, or probes for the steady-state gate.

use squall_plan::Plan;
use squall_plan::plan::{Arrival, PlannedStage};
use squall_plan::scenario::Load;

/// One load, ready to be run.
pub struct LoadSpec {
    pub load: Load,
    /// Stream of the events, and `place` of their ops.
    pub stream: u16,
    /// The run's seed, which is the first part of every id.
    pub seed: u64,
    pub timeline: Vec<PlannedStage>,
    /// How many `arrivals` yields.
    pub events: u64,
    /// By time, sequences ascending.
    pub arrivals: Box<dyn Iterator<Item = Arrival> + Send>,
}

/// Events to probe the way through the system with, before the load.
#[derive(Clone, Copy, Debug)]
pub struct Probes {
    /// First sequence number: rounds of probes follow each other densely.
    pub first: u64,
    pub count: u64,
    pub interval_ns: u64,
}

impl LoadSpec {
    /// The load of a stream. `None` for a stream that the plan does not have.
    #[must_use]
    pub fn of_plan(plan: &Plan, stream: u16) -> Option<Self> {
        let planned = plan.loads.get(usize::from(stream))?;
        Some(Self {
            load: planned.load.clone(),
            stream,
            seed: plan.seed,
            timeline: planned.timeline.clone(),
            events: planned.events,
            arrivals: Box::new(plan.arrivals(stream)?),
        })
    }

    /// Probes by the entry and with the body of load `load`, on the plan's probe stream. Each has another key.
    #[must_use]
    pub fn probes(plan: &Plan, load: u16, probes: Probes) -> Option<Self> {
        let planned = plan.loads.get(usize::from(load))?;
        let arrival = move |index: u64| Arrival {
            at_ns: index * probes.interval_ns,
            sequence: probes.first + index,
            key: u32::try_from((probes.first + index) % u64::from(u32::MAX)).unwrap_or(0),
        };
        Some(Self {
            load: planned.load.clone(),
            stream: plan.probe_stream(),
            seed: plan.seed,
            timeline: Vec::new(),
            events: probes.count,
            arrivals: Box::new((0..probes.count).map(arrival)),
        })
    }
}

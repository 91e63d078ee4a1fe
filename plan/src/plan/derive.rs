//! Scenario and seed to plan.

use super::arrivals::Arrivals;
use super::odd;
use super::refusals::refusals;
use super::timeline::timeline;
use super::{Environment, PLAN_VERSION, Plan, PlannedLoad, PlannedStage};
use crate::fault::Fault;
use crate::nemesis::draw;
use crate::problem::Problems;
use crate::scenario::{Load, Scenario};

impl Plan {
    /// Derives the plan. One scenario, seed and environment give one plan, byte for byte.
    ///
    /// # Errors
    /// When the environment cannot inject a fault of the scenario, or a load has more events than can be told apart.
    pub fn derive(
        scenario: &Scenario,
        seed: u64,
        environment: Environment,
    ) -> Result<Self, Problems> {
        let warm_up = scenario.timing.warm_up_ns;
        let each = scenario.loads.iter();
        let mut loads: Vec<PlannedLoad> = each.map(|load| planned(load, warm_up)).collect();
        let stages = loads.iter().flat_map(|load| &load.timeline);
        let load_ends_ns = stages.map(PlannedStage::ends_ns).max().unwrap_or(0);
        let mut faults = scenario.faults.clone();
        if let Some(nemesis) = &scenario.nemesis {
            let ends_ns = load_ends_ns.saturating_sub(warm_up);
            let mut drawn = draw(nemesis, scenario, seed, environment, ends_ns);
            if let Some(only) = &nemesis.only {
                drawn.retain(|fault| only.contains(&fault.name));
            }
            faults.extend(drawn);
            faults.sort_by_key(|fault| fault.at_ns);
        }
        let refused = refusals(scenario, &faults, environment);
        if !refused.is_empty() {
            return Err(refused);
        }
        for fault in &mut faults {
            fault.at_ns += warm_up;
            let rest = load_ends_ns.saturating_sub(fault.at_ns);
            fault.for_ns = Some(fault.for_ns.unwrap_or(rest));
        }
        odd_events(scenario, seed, &faults, &mut loads);
        Ok(Self {
            version: PLAN_VERSION,
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            file: scenario.file.clone(),
            text: scenario.text.clone(),
            variant: scenario.variant.clone(),
            sets: scenario.sets.clone(),
            scaled_to: scenario.scaled_to,
            seed,
            environment,
            system: scenario.system.clone(),
            cluster: scenario.cluster.clone(),
            loads,
            faults,
            expect: scenario.expect.clone(),
            abort_if: scenario.abort_if.clone(),
            timing: scenario.timing,
            load_starts_ns: warm_up,
            load_ends_ns,
        })
    }
}

/// A load more for each fault that sends odd events. Faults are on the load clock of the plan.
fn odd_events(scenario: &Scenario, seed: u64, faults: &[Fault], loads: &mut Vec<PlannedLoad>) {
    let ordinary = loads.len();
    for fault in faults {
        let (at_ns, for_ns) = (fault.at_ns, fault.for_ns.unwrap_or(0));
        let offered = || {
            let ordinary = loads.iter().take(ordinary).zip(0..);
            let arrivals = ordinary.flat_map(|(load, stream)| Arrivals::new(load, stream, seed));
            let during = arrivals.filter(|one| (at_ns..at_ns + for_ns).contains(&one.at_ns));
            during.count() as u64
        };
        if let Some(load) = odd::load(scenario, fault, offered) {
            // Nothing of it warms up: its times are those of the plan already.
            loads.push(planned(&load, 0));
        }
    }
}

fn planned(load: &Load, warm_up_ns: u64) -> PlannedLoad {
    let timeline = timeline(load, warm_up_ns);
    let events = timeline.iter().map(|stage| stage.events).sum();
    PlannedLoad {
        load: load.clone(),
        timeline,
        events,
    }
}

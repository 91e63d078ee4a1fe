//! Scenario and seed to plan.

use super::arrivals::Arrivals;
use super::odd;
use super::prefix;
use super::timeline::timeline;
use super::{Environment, PLAN_VERSION, Plan, PlannedLoad};
use crate::fault::{ELSEWHERE, Fault, refused_links, refused_settings};
use crate::nemesis::draw;
use crate::problem::{Problem, Problems};
use crate::scenario::{Load, Scenario};

const ITS_OWN_NAMES: &str = "have the service told it, run it elsewhere, or use the name that others may use too: --allow-disturbing";

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
        let mut problems = Problems::default();
        let warm_up = scenario.timing.warm_up_ns;
        let mut loads: Vec<PlannedLoad> = scenario
            .loads
            .iter()
            .map(|load| planned(load, warm_up))
            .collect();
        let load_ends_ns = loads
            .iter()
            .flat_map(|load| &load.timeline)
            .map(|stage| stage.at_ns + stage.for_ns)
            .max();
        let load_ends_ns = load_ends_ns.unwrap_or(0);
        let mut faults = scenario.faults.clone();
        if let Some(nemesis) = &scenario.nemesis {
            let ends_ns = load_ends_ns.saturating_sub(warm_up);
            let is_kept = |fault: &Fault| {
                let only = nemesis.only.as_ref();
                only.is_none_or(|only| only.contains(&fault.name))
            };
            let drawn = draw(nemesis, scenario, seed, environment, ends_ns);
            faults.extend(drawn.into_iter().filter(is_kept));
            faults.sort_by_key(|fault| fault.at_ns);
        }
        for fault in &mut faults {
            if let Some(refused) = fault.refused_in(environment) {
                let (kind, name) = (fault.kind.name(), &fault.name);
                let what = format!("inject `{kind}` of fault `{name}`: {}", refused.why);
                problems.push(cannot(scenario, environment, &what, refused.fix));
            }
            fault.at_ns += warm_up;
            fault.for_ns = Some(
                fault
                    .for_ns
                    .unwrap_or_else(|| load_ends_ns.saturating_sub(fault.at_ns)),
            );
        }
        if environment == Environment::Sim && !scenario.system.spec.servers.is_empty() {
            let names: Vec<&str> = scenario
                .system
                .spec
                .servers
                .keys()
                .map(String::as_str)
                .collect();
            let what = format!("reach the system's servers ({})", names.join(", "));
            problems.push(cannot(scenario, environment, &what, ELSEWHERE));
        }
        if environment == Environment::Docker
            && let Some(why) = refused_links(&scenario.cluster.links)
        {
            let what = format!("make the links of bus.kafka.links: {why}");
            problems.push(cannot(scenario, environment, &what, ELSEWHERE));
        }
        if environment == Environment::External {
            if let Some((key, why)) = refused_settings(&scenario.cluster) {
                problems.push(cannot(
                    scenario,
                    environment,
                    &format!("set {key}: {why}"),
                    ELSEWHERE,
                ));
            }
            let fixed = prefix::fixed_names(&scenario.system, &scenario.cluster.topics, "");
            for one in fixed.iter().filter(|_| !scenario.cluster.may_disturb) {
                problems.push(cannot(scenario, environment, &one.told(), ITS_OWN_NAMES));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
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

fn cannot(scenario: &Scenario, environment: Environment, what: &str, fix: &str) -> Problem {
    let what = format!("{} cannot {what}", environment.name());
    Problem::of(&scenario.file, what, fix)
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

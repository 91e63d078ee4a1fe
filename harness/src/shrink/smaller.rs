//! What is cut besides faults: drawn schedules and scales are written out, loads thinned, faults shortened, processes taken away.

use super::search::{Search, Step};
use crate::exit::Failure;
use squall_plan::plan::Environment;

/// Faults get no shorter than this, and times are rounded to it where that still shows the violation.
const GRAIN_NS: u64 = 100_000_000;
const HALVINGS_MAX: usize = 8;

type Tell<'a> = &'a mut dyn FnMut(&Step);

impl Search {
    /// A scaled load and drawn faults become those that they came to, so that they can be cut one by one and replay as they stand.
    pub(super) fn write_out(&mut self, tell: Tell<'_>) -> Result<(), Failure> {
        if let Some(events) = self.trial.events {
            let scenario = self.trial.scenario(&self.draft.to_yaml())?;
            if let Some(draft) = self.draft.with_stages(&scenario.loads) {
                self.trial.events = None;
                if !self.attempt("with its scaled load written out".to_owned(), draft, tell)? {
                    self.trial.events = Some(events);
                }
            }
        }
        let warm_up_ns = self.plan.load_starts_ns;
        let mut drawn: Vec<_> = self
            .plan
            .faults
            .iter()
            .filter(|f| f.drawn)
            .cloned()
            .collect();
        if !drawn.is_empty() {
            for fault in &mut drawn {
                fault.at_ns -= warm_up_ns;
            }
            let draft = self.draft.with_schedule(&drawn);
            if !self.attempt("with the drawn faults written out".to_owned(), draft, tell)? {
                return Ok(());
            }
        }
        match self.plan.environment {
            Environment::Sim => self.trial.hold_to(&self.draft, &self.signature),
            _ => Ok(()),
        }
    }

    /// Everything that costs many runs, which are cheap in the simulator.
    pub(super) fn smaller(&mut self, tell: Tell<'_>) -> Result<(), Failure> {
        self.events(tell)?;
        self.processes(tell)?;
        self.times(tell)?;
        self.events(tell)
    }

    /// Halves the rates and bursts.
    fn events(&mut self, tell: Tell<'_>) -> Result<(), Failure> {
        if self.trial.events.is_some() {
            return Ok(());
        }
        for _ in 0..HALVINGS_MAX {
            let scenario = self.trial.scenario(&self.draft.to_yaml())?;
            let ordinary = self.plan.loads.iter().take(scenario.loads.len());
            let now: u64 = ordinary.map(|load| load.events).sum();
            let Some(draft) = self.draft.with_stages(&scenario.scaled(now / 2).loads) else {
                return Ok(());
            };
            if now < 2 || !self.attempt(format!("about {} events", now / 2), draft, tell)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One replica of each service, one partition of each topic.
    fn processes(&mut self, tell: Tell<'_>) -> Result<(), Failure> {
        let scale = self.plan.system.scale.clone();
        let services = scale.into_iter().filter(|(_, replicas)| *replicas > 1);
        let fewer = services.map(|(service, _)| format!("system.scale.{service}=1"));
        let topics = self.plan.cluster.topics.clone();
        let topics = topics.into_iter().filter(|topic| topic.partitions > 1);
        let narrow = topics.map(|topic| format!("bus.kafka.topics.{}.partitions=1", topic.name));
        for set in fewer.chain(narrow).collect::<Vec<String>>() {
            if let Some(draft) = self.draft.with(&set) {
                self.attempt(set, draft, tell)?;
            }
        }
        Ok(())
    }

    /// Rounder and shorter: each written fault begins and ends at round times, and then ends as early as it may.
    fn times(&mut self, tell: Tell<'_>) -> Result<(), Failure> {
        for name in self.names(|fault| !fault.drawn) {
            if let Some((at_ns, for_ns)) = self.written(&name) {
                let round = (rounded(at_ns), for_ns.map(rounded));
                if round != (at_ns, for_ns) {
                    self.retime(&name, round, tell)?;
                }
            }
            while let Some((at_ns, Some(for_ns))) = self.written(&name)
                && for_ns > GRAIN_NS
                && self.retime(&name, (at_ns, Some(rounded(for_ns / 2))), tell)?
            {}
        }
        Ok(())
    }

    /// When a fault begins, from the start of the load, and how long it lasts if it does.
    fn written(&self, name: &str) -> Option<(u64, Option<u64>)> {
        let fault = self.plan.faults.iter().find(|fault| fault.name == name)?;
        let for_ns = fault.for_ns.filter(|_| fault.kind.row().lasts);
        Some((fault.at_ns - self.plan.load_starts_ns, for_ns))
    }

    fn retime(
        &mut self,
        name: &str,
        (at_ns, for_ns): (u64, Option<u64>),
        tell: Tell<'_>,
    ) -> Result<bool, Failure> {
        let draft = self.draft.with_times(name, at_ns, for_ns);
        let lasts = for_ns.map_or_else(String::new, |ns| format!(" for {:.1} s", ns as f64 / 1e9));
        let what = format!("{name} at {:.1} s{lasts}", at_ns as f64 / 1e9);
        self.attempt(what, draft, tell)
    }
}

const fn rounded(ns: u64) -> u64 {
    let grains = ns / GRAIN_NS;
    if grains == 0 {
        GRAIN_NS
    } else {
        grains * GRAIN_NS
    }
}

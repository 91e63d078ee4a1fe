//! From the arguments to a plan.

use super::PlanChoice;
use crate::exit::Failure;
use squall_plan::scenario::Request;
use squall_plan::{Plan, Problems, Scenario};
use std::path::Path;

impl PlanChoice {
    /// Reads the scenario with what the arguments lay over it.
    pub fn scenario(&self, file: &Path) -> Result<Scenario, Failure> {
        let request = Request {
            variant: self.variant.clone(),
            sets: self.set.clone(),
        };
        let mut scenario = squall_plan::scenario::load(file, &request).map_err(problems)?;
        scenario.cluster.may_disturb = self.allow_disturbing;
        Ok(match self.events {
            Some(events) => scenario.scaled(events),
            None => scenario,
        })
    }

    /// As [`Self::scenario`], for many seeds: without `--events` the load is scaled as its `sim:` block says.
    pub fn swept(&self, file: &Path) -> Result<Scenario, Failure> {
        let scenario = self.scenario(file)?;
        Ok(match self.events {
            Some(_) => scenario,
            None => scenario.scaled(scenario.sim.events),
        })
    }

    /// Derives the plan that is to be run.
    pub fn plan(&self, file: &Path) -> Result<Plan, Failure> {
        let scenario = self.scenario(file)?;
        Plan::derive(
            &scenario,
            self.seed.unwrap_or_else(fresh_seed),
            self.environment,
        )
        .map_err(problems)
    }
}

/// All problems of a file as one failure.
pub fn problems(problems: Problems) -> Failure {
    Failure::bad_input(problems.to_string())
}

/// A seed for a run that names none: six digits at most, for people must be able to type it.
fn fresh_seed() -> u64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let mixed = (now.as_nanos() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    mixed % 1_000_000
}

//! One candidate: written, read back, run as often as it takes, judged.

use super::Signature;
use crate::cli::problems;
use crate::exit::Failure;
use crate::run::{self, RunOptions};
use crate::sweep::witnessed;
use crate::verdict;
use squall_check::Judgement;
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Disk, Draft, Request, Scenario, from_text};
use squall_render::Glyphs;
use squall_sim::Detail;
use std::path::PathBuf;

/// Runs candidates.
pub struct Trial {
    environment: Environment,
    /// The load is scaled to about so many events.
    pub events: Option<u64>,
    seed: u64,
    /// Where the smaller scenario will stand: candidates are read as if they stood there.
    pub file: PathBuf,
    pub tries: u64,
    /// So many of them must show the violation.
    pub needed: u64,
    /// Where runs outside the simulator leave their folders.
    out: PathBuf,
    pub runs: u64,
    pub runs_max: u64,
}

impl Trial {
    #[must_use]
    pub const fn new(plan: &Plan, environment: Environment, file: PathBuf, out: PathBuf) -> Self {
        Self {
            environment,
            events: plan.scaled_to,
            seed: plan.seed,
            file,
            tries: 1,
            needed: 1,
            out,
            runs: 0,
            runs_max: u64::MAX,
        }
    }

    /// # Errors
    /// When it is no scenario.
    pub fn scenario(&self, yaml: &str) -> Result<Scenario, Failure> {
        let name = self.file.display().to_string();
        let files = Disk::beside(&self.file);
        let read = from_text(&name, yaml, &Request::default(), &files);
        let scenario = read.map_err(problems)?;
        Ok(match self.events {
            Some(events) => scenario.scaled(events),
            None => scenario,
        })
    }

    /// The plan of a candidate.
    ///
    /// # Errors
    /// When it is no scenario, or not one for this environment.
    pub fn plan(&self, draft: &Draft, seed: u64) -> Result<Plan, Failure> {
        let scenario = self.scenario(&draft.to_yaml())?;
        Plan::derive(&scenario, seed, self.environment).map_err(problems)
    }

    /// The first plan that showed the violation, and how much of it. In the simulator each try has a seed of its own, for one seed
    /// gives one run; elsewhere each has another timing.
    pub fn seen(
        &mut self,
        draft: &Draft,
        signature: &Signature,
    ) -> Result<Option<(Plan, String)>, Failure> {
        let (mut first, mut count) = (None, 0);
        for number in 0..self.tries {
            if count + (self.tries - number) < self.needed {
                return Ok(None);
            }
            let drawn = draft.to_yaml().contains("nemesis:");
            let step = match self.environment {
                Environment::Sim if drawn && number > 0 => return Ok(None),
                Environment::Sim => number,
                Environment::Embedded | Environment::Docker | Environment::External => 0,
            };
            if self.runs >= self.runs_max {
                return Ok(None);
            }
            // A candidate that is no scenario, such as one whose faults now meet, shows nothing.
            let Ok(plan) = self.plan(draft, self.seed.wrapping_add(step)) else {
                return Ok(None);
            };
            self.runs += 1;
            let judgement = self.judged(&plan)?;
            if !signature.is_in(&judgement) {
                continue;
            }
            count += 1;
            let (plan, seen) = first.get_or_insert_with(|| (plan, signature.count(&judgement)));
            if count >= self.needed {
                self.seed = plan.seed;
                return Ok(Some((plan.clone(), std::mem::take(seen))));
            }
        }
        Ok(None)
    }

    /// From here on every candidate must show the violation about as reliably as this one does, up to half of the tries: what shows in
    /// one seed of many depends on times to the millisecond, and would not replay where those are others.
    ///
    /// # Errors
    /// What cannot be simulated.
    pub fn hold_to(&mut self, draft: &Draft, signature: &Signature) -> Result<(), Failure> {
        for wanted in (2..=self.tries / 2).rev() {
            self.needed = wanted;
            if self.seen(draft, signature)?.is_some() {
                return Ok(());
            }
        }
        self.needed = 1;
        Ok(())
    }

    fn judged(&self, plan: &Plan) -> Result<Judgement, Failure> {
        if plan.environment == Environment::Sim {
            let (witness, _) = witnessed(plan, Detail::Verdict, |_| {})?;
            return witness.judge(plan);
        }
        let options = RunOptions {
            metrics: Default::default(),
            out: self.out.clone(),
            live: false,
            glyphs: Glyphs::from_locale(None),
            keep: false,
        };
        let finished = run::run(plan, &options, &mut std::io::sink())?;
        if finished.interrupted {
            return Err(Failure::new(
                crate::exit::Exit::Inconclusive,
                "interrupted: nothing is shrunk",
            ));
        }
        Ok(verdict::judge(&finished.folder)?.judgement)
    }

    /// Writes the smaller scenario, and makes sure that it reads as the plan that was run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, draft: &Draft, original: &Plan, plan: &Plan) -> Result<(), Failure> {
        let embedded = plan.faults.iter().all(|fault| {
            let row = fault.kind;
            row.injectable_in(Environment::Embedded)
        });
        let beside = match self.environment {
            Environment::Sim if embedded => "   (or on embedded, where the timing may differ)",
            _ => "",
        };
        let yaml = format!(
            "# Shrunk from {} (seed {}, {}): the same violation with {} of {}.\n# Replay: squall scenario {}{}{} --seed {}{beside}\n{}",
            original.file,
            original.seed,
            original.environment.name(),
            plan.faults.len(),
            squall_check::counted(original.faults.len() as u64, "fault"),
            crate::cli::scenario_shown(&self.file),
            on(self.environment),
            self.events
                .map_or_else(String::new, |events| format!(" --events {events}")),
            plan.seed,
            draft.to_yaml(),
        );
        let again = Plan::derive(&self.scenario(&yaml)?, plan.seed, self.environment);
        let again = again.map_err(problems)?;
        if again.faults != plan.faults || again.loads != plan.loads {
            return Err(Failure::defect(
                "the smaller scenario does not read as it was run",
            ));
        }
        std::fs::write(&self.file, yaml).map_err(|error| {
            Failure::environment(format!("cannot write {}: {error}", self.file.display()))
        })
    }
}

/// ` --on sim`; nothing where it is the default.
#[must_use]
pub const fn on(environment: Environment) -> &'static str {
    match environment {
        Environment::Sim => " --on sim",
        Environment::Docker => " --on docker",
        Environment::External => " --on external",
        Environment::Embedded => "",
    }
}

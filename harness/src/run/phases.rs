//! The phases of a run on real processes: set-up, steady-state gate, load with faults, heal, drain, final read, tear-down.

use super::kept::Kept;
use super::pipeline::Context;
use super::{drain, invariants, load, steady, taps, traffic};
use crate::environment::network::End;
use crate::environment::{Environment, Site, docker, embedded, external};
use crate::exit::Failure;
use crate::faults::Schedule;
use squall_history::{Note, Phase, What};
use squall_load::{RunTimes, Target};
use squall_observe::{LagWatch, TapState, Taps};
use squall_plan::plan::Environment as Where;
use squall_plan::scenario::{Load, LoadEntry};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How the phases ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Complete,
    /// The user asked for an end; all that was begun was healed, drained and read.
    Interrupted,
}

/// The end of the phases.
pub struct Ended {
    pub outcome: Outcome,
    /// What was to be kept.
    pub kept: Option<Kept>,
}

/// Between the steady state and load clock 0, so that the dispatcher is in place.
const RUN_UP: Duration = Duration::from_millis(50);

/// What is up and running.
pub struct Running<'a> {
    pub context: &'a Context<'a>,
    pub env: Arc<dyn Environment>,
    pub taps: Taps,
    pub lag: LagWatch,
    pub times: RunTimes,
}

/// Runs the phases of one plan.
pub struct Phases<'a, 'o> {
    context: &'a Context<'a>,
    /// For plain lines; `None` when a live view has the terminal.
    out: Option<&'o mut dyn Write>,
}

impl<'a, 'o> Phases<'a, 'o> {
    pub fn new(context: &'a Context<'a>, out: Option<&'o mut dyn Write>) -> Self {
        Self { context, out }
    }

    /// Runs them all. `keep`: without the tear-down, if nobody interrupts.
    pub fn run(mut self, keep: bool) -> Result<Ended, Failure> {
        let running = self.phase(Phase::SetUp, Self::set_up)?;
        let supervisor = Arc::clone(&running.env);
        let _at_second = self.context.interrupt.at_second(move || {
            supervisor.supervisor().end_now();
        });
        self.phase(Phase::Steady, |_| steady::gate(&running))?;
        let schedule = if self.context.interrupt.is_requested() {
            None
        } else {
            Some(self.load(&running)?)
        };
        let env = Arc::clone(&running.env);
        self.phase(Phase::Drain, |_| drain::wait(&running))?;
        // A rebalance after a crash may come as late as the drain.
        if let Some(schedule) = schedule {
            schedule.finish();
        }
        traffic::check(self.context, &*env);
        self.phase(Phase::FinalRead, |_| final_read(running))?;
        if keep && !self.context.interrupt.is_requested() {
            return Ok(Ended {
                outcome: Outcome::Complete,
                kept: Some(Kept::new(self.context, env)),
            });
        }
        self.phase(Phase::TearDown, |phases| tear_down(phases.context, &*env))?;
        let outcome = if self.context.interrupt.is_requested() {
            Outcome::Interrupted
        } else {
            Outcome::Complete
        };
        Ok(Ended {
            outcome,
            kept: None,
        })
    }

    fn phase<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.say(&format!(
            "{:>8.3} s  {}",
            self.context.started.elapsed().as_secs_f64(),
            phase.title()
        ));
        self.context.notes.note(What::Phase {
            name: phase,
            began: true,
        });
        let result = work(self);
        self.context.notes.note(What::Phase {
            name: phase,
            began: false,
        });
        result
    }

    fn say(&mut self, line: &str) {
        if let Some(out) = &mut self.out {
            // Nobody may be reading any more, which is no reason to end a run.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    }

    fn set_up(&mut self) -> Result<Running<'a>, Failure> {
        let context = self.context;
        refuse_what_cannot_be(context)?;
        let site = self.site()?;
        let env: Arc<dyn Environment> = Arc::new(site);
        context.targets.placed(&env);
        context
            .recorder
            .counters()
            .ignore_stream(context.plan.probe_stream());
        let taps = taps::start(context, &*env)?;
        env.start_services()
            .map_err(|error| Failure::environment(error.to_string()))?;
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let since = context.started.elapsed();
        let started_unix_ns = u64::try_from(wall.saturating_sub(since).as_nanos()).unwrap_or(0);
        let times = RunTimes {
            start: context.started,
            started_unix_ns,
            load_zero_ns: 0,
        };
        let lag = taps::lag(context, &*env)?;
        Ok(Running {
            context,
            env,
            taps,
            lag,
            times,
        })
    }

    fn site(&mut self) -> Result<Site, Failure> {
        let (plan, folder) = (self.context.plan, self.context.folder.path());
        let notes = Arc::clone(&self.context.notes);
        let mut say = |line: &str| self.say(&format!("            {line}"));
        let site = match plan.environment {
            Where::Docker => docker::start(plan, folder, notes, &mut say),
            Where::External => external::start(plan, folder, notes, &mut say),
            Where::Embedded | Where::Sim => embedded::start(plan, folder, notes),
        };
        site.map_err(|error| Failure::environment(error.to_string()))
    }

    /// The load with its faults; the faults are healed when it ends. Consequences are looked for until the schedule is finished.
    fn load(&mut self, running: &Running<'_>) -> Result<Schedule, Failure> {
        let zero = Instant::now() + RUN_UP;
        let load_zero_ns =
            u64::try_from(zero.duration_since(self.context.started).as_nanos()).unwrap_or(0);
        self.say(&format!(
            "{:>8.3} s  load",
            self.context.started.elapsed().as_secs_f64()
        ));
        // The load clock's zero stands in the history, to the nanosecond.
        self.context.recorder.note(Note::new(
            load_zero_ns,
            What::Phase {
                name: Phase::Load,
                began: true,
            },
        ));
        let schedule = Schedule::start(
            &self.context.plan.faults,
            &running.env,
            &self.context.notes,
            zero,
        )
        .map_err(|error| {
            Failure::environment(format!("the faults cannot be scheduled: {error}"))
        })?;
        let sent = load::send(running, load_zero_ns, &schedule);
        self.context.notes.note(What::Phase {
            name: Phase::Load,
            began: false,
        });
        self.phase(Phase::Heal, |_| {
            schedule.heal();
            Ok(())
        })?;
        sent.map(|()| schedule)
    }
}

impl Running<'_> {
    pub fn now_ns(&self) -> u64 {
        self.times.now_ns()
    }

    /// Effects seen so far in a sink, probes included.
    pub fn seen(&self, sink: usize) -> u64 {
        self.taps.seen(u16::try_from(sink).unwrap_or(u16::MAX))
    }

    /// How a sink's tap stands, as a reason reads.
    pub fn tap_state(&self, sink: usize) -> String {
        let of_sink = |status: &squall_observe::TapStatus| usize::from(status.place) == sink;
        match self
            .taps
            .status()
            .into_iter()
            .find(of_sink)
            .map(|status| status.state)
        {
            Some(TapState::Waiting(what)) => format!("waiting for {what}"),
            Some(TapState::Failing(why)) => format!("failing: {why}"),
            Some(TapState::Watching) => "watching".to_owned(),
            Some(TapState::Starting | TapState::Done) | None => "not read yet".to_owned(),
        }
    }

    /// Where a load goes.
    ///
    /// # Errors
    /// When the load cannot have connections of its own to the brokers.
    pub fn target(&self, load: &Load) -> Result<Target, Failure> {
        Ok(match &load.entry {
            LoadEntry::Http { service, port, .. } => Target::Http {
                addresses: self.env.endpoints(service, port),
            },
            LoadEntry::Topic { .. } => {
                let mut settings = self.context.plan.cluster.client.clone();
                let bootstrap = self.env.network().bootstrap(&End::Load);
                settings.insert(
                    "bootstrap.servers".to_owned(),
                    bootstrap.map_err(Failure::environment)?,
                );
                Target::Topic { settings }
            }
        })
    }
}

/// A fault that cannot be injected ends the run before it begins.
fn refuse_what_cannot_be(context: &Context<'_>) -> Result<(), Failure> {
    for fault in &context.plan.faults {
        if let Some(why) = crate::faults::refusal(fault, context.plan.environment) {
            let message = format!(
                "{} cannot inject the fault {}: {why}",
                context.plan.environment.name(),
                fault.name
            );
            return Err(Failure::bad_input(message));
        }
    }
    Ok(())
}

/// The services stop first: nothing may add an effect behind the reader's back.
fn final_read(running: Running<'_>) -> Result<(), Failure> {
    let supervisor = running.env.supervisor();
    let replicas: Vec<_> = running
        .context
        .plan
        .system
        .spec
        .services
        .iter()
        .flat_map(|service| supervisor.replicas_of(&service.name))
        .collect();
    if let Err(error) = supervisor.stop(&replicas) {
        running.context.notes.note(What::Problem {
            source: "services".to_owned(),
            text: error.to_string(),
        });
    }
    taps::final_read(running.context, running.taps);
    invariants::evaluate(running.context, &*running.env);
    Ok(())
}

fn tear_down(context: &Context<'_>, env: &dyn Environment) -> Result<(), Failure> {
    match env.tear_down() {
        Ok(torn_down) if torn_down.swept.left.is_empty() => {}
        Ok(torn_down) => {
            let text = format!("processes outlived the run: {:?}", torn_down.swept.left);
            context.notes.note(What::Problem {
                source: "tear-down".to_owned(),
                text,
            });
        }
        Err(error) => context.notes.note(What::Problem {
            source: "tear-down".to_owned(),
            text: error.to_string(),
        }),
    }
    // Segment files are of use to the brokers only.
    let _ = std::fs::remove_dir_all(context.folder.data());
    Ok(())
}

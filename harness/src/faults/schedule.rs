//! Runs the faults of a plan at their times, each on a thread of its own, so that a slow one holds up no other.

use super::consequence::Watch;
use super::{FaultError, Injection, Resolved, inject, settle};
use crate::environment::Environment;
use crate::environment::notes::Notes;
use squall_history::{FaultState, What};
use squall_plan::fault::{Act, Fault};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often consequences are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The running faults of a plan. Dropping it heals everything.
pub struct Schedule {
    shared: Arc<Shared>,
    env: Arc<dyn Environment>,
    notes: Arc<dyn Notes>,
    load_starts: Instant,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    progress: Mutex<Progress>,
    changed: Condvar,
}

struct Progress {
    stage: Stage,
    /// Faults that are still to come or in force.
    open: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Running,
    /// No fault begins any more, those in force end at once; consequences are still looked for.
    Healing,
    Finished,
}

impl Schedule {
    /// Starts the timeline. `load_starts` is time 0 of the load clock.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(
        faults: &[Fault],
        env: &Arc<dyn Environment>,
        notes: &Arc<dyn Notes>,
        load_starts: Instant,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            progress: Mutex::new(Progress {
                stage: Stage::Running,
                open: 0,
            }),
            changed: Condvar::new(),
        });
        let schedule = Self {
            shared,
            env: Arc::clone(env),
            notes: Arc::clone(notes),
            load_starts,
            threads: Mutex::default(),
        };
        for fault in faults {
            schedule.add(fault)?;
        }
        Ok(schedule)
    }

    /// One fault more, at its time or at once when that has passed.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn add(&self, fault: &Fault) -> std::io::Result<()> {
        let task = Task {
            fault: fault.clone(),
            env: Arc::clone(&self.env),
            notes: Arc::clone(&self.notes),
            shared: Arc::clone(&self.shared),
            begins: self.load_starts + Duration::from_nanos(fault.at_ns),
        };
        self.shared.lock().open += 1;
        let thread = std::thread::Builder::new().name(format!("fault-{}", fault.name));
        match thread.spawn(move || task.run()) {
            Ok(thread) => {
                let threads = self.threads.lock();
                let mut threads = threads.unwrap_or_else(PoisonError::into_inner);
                threads.push(thread);
                Ok(())
            }
            Err(error) => {
                self.shared.lock().open -= 1;
                Err(error)
            }
        }
    }

    /// Ends all faults at once, lets no other begin, and returns when everything is healed. For the end of the load, and
    /// for Ctrl-C. Consequences are still looked for until [`Self::finish`].
    pub fn heal(&self) {
        self.shared.advance(Stage::Healing);
        let progress = self.shared.lock();
        let healed = |progress: &mut Progress| progress.open > 0;
        drop(self.shared.changed.wait_while(progress, healed));
    }

    /// Heals, and stops looking for consequences. The notes tell the rest: see [`super::fault_health`].
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.heal();
        self.shared.advance(Stage::Finished);
        let threads = self.threads.get_mut();
        let threads = threads.unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that panicked has healed while it unwound, and left no evidence: inconclusive.
            let _ = thread.join();
        }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, stage: Stage) {
        let mut progress = self.lock();
        progress.stage = progress.stage.max(stage);
        drop(progress);
        self.changed.notify_all();
    }

    /// Waits until a time (`None`: for ever) or a stage, whichever comes first; says whether it was the stage. Calls
    /// `look` now and then for as long as it wants that.
    fn wait(&self, until: Option<Instant>, stage: Stage, mut look: impl FnMut() -> bool) -> bool {
        loop {
            let looking = look();
            let progress = self.lock();
            if progress.stage >= stage {
                return true;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            let most = if looking { LOOK_EVERY } else { Duration::MAX };
            let at_most = left.unwrap_or(Duration::MAX).min(most);
            // Nothing to wait for but the next stage: an hour is as good as for ever, and no overflow.
            let at_most = at_most.min(Duration::from_secs(3600));
            drop(self.changed.wait_timeout(progress, at_most));
        }
    }
}

/// Tells the schedule that a fault is over, also when its thread panics.
struct Open<'a>(&'a Shared);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
        self.0.changed.notify_all();
    }
}

/// What is to be seen of a fault.
struct Signs {
    /// The bite as it was noted last.
    told: Option<String>,
    /// Note it again if it reads otherwise now.
    retell: bool,
    watch: Watch,
}

fn one_line(error: &FaultError) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("; ")
}

struct Task {
    fault: Fault,
    env: Arc<dyn Environment>,
    notes: Arc<dyn Notes>,
    shared: Arc<Shared>,
    begins: Instant,
}

impl Task {
    fn run(self) {
        let open = Open(&self.shared);
        if self
            .shared
            .wait(Some(self.begins), Stage::Healing, || false)
        {
            return self.note(
                FaultState::Failed,
                "the run ended before it began".to_owned(),
            );
        }
        let (mut injection, mut signs) = match self.begin() {
            Ok(begun) => begun,
            Err(error) => return self.note(FaultState::Failed, one_line(&error)),
        };
        let ends = self
            .fault
            .for_ns
            .map(|length| self.begins + Duration::from_nanos(length));
        let hindrance = self
            .hinders_others()
            .then(|| self.env.supervisor().hindered());
        self.stay(ends, &mut signs, &*injection);
        drop(hindrance);
        match injection.heal() {
            Ok(detail) => self.note(FaultState::Healed, detail),
            Err(error) => {
                let why = format!("it did not heal: {}", one_line(&error));
                self.note(FaultState::Failed, why);
            }
        }
        // How much it met is known only now.
        signs.retell = true;
        self.look(&mut signs, &*injection);
        drop(open);
        if signs.watch.is_waiting() {
            self.shared
                .wait(None, Stage::Finished, || self.look(&mut signs, &*injection));
            self.look(&mut signs, &*injection);
        }
    }

    /// Whether it may keep a process from being ready that another fault has ended. Those that start processes themselves wait for them
    /// while they are in force.
    fn hinders_others(&self) -> bool {
        !matches!(
            self.fault.kind.row().act,
            Act::Deploy | Act::Scale | Act::SlowStart | Act::Events(_)
        )
    }

    /// Waits until the fault has to heal: its time is up, the load has ended, or it is over by itself.
    fn stay(&self, ends: Option<Instant>, signs: &mut Signs, injection: &dyn Injection) {
        loop {
            let turn = match injection.is_over() {
                Some(true) => return,
                Some(false) => Some(Instant::now() + LOOK_EVERY),
                None => None,
            };
            let until = turn.into_iter().chain(ends).min();
            let healing = self
                .shared
                .wait(until, Stage::Healing, || self.look(signs, injection));
            if healing || until == ends {
                return;
            }
        }
    }

    fn begin(&self) -> Result<(Box<dyn Injection>, Signs), FaultError> {
        let on: Resolved = settle(&self.fault, &*self.env)?;
        let watch = Watch::new(&self.fault, &on, &*self.env);
        self.note(
            FaultState::Injected,
            format!("{} {on}", self.fault.kind.name()),
        );
        let injection = inject(&self.fault, &on, &self.env)?;
        let mut signs = Signs {
            told: None,
            retell: false,
            watch,
        };
        self.look(&mut signs, &*injection);
        Ok((injection, signs))
    }

    /// Notes what is new, and says whether there is more to look for.
    fn look(&self, signs: &mut Signs, injection: &dyn Injection) -> bool {
        if signs.told.is_none() || std::mem::take(&mut signs.retell) {
            let bite = injection.bite();
            if let Some(bite) = bite.filter(|bite| signs.told.as_ref() != Some(bite)) {
                let text = format!("{}: {bite}", super::health::BIT);
                self.note(FaultState::Evidence, text);
                signs.told = Some(bite);
            }
        }
        for text in signs.watch.look(&*self.env, injection) {
            self.note(FaultState::Evidence, text);
        }
        signs.told.is_none() || signs.watch.is_waiting()
    }

    fn note(&self, state: FaultState, detail: String) {
        self.notes.note(What::Fault {
            name: self.fault.name.clone(),
            state,
            detail,
        });
    }
}

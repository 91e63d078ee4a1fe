//! Virtual time: events by (time, sequence), and tasks that run between them.

mod executor;
mod queue;
mod shelf;
mod signal;
#[cfg(test)]
mod tests;
mod trace;
mod turns;

pub use executor::ProcessId;
pub use queue::Timer;
pub use signal::{Pledge, Signal, promise};
pub use trace::Trace;

use crate::occurrence::Occurrence;
use executor::Executor;
use queue::EventQueue;
use shelf::Shelf;
use squall_plan::rng::{Rng, Streams};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use turns::TaskId;

/// Nanoseconds of virtual time.
pub type Nanos = u64;

pub const MS: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000 * MS;

/// Why the world stopped before its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// Nothing will ever happen again.
    Idle,
    /// Virtual time passed its limit.
    Limit,
}

enum Action {
    Wake(TaskId),
    Call(Box<dyn FnOnce()>),
    /// By its place on the shelf: a queue that holds waking and happening moves little.
    Happen(u32),
}

/// A random stream that was drawn from. There are a handful, and the busiest, the network's, is among the first.
struct Drawn {
    purpose: &'static str,
    index: u64,
    rng: Rng,
}

/// The clock, the events to come, the tasks and the random streams.
pub struct Kernel {
    now: Cell<Nanos>,
    events: RefCell<EventQueue<Action>>,
    shelf: RefCell<Shelf<Occurrence>>,
    executor: Executor,
    streams: Streams,
    drawn: RefCell<Vec<Drawn>>,
    trace: Cell<Trace>,
    dispatched: Cell<u64>,
}

impl Kernel {
    #[must_use]
    pub fn new(seed: u64) -> Rc<Self> {
        Rc::new(Self {
            now: Cell::new(0),
            events: RefCell::default(),
            shelf: RefCell::default(),
            executor: Executor::default(),
            streams: Streams::new(seed),
            drawn: RefCell::default(),
            trace: Cell::new(Trace::new(seed)),
            dispatched: Cell::new(0),
        })
    }

    #[must_use]
    pub fn now(&self) -> Nanos {
        self.now.get()
    }

    /// Events that have happened.
    #[must_use]
    pub fn dispatched(&self) -> u64 {
        self.dispatched.get()
    }

    /// Rolling hash over everything that has happened.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.trace.get().hash()
    }

    /// Folds something that was observed into the trace.
    pub fn observe(&self, what: u64) {
        self.trace_with(|trace| trace.fold(what));
    }

    fn trace_with(&self, act: impl FnOnce(&mut Trace)) {
        let mut trace = self.trace.get();
        act(&mut trace);
        self.trace.set(trace);
    }

    /// Does something at a time; not before what is already planned for then.
    pub fn at(&self, at: Nanos, action: impl FnOnce() + 'static) {
        let at = at.max(self.now());
        self.events
            .borrow_mut()
            .push(at, Action::Call(Box::new(action)));
    }

    /// As [`Kernel::at`], for what happens all the time: a value that moves, instead of a box.
    pub fn plan(&self, at: Nanos, what: Occurrence) -> Timer {
        let at = at.max(self.now());
        let place = self.shelf.borrow_mut().put(what);
        self.events.borrow_mut().push(at, Action::Happen(place))
    }

    /// What was planned will not happen, unless it did already.
    pub fn call_off(&self, timer: Timer) {
        let called_off = self.events.borrow_mut().call_off(timer);
        if let Some(Action::Happen(place)) = called_off {
            let what = self.shelf.borrow_mut().take(place);
            drop(what);
        }
    }

    #[must_use]
    pub fn sleep(self: &Rc<Self>, for_ns: Nanos) -> Sleep {
        self.sleep_until(self.now().saturating_add(for_ns))
    }

    #[must_use]
    pub fn sleep_until(self: &Rc<Self>, until: Nanos) -> Sleep {
        Sleep {
            kernel: Rc::clone(self),
            until,
            timer: None,
        }
    }

    pub fn spawn(&self, process: ProcessId, task: impl Future<Output = ()> + 'static) {
        self.executor.spawn(process, Box::pin(task));
    }

    /// Drops all tasks of a process where they stand.
    pub fn end_process(&self, process: ProcessId) {
        self.executor.end_process(process);
    }

    /// The process lives on, and does nothing until [`Kernel::resume_process`].
    pub fn pause_process(&self, process: ProcessId) {
        self.executor.pause(process);
    }

    pub fn resume_process(&self, process: ProcessId) {
        self.executor.resume(process);
    }

    /// Drops everything that could still hold on to the world.
    pub fn end_all(&self) {
        self.executor.end_all();
        let left = (self.events.take(), self.shelf.take());
        drop(left);
    }

    /// The stream for a purpose, for whoever draws so often that it keeps it. Nobody else may draw from it.
    #[must_use]
    pub fn stream(&self, purpose: &str, index: u64) -> Rng {
        self.streams.stream(purpose, index)
    }

    /// 64 random bits of the stream for this purpose.
    pub fn random(&self, purpose: &'static str, index: u64) -> u64 {
        self.with_stream(purpose, index, Rng::next_u64)
    }

    /// Uniform in `0..bound`.
    pub fn below(&self, purpose: &'static str, index: u64, bound: u64) -> u64 {
        self.with_stream(purpose, index, |rng| rng.below(bound))
    }

    fn with_stream<T>(
        &self,
        purpose: &'static str,
        index: u64,
        draw: impl FnOnce(&mut Rng) -> T,
    ) -> T {
        let mut drawn = self.drawn.borrow_mut();
        // One text is mostly at one place, and then need not be compared.
        let same = |known: &'static str| std::ptr::eq(known, purpose) || known == purpose;
        let is = |known: &Drawn| known.index == index && same(known.purpose);
        let at = drawn.iter().position(is).unwrap_or_else(|| {
            drawn.push(Drawn {
                purpose,
                index,
                rng: self.streams.stream(purpose, index),
            });
            drawn.len() - 1
        });
        draw(&mut drawn[at].rng)
    }

    /// Runs until `done`, handing on what was planned as a value, or says why it cannot get there.
    ///
    /// # Errors
    /// Nothing is planned any more, or time passes `limit`.
    pub fn run(
        &self,
        limit: Nanos,
        happen: impl Fn(Occurrence),
        done: impl Fn() -> bool,
    ) -> Result<(), Stopped> {
        loop {
            self.executor.run_ready();
            if done() {
                return Ok(());
            }
            let event = self.events.borrow_mut().pop();
            let Some((at, sequence, action)) = event else {
                return Err(Stopped::Idle);
            };
            if at > limit {
                return Err(Stopped::Limit);
            }
            self.now.set(at);
            self.dispatched.set(self.dispatched.get() + 1);
            self.trace_with(|trace| trace.event(at, sequence));
            match action {
                Action::Wake(id) => self.executor.turns.wake(id),
                Action::Call(call) => call(),
                Action::Happen(place) => {
                    let what = self.shelf.borrow_mut().take(place);
                    what.into_iter().for_each(&happen);
                }
            }
        }
    }
}

/// Ends at a time. Dropped before, it leaves nothing behind: most sleeps are time-outs that are not needed.
pub struct Sleep {
    kernel: Rc<Kernel>,
    until: Nanos,
    timer: Option<Timer>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.kernel.now() >= self.until {
            return Poll::Ready(());
        }
        if self.timer.is_none() {
            let wake = Action::Wake(self.kernel.executor.turns.current());
            let timer = self.kernel.events.borrow_mut().push(self.until, wake);
            self.timer = Some(timer);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.kernel.call_off(timer);
        }
    }
}

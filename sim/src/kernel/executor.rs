//! Tasks of simulated processes, polled one at a time in the order in which they were woken.

use super::turns::{TaskId, Turns};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

/// One start of one simulated process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProcessId(pub u32);

type Future_ = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
pub(super) struct Executor {
    tasks: RefCell<Tasks>,
    pub turns: Rc<Turns>,
    /// Those that are being polled in turn; empty between.
    turn: RefCell<Vec<TaskId>>,
    paused: RefCell<BTreeSet<ProcessId>>,
    /// Tasks of paused processes whose turn it was meanwhile, in order.
    missed: RefCell<Vec<TaskId>>,
}

#[derive(Default)]
struct Tasks {
    spawned: u64,
    slots: Vec<Option<Task>>,
    free: Vec<u32>,
}

struct Task {
    id: TaskId,
    process: ProcessId,
    /// Its number among all that were spawned.
    number: u64,
    /// Out while it is being polled.
    future: Option<Future_>,
}

impl Tasks {
    fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        let task = self.slots.get_mut(id.slot as usize)?;
        task.as_mut().filter(|task| task.id == id)
    }

    fn free_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // Memory ends long before numbers of 32 bits do.
            (self.slots.len() - 1) as u32
        })
    }

    fn take(&mut self, slot: u32, turns: &Turns) -> Option<Task> {
        let task = self.slots.get_mut(slot as usize)?.take()?;
        turns.leave(slot);
        self.free.push(slot);
        Some(task)
    }

    /// Those that are ended, in the order in which they were spawned: what they drop may act on the world.
    fn end(&mut self, turns: &Turns, ends: impl Fn(&Task) -> bool) -> Vec<Task> {
        let slots = (0..).zip(&self.slots);
        let ended: Vec<u32> = slots
            .filter(|(_, task)| task.as_ref().is_some_and(&ends))
            .map(|(slot, _)| slot)
            .collect();
        let taken = ended.into_iter().filter_map(|slot| self.take(slot, turns));
        let mut tasks: Vec<Task> = taken.collect();
        tasks.sort_unstable_by_key(|task| task.number);
        tasks
    }
}

impl Executor {
    pub fn spawn(&self, process: ProcessId, future: Future_) {
        let mut tasks = self.tasks.borrow_mut();
        let slot = tasks.free_slot();
        let id = self.turns.enter(slot);
        tasks.spawned += 1;
        let number = tasks.spawned;
        tasks.slots[slot as usize] = Some(Task {
            id,
            process,
            number,
            future: Some(future),
        });
        self.turns.wake(id);
    }

    /// Polls until no task is ready.
    pub fn run_ready(&self) {
        while self.turns.is_anyone() {
            // Those that are woken meanwhile come after these: it is one queue, taken from in pieces.
            let mut turn = self.turn.take();
            self.turns.swap(&mut turn);
            for id in turn.drain(..) {
                self.poll(id);
            }
            self.turn.replace(turn);
        }
    }

    fn poll(&self, id: TaskId) {
        let taken = {
            let mut tasks = self.tasks.borrow_mut();
            let task = tasks.get_mut(id);
            if let Some(task) = &task
                && self.paused.borrow().contains(&task.process)
            {
                return self.missed.borrow_mut().push(id);
            }
            task.and_then(|task| task.future.take())
        };
        let Some(mut future) = taken else {
            return;
        };
        self.turns.begin(id);
        let mut context = Context::from_waker(Waker::noop());
        let done = future.as_mut().poll(&mut context).is_ready();
        let mut tasks = self.tasks.borrow_mut();
        let ended = match tasks.get_mut(id) {
            Some(task) if !done => {
                task.future = Some(future);
                return;
            }
            Some(_) => tasks.take(id.slot, &self.turns),
            None => None,
        };
        // What a future drops may reach back here.
        drop(tasks);
        drop(future);
        drop(ended);
    }

    /// Nobody of this process has a turn from now on.
    pub fn pause(&self, process: ProcessId) {
        self.paused.borrow_mut().insert(process);
    }

    /// Everybody of this process whose turn it was meanwhile has one now.
    pub fn resume(&self, process: ProcessId) {
        self.paused.borrow_mut().remove(&process);
        let mut tasks = self.tasks.borrow_mut();
        self.missed.borrow_mut().retain(|id| {
            let task = tasks.get_mut(*id);
            let is_others = task.is_some_and(|task| task.process != process);
            if !is_others {
                self.turns.wake_again(*id);
            }
            is_others
        });
    }

    pub fn end_process(&self, process: ProcessId) {
        let is_its = |task: &Task| task.process == process;
        let ended = self.tasks.borrow_mut().end(&self.turns, is_its);
        drop(ended);
    }

    pub fn end_all(&self) {
        let all = self.tasks.borrow_mut().end(&self.turns, |_| true);
        drop(all);
    }
}

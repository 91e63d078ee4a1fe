//! Tasks of simulated processes, polled one at a time in the order in which they were woken.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

/// One start of one simulated process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProcessId(pub u32);

/// Where a task is kept, and how many were kept there before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct TaskId {
    slot: u32,
    generation: u32,
}

type Future_ = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
pub(super) struct Executor {
    tasks: RefCell<Tasks>,
    ready: Arc<Ready>,
    /// Those that are being polled in turn; empty between.
    turn: RefCell<Vec<TaskId>>,
}

/// Tasks that were woken, in order. Behind a lock only because `Waker` asks for it; there is one thread.
#[derive(Default)]
struct Ready {
    tasks: Mutex<Vec<TaskId>>,
    any: AtomicBool,
}

#[derive(Default)]
struct Tasks {
    spawned: u64,
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    task: Option<Task>,
}

struct Task {
    process: ProcessId,
    /// Its number among all that were spawned.
    number: u64,
    /// Out while it is being polled, with its waker.
    future: Option<(Future_, Waker)>,
    queued: Arc<TaskWaker>,
}

struct TaskWaker {
    id: TaskId,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Vec<TaskId>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TaskWaker {
    fn queue(&self) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.lock().push(self.id);
            self.ready.any.store(true, Ordering::Relaxed);
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.queue();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.queue();
    }
}

impl Tasks {
    fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        slot.task
            .as_mut()
            .filter(|_| slot.generation == id.generation)
    }

    fn place(&mut self) -> TaskId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            // Memory ends long before numbers of 32 bits do.
            (self.slots.len() - 1) as u32
        });
        let generation = self.slots[slot as usize].generation;
        TaskId { slot, generation }
    }

    fn take(&mut self, slot: u32) -> Option<Task> {
        let place = self.slots.get_mut(slot as usize)?;
        let task = place.task.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        Some(task)
    }

    /// Those that are ended, in the order in which they were spawned: what they drop may act on the world.
    fn end(&mut self, ends: impl Fn(&Task) -> bool) -> Vec<Task> {
        let is_ended = |slot: &Slot| slot.task.as_ref().is_some_and(&ends);
        let slots = (0..).zip(&self.slots);
        let ended: Vec<u32> = slots
            .filter(|(_, slot)| is_ended(slot))
            .map(|(index, _)| index)
            .collect();
        let taken = ended.into_iter().filter_map(|slot| self.take(slot));
        let mut tasks: Vec<Task> = taken.collect();
        tasks.sort_unstable_by_key(|task| task.number);
        tasks
    }
}

impl Executor {
    pub fn spawn(&self, process: ProcessId, future: Future_) {
        let mut tasks = self.tasks.borrow_mut();
        let id = tasks.place();
        let queued = Arc::new(TaskWaker {
            id,
            queued: AtomicBool::new(false),
            ready: Arc::clone(&self.ready),
        });
        queued.queue();
        tasks.spawned += 1;
        let task = Task {
            process,
            number: tasks.spawned,
            future: Some((future, Waker::from(Arc::clone(&queued)))),
            queued,
        };
        tasks.slots[id.slot as usize].task = Some(task);
    }

    /// Polls until no task is ready.
    pub fn run_ready(&self) {
        while self.ready.any.swap(false, Ordering::Relaxed) {
            // Those that are woken meanwhile come after these: it is one queue, taken from in pieces.
            let mut turn = self.turn.take();
            std::mem::swap(&mut turn, &mut *self.ready.lock());
            for id in turn.drain(..) {
                self.poll(id);
            }
            self.turn.replace(turn);
        }
    }

    fn poll(&self, id: TaskId) {
        let taken = self.tasks.borrow_mut().get_mut(id).and_then(|task| {
            task.queued.queued.store(false, Ordering::Relaxed);
            task.future.take()
        });
        let Some((mut future, waker)) = taken else {
            return;
        };
        let done = future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready();
        let mut tasks = self.tasks.borrow_mut();
        let ended = match tasks.get_mut(id) {
            Some(task) if !done => {
                task.future = Some((future, waker));
                return;
            }
            Some(_) => tasks.take(id.slot),
            None => None,
        };
        // What a future drops may reach back here.
        drop(tasks);
        drop((future, waker));
        drop(ended);
    }

    pub fn end_process(&self, process: ProcessId) {
        let ended = self.tasks.borrow_mut().end(|task| task.process == process);
        drop(ended);
    }

    pub fn end_all(&self) {
        let all = self.tasks.borrow_mut().end(|_| true);
        drop(all);
    }
}

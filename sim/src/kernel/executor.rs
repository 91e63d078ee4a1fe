//! Tasks of simulated processes, polled one at a time in the order in which they were woken.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// One start of one simulated process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProcessId(pub u32);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TaskId(u64);

type Future_ = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
pub(super) struct Executor {
    tasks: RefCell<Tasks>,
    /// Behind a lock only because `Waker` asks for it; there is one thread.
    ready: Arc<Mutex<VecDeque<TaskId>>>,
}

#[derive(Default)]
struct Tasks {
    last: u64,
    all: BTreeMap<TaskId, Task>,
}

struct Task {
    process: ProcessId,
    /// Out while it is being polled.
    future: Option<Future_>,
    waker: Arc<TaskWaker>,
}

struct TaskWaker {
    id: TaskId,
    queued: AtomicBool,
    ready: Arc<Mutex<VecDeque<TaskId>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            ready.push_back(self.id);
        }
    }
}

impl Executor {
    pub fn spawn(&self, process: ProcessId, future: Future_) -> TaskId {
        let mut tasks = self.tasks.borrow_mut();
        tasks.last += 1;
        let id = TaskId(tasks.last);
        let waker = Arc::new(TaskWaker {
            id,
            queued: AtomicBool::new(false),
            ready: Arc::clone(&self.ready),
        });
        let task = Task {
            process,
            future: Some(future),
            waker: Arc::clone(&waker),
        };
        tasks.all.insert(id, task);
        drop(tasks);
        waker.wake();
        id
    }

    /// Polls until no task is ready.
    pub fn run_ready(&self) {
        loop {
            let next = self
                .ready
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(id) = next else {
                return;
            };
            self.poll(id);
        }
    }

    fn poll(&self, id: TaskId) {
        let taken = self.tasks.borrow_mut().all.get_mut(&id).and_then(|task| {
            task.waker.queued.store(false, Ordering::Relaxed);
            Some((task.future.take()?, Waker::from(Arc::clone(&task.waker))))
        });
        let Some((mut future, waker)) = taken else {
            return;
        };
        let done = future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready();
        let mut tasks = self.tasks.borrow_mut();
        if done {
            tasks.all.remove(&id);
        } else if let Some(task) = tasks.all.get_mut(&id) {
            task.future = Some(future);
            return;
        }
        // What a future drops may reach back here.
        drop(tasks);
        drop(future);
    }

    pub fn end_process(&self, process: ProcessId) {
        let mut tasks = self.tasks.borrow_mut();
        let all = std::mem::take(&mut tasks.all);
        let (ended, going): (BTreeMap<_, _>, BTreeMap<_, _>) = all
            .into_iter()
            .partition(|(_, task)| task.process == process);
        tasks.all = going;
        drop(tasks);
        drop(ended);
    }

    pub fn end_all(&self) {
        let all = std::mem::take(&mut self.tasks.borrow_mut().all);
        drop(all);
    }
}

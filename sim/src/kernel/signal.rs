//! How tasks wait for each other.

use super::Kernel;
use super::turns::{TaskId, Turns};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Wakes all who wait. Waiters look at what they wait for themselves, as with a condition variable.
pub struct Signal {
    turns: Rc<Turns>,
    generation: Cell<u64>,
    waiting: RefCell<Vec<TaskId>>,
}

impl Signal {
    #[must_use]
    pub fn new(kernel: &Kernel) -> Self {
        Self {
            turns: Rc::clone(&kernel.executor.turns),
            generation: Cell::new(0),
            waiting: RefCell::default(),
        }
    }

    pub fn raise(&self) {
        self.generation.set(self.generation.get() + 1);
        // To wake is to queue a task: nobody comes back here meanwhile.
        let mut waiting = self.waiting.borrow_mut();
        waiting.drain(..).for_each(|id| self.turns.wake(id));
    }

    /// Ends at the next [`Signal::raise`] after this call.
    #[must_use]
    pub fn wait(&self) -> Raised<'_> {
        Raised {
            signal: self,
            seen: self.generation.get(),
        }
    }

    /// Ends when `condition` holds, looked at now and after every raise.
    pub async fn until(&self, condition: impl Fn() -> bool) {
        loop {
            let raised = self.wait();
            if condition() {
                return;
            }
            raised.await;
        }
    }
}

pub struct Raised<'a> {
    signal: &'a Signal,
    seen: u64,
}

impl Future for Raised<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.signal.generation.get() != self.seen {
            return Poll::Ready(());
        }
        let mut waiting = self.signal.waiting.borrow_mut();
        let current = self.signal.turns.current();
        // Whoever gives up waiting and begins anew is here already.
        if waiting.last() != Some(&current) {
            waiting.push(current);
        }
        Poll::Pending
    }
}

struct Slot<T> {
    turns: Rc<Turns>,
    value: Option<T>,
    broken: bool,
    waiting: Option<TaskId>,
}

/// The end that will give a value, or break its promise by being dropped.
pub struct Pledge<T>(Rc<RefCell<Slot<T>>>);

/// A value that is to come. `None`: it never will.
pub struct Promise<T>(Rc<RefCell<Slot<T>>>);

#[must_use]
pub fn promise<T>(kernel: &Kernel) -> (Pledge<T>, Promise<T>) {
    let slot = Rc::new(RefCell::new(Slot {
        turns: Rc::clone(&kernel.executor.turns),
        value: None,
        broken: false,
        waiting: None,
    }));
    (Pledge(Rc::clone(&slot)), Promise(slot))
}

impl<T> Pledge<T> {
    pub fn keep(self, value: T) {
        self.0.borrow_mut().value = Some(value);
    }
}

impl<T> Drop for Pledge<T> {
    fn drop(&mut self) {
        let mut slot = self.0.borrow_mut();
        slot.broken = true;
        if let Some(id) = slot.waiting.take() {
            slot.turns.wake(id);
        }
    }
}

impl<T> Future for Promise<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.borrow_mut();
        if let Some(value) = slot.value.take() {
            return Poll::Ready(Some(value));
        }
        if slot.broken {
            return Poll::Ready(None);
        }
        slot.waiting = Some(slot.turns.current());
        Poll::Pending
    }
}

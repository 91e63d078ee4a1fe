//! How tasks wait for each other.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Wakes all who wait. Waiters look at what they wait for themselves, as with a condition variable.
#[derive(Default)]
pub struct Signal {
    generation: Cell<u64>,
    wakers: RefCell<Vec<Waker>>,
}

impl Signal {
    pub fn raise(&self) {
        self.generation.set(self.generation.get() + 1);
        // To wake is to queue a task: nobody comes back here meanwhile.
        self.wakers.borrow_mut().drain(..).for_each(Waker::wake);
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

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.signal.generation.get() != self.seen {
            return Poll::Ready(());
        }
        let mut wakers = self.signal.wakers.borrow_mut();
        let waker = context.waker();
        // Whoever gives up waiting and begins anew is here already.
        if !wakers.last().is_some_and(|last| last.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        Poll::Pending
    }
}

struct Slot<T> {
    value: Option<T>,
    broken: bool,
    waker: Option<Waker>,
}

/// The end that will give a value, or break its promise by being dropped.
pub struct Pledge<T>(Rc<RefCell<Slot<T>>>);

/// A value that is to come. `None`: it never will.
pub struct Promise<T>(Rc<RefCell<Slot<T>>>);

#[must_use]
pub fn promise<T>() -> (Pledge<T>, Promise<T>) {
    let slot = Rc::new(RefCell::new(Slot {
        value: None,
        broken: false,
        waker: None,
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
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.broken = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Promise<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.borrow_mut();
        if let Some(value) = slot.value.take() {
            return Poll::Ready(Some(value));
        }
        if slot.broken {
            return Poll::Ready(None);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

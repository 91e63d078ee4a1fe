//! What became of messages: filled from librdkafka's poll thread, emptied by the handler.

use squall_env::{Outcome, Ticket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Outcomes {
    ready: Mutex<Vec<(Ticket, Outcome)>>,
    arrived: Notify,
}

impl Outcomes {
    pub(crate) fn push(&self, ticket: Ticket, outcome: Outcome) {
        let mut ready = lock(&self.ready);
        ready.push((ticket, outcome));
        if ready.len() == 1 {
            self.arrived.notify_one();
        }
    }

    pub(crate) async fn wait(&self, into: &mut Vec<(Ticket, Outcome)>) -> usize {
        loop {
            {
                let mut ready = lock(&self.ready);
                if !ready.is_empty() {
                    let count = ready.len();
                    into.append(&mut ready);
                    return count;
                }
            }
            self.arrived.notified().await;
        }
    }
}

/// The list is whole after every statement under the lock, so a panic elsewhere leaves nothing torn.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What the bus was seen to do, kept for those who must prove that a fault had consequences.

pub use squall_plan::fault::Happening;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rebalances and elections are rare; a bus gone mad shall not fill the memory.
const KEPT_AT_MOST: usize = 100_000;

/// Everything that happened, in the order in which it was seen.
#[derive(Default)]
pub struct Happenings {
    seen: Mutex<Vec<Happening>>,
}

impl Happenings {
    pub fn saw(&self, happening: Happening) {
        let mut seen = self.lock();
        if seen.len() < KEPT_AT_MOST {
            seen.push(happening);
        }
    }

    /// A place in the order: all that comes from now on is after it.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.lock().len()
    }

    /// The first after `mark` that satisfies a condition.
    pub fn find_after(
        &self,
        mark: usize,
        condition: impl Fn(&Happening) -> bool,
    ) -> Option<Happening> {
        self.lock()
            .iter()
            .skip(mark)
            .find(|happening| condition(happening))
            .cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Happening>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

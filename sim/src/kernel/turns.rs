//! Whose turn it is: tasks that were woken, in order.
//!
//! A task waits by leaving its id with what it waits for. All futures of the simulated world are of this kernel, so that no `Waker` is
//! needed: one must be able to cross threads, and pays for that each time.

use std::cell::{Cell, RefCell};

/// Where a task is kept, and how many were kept there before.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct TaskId {
    pub slot: u32,
    generation: u32,
}

#[derive(Clone, Copy, Default)]
struct Place {
    generation: u32,
    queued: bool,
}

#[derive(Default)]
pub(super) struct Turns {
    queue: RefCell<Vec<TaskId>>,
    /// By slot.
    places: RefCell<Vec<Place>>,
    current: Cell<TaskId>,
}

impl Turns {
    /// A task is kept in this slot from now on.
    pub fn enter(&self, slot: u32) -> TaskId {
        let mut places = self.places.borrow_mut();
        if places.len() <= slot as usize {
            places.resize(slot as usize + 1, Place::default());
        }
        let generation = places[slot as usize].generation;
        TaskId { slot, generation }
    }

    /// The task in this slot is there no longer: whoever wakes it wakes nobody.
    pub fn leave(&self, slot: u32) {
        let place = &mut self.places.borrow_mut()[slot as usize];
        place.generation = place.generation.wrapping_add(1);
        place.queued = false;
    }

    pub fn wake(&self, id: TaskId) {
        let place = &mut self.places.borrow_mut()[id.slot as usize];
        if place.generation == id.generation && !place.queued {
            place.queued = true;
            self.queue.borrow_mut().push(id);
        }
    }

    /// Whoever was in the queue and did not have a turn is in it again.
    pub fn wake_again(&self, id: TaskId) {
        if let Some(place) = self.places.borrow_mut().get_mut(id.slot as usize)
            && place.generation == id.generation
        {
            place.queued = false;
        }
        self.wake(id);
    }

    pub fn is_anyone(&self) -> bool {
        !self.queue.borrow().is_empty()
    }

    /// Takes out who is there, for the empty list that is given.
    pub fn swap(&self, empty: &mut Vec<TaskId>) {
        std::mem::swap(empty, &mut *self.queue.borrow_mut());
    }

    /// It is the turn of this one, which may be woken again from now on.
    pub fn begin(&self, id: TaskId) {
        self.places.borrow_mut()[id.slot as usize].queued = false;
        self.current.set(id);
    }

    /// Who is being polled.
    pub fn current(&self) -> TaskId {
        self.current.get()
    }
}

//! How the server treats mails, and what met that.

use squall_plan::rng::{Rng, Streams};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the server is disposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mood {
    #[default]
    Ready,
    /// Each mail is answered this much later.
    Slow(Duration),
    /// So many of a thousand mails are answered 451.
    Busy { per_mille: u32 },
}

/// Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Met {
    /// Mails that were filed.
    pub filed: u64,
    /// Mails whose answer was held up.
    pub held_up: u64,
    /// Mails that were answered 451.
    pub refused: u64,
}

/// What to do with the next mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Take,
    TakeLater(Duration),
    Refuse,
}

pub(super) struct Moods(Mutex<State>);

struct State {
    mood: Mood,
    met: Met,
    rng: Rng,
}

impl Moods {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            mood: Mood::Ready,
            met: Met::default(),
            rng: Streams::new(seed).stream("mail-server", 0),
        }))
    }

    pub fn set(&self, mood: Mood) {
        self.lock().mood = mood;
    }

    pub fn met(&self) -> Met {
        self.lock().met
    }

    /// Draws and counts.
    pub fn turn(&self) -> Turn {
        let mut guard = self.lock();
        let state = &mut *guard;
        match state.mood {
            Mood::Ready => Turn::Take,
            Mood::Slow(by) => {
                state.met.held_up += 1;
                Turn::TakeLater(by)
            }
            Mood::Busy { per_mille } if state.rng.below(1000) < u64::from(per_mille) => {
                state.met.refused += 1;
                Turn::Refuse
            }
            Mood::Busy { .. } => Turn::Take,
        }
    }

    pub fn filed(&self) {
        self.lock().met.filed += 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

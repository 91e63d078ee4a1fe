//! What the user chose to look at, and what keys mean.

mod keys;
mod pane;
mod prompt;

pub use pane::Pane;
pub use prompt::{Prompt, Trouble};

use crate::board::Board;
use squall_check::EventId;
use squall_plan::fault::Target;

/// What is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// A run as it goes on; whether trouble can be caused by hand.
    Live { by_hand: bool },
    /// A stored run.
    Watch,
}

/// What a user asked for by a key.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// An orderly end of the run; in a replay, the end of it.
    Stop,
    /// Ctrl-C, which comes as a key in raw mode.
    Interrupt,
    /// Tell the story of an event; the answer goes to [`App::tell`].
    Inspect {
        event: EventId,
        /// Index of the sink that the story is about.
        sink: usize,
    },
    Cause {
        trouble: Trouble,
        target: Target,
    },
    /// More load (true) or less.
    Load(bool),
    /// Of a replay.
    Pause,
    /// Of a replay: faster (true) or slower.
    Speed(bool),
    /// Of a replay, by so many seconds.
    Seek(i64),
}

/// A story that is looked at.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct StoryView {
    pub event: EventId,
    pub title: String,
    /// `None`: it is being read.
    pub lines: Option<Vec<String>>,
    pub scroll: usize,
}

/// The state of the view; it holds nothing of the run but the board it froze.
pub struct App {
    pub(crate) mode: Mode,
    pub(crate) focus: Pane,
    pub(crate) zoomed: bool,
    pub(crate) help: bool,
    pub(crate) frozen: Option<Box<Board>>,
    /// By pane: rows from the top; of the events: rows from the end.
    pub(crate) scroll: [usize; Pane::ALL.len()],
    /// Row of the anomalies' list.
    pub(crate) case: usize,
    /// Whose latency is shown.
    pub(crate) sink: usize,
    /// Only the last minute instead of the whole run.
    pub(crate) last_minute: bool,
    pub(crate) story: Option<StoryView>,
    pub(crate) prompt: Option<Prompt>,
}

impl App {
    #[must_use]
    pub const fn new(mode: Mode) -> Self {
        Self {
            mode,
            focus: Pane::Events,
            zoomed: false,
            help: false,
            frozen: None,
            scroll: [0; Pane::ALL.len()],
            case: 0,
            sink: 0,
            last_minute: false,
            story: None,
            prompt: None,
        }
    }

    /// The story that was asked for, line by line. One that nobody waits for any more is dropped.
    pub fn tell(&mut self, event: EventId, lines: Vec<String>) {
        if let Some(story) = self.story.as_mut().filter(|story| story.event == event) {
            story.lines = Some(lines);
        }
    }

    /// Sends the view of a replay to another moment: what was frozen is let go.
    pub fn thaw(&mut self) {
        self.frozen = None;
    }
}

/// Cases of anomalies in the order of the list: index of the anomaly and the event.
pub(crate) fn cases(board: &Board) -> Vec<(usize, EventId)> {
    let of = |(index, anomaly): (usize, &crate::Anomaly)| {
        let events = anomaly.events.clone();
        events.into_iter().map(move |event| (index, event))
    };
    board.anomalies.iter().enumerate().flat_map(of).collect()
}

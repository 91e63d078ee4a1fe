//! The terminal dashboard of a run.
//!
//! It owns no data: a [`Feed`] takes the rows of a history in recorded order, live from the recorder or from a stored run, and
//! keeps no more than what is shown, a [`Board`] of bounded size. An [`App`] is what the user chose to look at, and turns keys into
//! [`Action`]s. [`draw`] is a pure function of both onto any size of terminal. [`Screen`] is the terminal itself.

mod board;
mod feed;
mod input;
mod metrics;
mod picture;
mod screen;
mod theme;
mod ui;
mod view;

#[cfg(test)]
mod tests;

pub use board::{
    Anomaly, Bin, Bins, Board, Broker, Cluster, FaultRow, FaultStage, GroupLag, Histogram, Line,
    LineKind, PartitionRow, Replay, ServiceRow, SinkRow, Totals,
};
pub use feed::Feed;
pub use metrics::{CONTENT_TYPE, metrics};
pub use picture::svg;
pub use ratatui::{buffer::Buffer, layout::Rect};
pub use screen::{Screen, restore};
pub use theme::Theme;
pub use ui::{Action, App, Mode, Pane, Trouble};
pub use view::draw;

/// What a user who asked for an end is told, on the dashboard and in plain lines.
pub const STOPPING: &str = "stopping: heal, drain, report; Ctrl-C again stops at once";

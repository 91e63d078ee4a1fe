//! The terminal itself: entered on start, restored on drop, on error and on panic.

use crate::{Action, App, Board, Theme, draw};
use crossterm::event::{Event, KeyEventKind, poll, read};
use ratatui::DefaultTerminal;
use std::io;
use std::time::Duration;

/// Gives the terminal back. For those who end the process without dropping the [`Screen`].
pub fn restore() {
    ratatui::restore();
}

/// The alternate screen while a run is shown.
pub struct Screen {
    terminal: DefaultTerminal,
    theme: Theme,
}

impl Screen {
    /// Enters the alternate screen; a panic hook restores the terminal.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn enter(theme: Theme) -> io::Result<Self> {
        Ok(Self {
            terminal: ratatui::try_init()?,
            theme,
        })
    }

    /// # Errors
    /// When the terminal is gone.
    pub fn show(&mut self, board: &Board, app: &mut App) -> io::Result<()> {
        let theme = self.theme;
        self.terminal
            .draw(|frame| draw(frame.buffer_mut(), board, app, theme))
            .map(|_| ())
    }

    /// Waits up to `wait` for a key and gives it to the app. `Ok(None)` with nothing pressed or nothing to be done;
    /// the flag says whether the picture may have changed.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn key(
        &self,
        wait: Duration,
        app: &mut App,
        board: &Board,
    ) -> io::Result<(bool, Option<Action>)> {
        if !poll(wait)? {
            return Ok((false, None));
        }
        match read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => Ok((true, app.key(key, board))),
            _ => Ok((true, None)),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

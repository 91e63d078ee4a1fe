//! The terminal itself: entered on start, restored on drop, on error and on panic.

use super::{Snapshot, draw};
use crate::text::Glyphs;
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use ratatui::DefaultTerminal;
use std::io;
use std::time::Duration;

/// What a user asked for by a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// q or Escape: an orderly end.
    Stop,
    /// Ctrl-C, which comes as a key in raw mode.
    Interrupt,
}

/// Gives the terminal back. For those who end the process without dropping the [`Screen`].
pub fn restore() {
    ratatui::restore();
}

/// The alternate screen while a run goes on.
pub struct Screen {
    terminal: DefaultTerminal,
    glyphs: Glyphs,
}

impl Screen {
    /// Enters the alternate screen; a panic hook restores the terminal.
    pub fn enter(glyphs: Glyphs) -> io::Result<Self> {
        Ok(Self {
            terminal: ratatui::try_init()?,
            glyphs,
        })
    }

    pub fn show(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.terminal
            .draw(|frame| draw(frame, snapshot, self.glyphs))
            .map(|_| ())
    }

    /// Waits up to `wait` for a key that means something.
    pub fn key(&self, wait: Duration) -> io::Result<Option<Key>> {
        if !poll(wait)? {
            return Ok(None);
        }
        let Event::Key(key) = read()? else {
            return Ok(None);
        };
        let interrupt =
            key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        let quit = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc);
        let pressed = key.kind == KeyEventKind::Press;
        Ok(match (interrupt, quit) {
            _ if !pressed => None,
            (true, _) => Some(Key::Interrupt),
            (false, true) => Some(Key::Stop),
            (false, false) => None,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

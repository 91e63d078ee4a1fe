//! Colours and signs. Sixteen colours, as the user's terminal defines them; without colour, weight alone must tell.

use ratatui::style::{Color, Modifier, Style};
use squall_render::Glyphs;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Theme {
    pub color: bool,
    pub unicode: bool,
}

impl Theme {
    #[must_use]
    pub fn new(glyphs: Glyphs, color: bool) -> Self {
        Self {
            color,
            unicode: glyphs == Glyphs::Unicode,
        }
    }

    /// Colour unless `NO_COLOR` is set to anything (no-color.org).
    #[must_use]
    pub fn from_environment(glyphs: Glyphs) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::new(glyphs, !no_color)
    }

    fn fg(self, color: Color) -> Style {
        match self.color {
            true => Style::new().fg(color),
            false => Style::new(),
        }
    }

    pub(crate) fn good(self) -> Style {
        self.fg(Color::Green)
    }

    pub(crate) fn warn(self) -> Style {
        self.fg(Color::Yellow)
    }

    pub(crate) fn bad(self) -> Style {
        self.fg(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn accent(self) -> Style {
        self.fg(Color::Cyan)
    }

    pub(crate) fn second(self) -> Style {
        self.fg(Color::Magenta)
    }

    pub(crate) fn dim(self) -> Style {
        match self.color {
            true => Style::new().fg(Color::DarkGray),
            false => Style::new().add_modifier(Modifier::DIM),
        }
    }

    pub(crate) fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// One sign where the terminal can show it, else another.
    pub(crate) const fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// The line of a sink, in the order of sinks.
    pub(crate) fn of_sink(self, index: usize) -> Style {
        match index % 4 {
            0 => self.good(),
            1 => self.second(),
            2 => self.warn(),
            _ => self.fg(Color::Blue),
        }
    }
}

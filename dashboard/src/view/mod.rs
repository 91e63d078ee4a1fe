//! Drawing a [`Board`] onto any size of terminal.

mod anomalies;
mod charts;
mod cluster;
mod events;
mod faults;
mod head;
mod lag;
mod layout;
mod ledger;
mod plot;
mod popup;
mod services;
mod text;

use crate::board::Board;
use crate::theme::Theme;
use crate::ui::{App, Pane};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Widget};

/// Draws the whole view.
pub fn draw(buf: &mut Buffer, board: &Board, app: &mut App, theme: Theme) {
    let area = buf.area;
    let frozen = app.frozen.take();
    let shown = frozen.as_deref().unwrap_or(board);
    let Some((head_area, body, foot_area)) = layout::frame(area) else {
        let text = format!("{} {}", shown.phase, shown.totals.accepted);
        Paragraph::new(text).render(area, buf);
        app.frozen = frozen;
        return;
    };
    head::head(buf, head_area, shown, frozen.is_some(), theme);
    let mut draw = Draw {
        buf,
        board: shown,
        app,
        theme,
    };
    if draw.app.zoomed {
        let pane = draw.app.focus;
        draw.pane(pane, body);
    } else {
        for (pane, area) in layout::panes(body, shown) {
            draw.pane(pane, area);
        }
    }
    head::foot(buf, foot_area, board, app, theme);
    popup::popups(buf, body, shown, app, theme);
    app.frozen = frozen;
}

/// What every pane needs.
struct Draw<'a> {
    buf: &'a mut Buffer,
    board: &'a Board,
    app: &'a mut App,
    theme: Theme,
}

impl Draw<'_> {
    fn pane(&mut self, pane: Pane, area: Rect) {
        if area.width < 4 || area.height < 2 {
            return;
        }
        match pane {
            Pane::Rates => charts::rates(self, area),
            Pane::Latency => charts::latency(self, area),
            Pane::Ledger => ledger::draw(self, area),
            Pane::Faults => faults::draw(self, area),
            Pane::Cluster => cluster::draw(self, area),
            Pane::Services => services::draw(self, area),
            Pane::Lag => lag::draw(self, area),
            Pane::Anomalies => anomalies::draw(self, area),
            Pane::Events => events::draw(self, area),
        }
    }

    /// The frame of a pane with its title and what stands beside it; returns the inside.
    fn frame(&mut self, pane: Pane, area: Rect, beside: Vec<Span<'static>>) -> Rect {
        let theme = self.theme;
        let focused = self.app.focus == pane;
        let edge = if focused { theme.accent() } else { theme.dim() };
        let number = format!(" {} ", pane as usize + 1);
        let name = if focused {
            theme.accent().patch(theme.bold())
        } else {
            theme.bold()
        };
        let mut title = vec![
            Span::styled(number, theme.dim()),
            Span::styled(format!("{} ", pane.title()), name),
        ];
        title.extend(beside);
        let block = Block::bordered()
            .border_set(borders(theme))
            .border_style(edge)
            .title(Line::from(title));
        let inner = block.inner(area);
        block.render(area, self.buf);
        inner
    }

    /// Rows of a pane, scrolled as the user did, with a hint where there is more.
    fn rows(&mut self, pane: Pane, area: Rect, rows: Vec<Line<'_>>) {
        let height = usize::from(area.height);
        let most = rows.len().saturating_sub(height);
        let scroll = &mut self.app.scroll[pane as usize];
        *scroll = (*scroll).min(most);
        let (skip, hidden) = (*scroll, rows.len().saturating_sub(*scroll + height));
        for (row, line) in rows.into_iter().skip(skip).take(height).enumerate() {
            let y = area.y + u16::try_from(row).unwrap_or(0);
            self.buf.set_line(area.x, y, &line, area.width);
        }
        if hidden > 0 && area.width > 8 {
            let hint = format!("{}{hidden} ", self.theme.sign("↓", "v"));
            let width = u16::try_from(hint.chars().count()).unwrap_or(0);
            let (x, y) = (area.right().saturating_sub(width), area.bottom());
            self.buf.set_string(x, y, hint, self.theme.dim());
        }
    }
}

fn borders(theme: Theme) -> border::Set<'static> {
    if theme.unicode {
        return border::ROUNDED;
    }
    border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    }
}

/// Text in a style, made harmless.
fn span(text: &str, style: Style) -> Span<'static> {
    Span::styled(squall_render::inert(text), style)
}

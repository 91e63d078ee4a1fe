//! The processes of the system with their state and restarts.

use super::{Draw, span, text};
use crate::ui::Pane;
use ratatui::layout::Rect;
use ratatui::text::Line;
use squall_history::ServiceState;

pub fn draw(draw: &mut Draw<'_>, area: Rect) {
    let (theme, board) = (draw.theme, draw.board);
    let down = |state: ServiceState| !matches!(state, ServiceState::Ready | ServiceState::Starting);
    let count = board.services.iter().filter(|row| down(row.state)).count();
    let ended = matches!(board.phase.as_str(), "final read" | "tear-down" | "judge");
    let beside = (count > 0 && !ended).then(|| span(&format!("{count} down "), theme.bad()));
    let inner = draw.frame(Pane::Services, area, beside.into_iter().collect());
    let width = usize::from(inner.width);
    let row = |row: &crate::ServiceRow| {
        let (mark, style, word) = match row.state {
            ServiceState::Ready => (theme.sign("●", "o"), theme.good(), "ready"),
            ServiceState::Starting => (theme.sign("◌", "~"), theme.warn(), "starts"),
            ServiceState::Killed => (theme.sign("✗", "x"), theme.bad(), "killed"),
            ServiceState::Exited => (theme.sign("✗", "x"), theme.bad(), "EXITED"),
            ServiceState::Stopped => (theme.sign("○", "-"), theme.dim(), "stopped"),
        };
        let name = format!("{}/{}", row.name, row.replica);
        let room = width.saturating_sub(14).clamp(8, 24);
        let name = text::fit_end(&name, room, theme.unicode);
        let mut spans = vec![
            span(&format!("{mark} {name:<room$} "), style),
            span(word, style),
        ];
        if row.restarts > 0 {
            spans.push(span(
                &format!(" {}{}", theme.sign("↻", "r"), row.restarts),
                theme.warn(),
            ));
        }
        if width > 44 {
            let pid = row
                .pid
                .map_or_else(String::new, |pid| format!("  pid {pid}"));
            let since = board.now_ns.saturating_sub(row.since_ns);
            spans.push(span(&format!("{pid}  {}", text::clock(since)), theme.dim()));
        }
        Line::from(spans)
    };
    let rows = board.services.iter().map(row).collect();
    draw.rows(Pane::Services, inner, rows);
}

//! The latest events of the run, newest at the bottom.

use super::{Draw, span, text};
use crate::board::LineKind;
use crate::ui::Pane;
use ratatui::layout::Rect;
use ratatui::text::Line;

pub fn draw(draw: &mut Draw<'_>, area: Rect) {
    let (board, theme) = (draw.board, draw.theme);
    let back = draw.app.scroll[Pane::Events as usize];
    let beside = (back > 0).then(|| span(&format!("{back} back "), theme.warn()));
    let inner = draw.frame(Pane::Events, area, beside.into_iter().collect());
    let height = usize::from(inner.height);
    let most = board.events.len().saturating_sub(height);
    let back = back.min(most);
    draw.app.scroll[Pane::Events as usize] = back;
    let zero = board.load_zero_ns;
    let first = board.events.len().saturating_sub(height + back);
    for (row, line) in board.events.iter().skip(first).take(height).enumerate() {
        // Before the load the run's clock counts, with its sign.
        let at = match zero {
            Some(zero) if line.at_ns >= zero => {
                format!("{:>9.3}", (line.at_ns - zero) as f64 / 1e9)
            }
            Some(zero) => format!("{:>9.3}", -((zero - line.at_ns) as f64 / 1e9)),
            None => format!("{:>9.3}", line.at_ns as f64 / 1e9),
        };
        let (mark, style) = match line.kind {
            LineKind::Phase => (theme.sign("▸", ">"), theme.bold()),
            LineKind::Fault => (theme.sign("↯", "!"), theme.warn()),
            LineKind::Cluster => (theme.sign("◆", "*"), theme.accent()),
            LineKind::Service => (theme.sign("●", "o"), theme.good()),
            LineKind::Problem => (theme.sign("!", "!"), theme.bad()),
            LineKind::Anomaly => (theme.sign("✗", "x"), theme.bad()),
        };
        let room = usize::from(inner.width).saturating_sub(12);
        let loud = matches!(
            line.kind,
            LineKind::Problem | LineKind::Anomaly | LineKind::Phase
        );
        let words = if loud {
            style
        } else {
            ratatui::style::Style::new()
        };
        let spans = vec![
            span(&at, theme.dim()),
            span(&format!(" {mark} "), style),
            span(&text::fit(&line.text, room, theme.unicode), words),
        ];
        let y = inner.y + u16::try_from(row).unwrap_or(0);
        draw.buf
            .set_line(inner.x, y, &Line::from(spans), inner.width);
    }
}

//! Anomalies the moment they are known, each case to be inspected.

use super::{Draw, span, text};
use crate::ui::{Pane, cases};
use ratatui::layout::Rect;
use ratatui::text::Line;

pub fn draw(draw: &mut Draw<'_>, area: Rect) {
    let (board, theme) = (draw.board, draw.theme);
    let all: u64 = board.anomalies.iter().map(|anomaly| anomaly.count).sum();
    let beside = (all > 0).then(|| span(&format!("{all} "), theme.bad()));
    let inner = draw.frame(Pane::Anomalies, area, beside.into_iter().collect());
    if all == 0 {
        let (text, style) = match board.verdict {
            Some((squall_render::report::Verdict::Held, _)) => ("none", theme.good()),
            _ => ("none so far", theme.good()),
        };
        return draw.rows(Pane::Anomalies, inner, vec![span(text, style).into()]);
    }
    let cases = cases(board);
    draw.app.case = draw.app.case.min(cases.len().saturating_sub(1));
    let focused = draw.app.focus == Pane::Anomalies;
    let (mut rows, mut chosen, mut before) = (Vec::new(), 0, usize::MAX);
    for (number, (index, event)) in cases.into_iter().enumerate() {
        let anomaly = &board.anomalies[index];
        if index != before {
            let place = anomaly.sink.as_ref().map_or("", |(_, name)| name.as_str());
            let text = format!("{} x{} {place}", anomaly.told(), anomaly.count);
            let style = if anomaly.suspected {
                theme.warn()
            } else {
                theme.bad()
            };
            rows.push(Line::from(span(&text, style)));
            before = index;
        }
        let text = format!("  {}-{}-{}", board.seed, event.stream(), event.sequence());
        let here = focused && number == draw.app.case;
        if here {
            chosen = rows.len();
        }
        let style = if here { theme.selected() } else { theme.dim() };
        let hint = if here { "  Enter: its story" } else { "" };
        let text = text::fit(
            &format!("{text}{hint}"),
            usize::from(inner.width),
            theme.unicode,
        );
        rows.push(span(&text, style).into());
    }
    let height = usize::from(inner.height);
    draw.app.scroll[Pane::Anomalies as usize] = (chosen + 1).saturating_sub(height);
    draw.rows(Pane::Anomalies, inner, rows);
}

//! Conservation: what was offered, what the system took, and what came of it in each sink.

use super::{Draw, span, text};
use crate::board::SinkRow;
use crate::ui::Pane;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Who is on the way for so long is worth a line.
const LONG_NS: u64 = 2_000_000_000;

pub fn draw(draw: &mut Draw<'_>, area: Rect) {
    let inner = draw.frame(Pane::Ledger, area, Vec::new());
    let mut rows = vec![totals(draw)];
    let theme = draw.theme;
    let wide = usize::from(inner.width) >= 60;
    let heads = if wide {
        "sink           effects   in flight   dead   twice   missing"
    } else {
        "sink       effects flying dead twice miss"
    };
    rows.push(span(heads, theme.dim()).into());
    let sinks = draw.board.sinks.iter().enumerate();
    rows.extend(sinks.map(|(index, sink)| row(draw, index, sink, wide)));
    rows.extend(waiting(draw));
    rows.extend(anomalies(draw));
    draw.rows(Pane::Ledger, inner, rows);
}

fn totals(draw: &Draw<'_>) -> Line<'static> {
    let (theme, totals) = (draw.theme, draw.board.totals);
    let mut spans = vec![
        span("accepted ", theme.dim()),
        span(
            &text::count(totals.accepted),
            theme.accent().patch(theme.bold()),
        ),
        span(" of ", theme.dim()),
        span(&text::count(totals.offered), theme.bold()),
    ];
    let mut rest = |name: &str, value: u64, style| {
        if value > 0 {
            spans.push(span(&format!("  {name} "), theme.dim()));
            spans.push(span(&text::count(value), style));
        }
    };
    rest("waiting", totals.waiting(), theme.bold());
    rest("rejected", totals.rejected, theme.warn());
    rest("unknown", totals.indeterminate, theme.warn());
    Line::from(spans)
}

fn row(draw: &Draw<'_>, index: usize, sink: &SinkRow, wide: bool) -> Line<'static> {
    let theme = draw.theme;
    let number = |value: u64, width: usize| format!("{:>width$}", text::count(value));
    let zero_is_dim = |value: u64, style| if value == 0 { theme.dim() } else { style };
    let twice = match sink.repeats {
        true => theme.warn(),
        false => theme.bad(),
    };
    let (missing, missing_style) = match sink.unseen {
        None => ("-".to_owned(), theme.dim()),
        Some(0) => ("0".to_owned(), theme.good()),
        Some(count) => (text::count(count), theme.bad()),
    };
    let widths = if wide {
        [13, 9, 12, 7, 8, 10]
    } else {
        [10, 8, 7, 5, 6, 5]
    };
    let name = text::fit(&sink.name, widths[0] - 1, theme.unicode);
    let name = format!("{name:<width$}", width = widths[0]);
    Line::from(vec![
        span(&name, theme.of_sink(index)),
        span(&number(sink.effects, widths[1]), theme.bold()),
        span(
            &number(sink.in_flight, widths[2]),
            zero_is_dim(sink.in_flight, theme.warn()),
        ),
        span(
            &number(sink.dead_lettered, widths[3]),
            zero_is_dim(sink.dead_lettered, theme.warn()),
        ),
        span(
            &number(sink.duplicated, widths[4]),
            zero_is_dim(sink.duplicated, twice),
        ),
        span(
            &format!("{missing:>width$}", width = widths[5]),
            missing_style,
        ),
    ])
}

/// Sinks that somebody has been on the way to for long.
fn waiting(draw: &Draw<'_>) -> Vec<Line<'static>> {
    let (board, theme) = (draw.board, draw.theme);
    let line = |sink: &SinkRow| {
        let since = board.now_ns.saturating_sub(sink.oldest_ns?);
        let text = format!(
            "{} oldest in flight to {}: {}",
            theme.sign("…", "."),
            sink.name,
            text::clock(since)
        );
        (since >= LONG_NS).then(|| span(&text, theme.warn()).into())
    };
    board.sinks.iter().filter_map(line).collect()
}

fn anomalies(draw: &Draw<'_>) -> Vec<Line<'static>> {
    let theme = draw.theme;
    let line = |anomaly: &crate::Anomaly| {
        let place = anomaly.sink.as_ref().map_or("", |(_, name)| name.as_str());
        let (sign, style) = match anomaly.suspected {
            true => ("?", theme.warn()),
            false => (theme.sign("✗", "x"), theme.bad()),
        };
        let text = format!("{sign} {} x{} {place}", anomaly.told(), anomaly.count);
        span(&text, style).into()
    };
    draw.board.anomalies.iter().map(line).collect()
}

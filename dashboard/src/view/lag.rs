//! How far each consumer group is behind, over time and by partition.

use super::plot::{Dots, TimeAxis};
use super::{Draw, span, text};
use crate::board::GroupLag;
use crate::theme::Theme;
use crate::ui::Pane;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Rows of a small chart.
const CHART_ROWS: u16 = 3;

pub fn draw(draw: &mut Draw<'_>, area: Rect) {
    let (board, theme) = (draw.board, draw.theme);
    let all: u64 = board.lag.values().map(|lag| lag.behind).sum();
    let beside = match board.lag.is_empty() {
        true => Vec::new(),
        false => vec![span(&format!("{} behind ", text::count(all)), theme.bold())],
    };
    let inner = draw.frame(Pane::Lag, area, beside);
    let groups = board.lag.len();
    let width = usize::from(inner.width);
    let chart =
        usize::from(inner.height) >= groups * usize::from(CHART_ROWS + 1) && !draw.app.zoomed;
    if chart {
        return charts(draw, inner);
    }
    let mut rows: Vec<Line<'static>> = Vec::new();
    let top = board.lag.values().map(|lag| lag.behind).max().unwrap_or(0);
    for (group, lag) in &board.lag {
        rows.push(group_row(group, lag, width, theme));
        if draw.app.zoomed {
            for ((topic, partition), behind) in &lag.partitions {
                let name = format!("  {topic}/{partition}");
                rows.push(bar_row(&name, *behind, top, width, theme));
            }
        } else if width > 20
            && !lag.partitions.is_empty()
            && usize::from(inner.height) >= groups * 2
        {
            rows.push(partitions_row(lag, width, theme));
        }
    }
    if rows.is_empty() {
        rows.push(span("not measured yet", theme.dim()).into());
    }
    draw.rows(Pane::Lag, inner, rows);
}

fn group_row(group: &str, lag: &GroupLag, width: usize, theme: Theme) -> Line<'static> {
    let room = width.saturating_sub(8).clamp(4, 28);
    let name = text::fit(group, room, theme.unicode);
    let style = if lag.behind == 0 {
        theme.good()
    } else {
        theme.warn()
    };
    let mut spans = vec![
        span(&format!("{name:<room$} "), theme.bold()),
        span(&format!("{:>6}", text::count(lag.behind)), style),
    ];
    if width > 52 {
        spans.push(span(
            &format!("  at most {}", text::count(lag.most)),
            theme.dim(),
        ));
    }
    Line::from(spans)
}

/// One sign a partition: how far behind it is beside the worst.
fn partitions_row(lag: &GroupLag, width: usize, theme: Theme) -> Line<'static> {
    let top = lag.partitions.values().copied().max().unwrap_or(0).max(1);
    let mut text = String::from(" ");
    for behind in lag.partitions.values().take(width.saturating_sub(2)) {
        text.push(level(*behind, top, theme));
    }
    span(&text, theme.warn()).into()
}

fn level(value: u64, top: u64, theme: Theme) -> char {
    const UNICODE: [char; 9] = ['▁', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 9] = ['_', '.', '.', ':', ':', '=', '=', '#', '#'];
    let step = usize::try_from(value.saturating_mul(8).div_ceil(top)).unwrap_or(8);
    if theme.unicode {
        UNICODE[step.min(8)]
    } else {
        ASCII[step.min(8)]
    }
}

fn bar_row(name: &str, behind: u64, top: u64, width: usize, theme: Theme) -> Line<'static> {
    let room = width.saturating_sub(36).min(60);
    let share = behind as f64 / top.max(1) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let filled = ((share * room as f64).round() as usize).min(room);
    Line::from(vec![
        span(
            &format!("{:<26} ", text::fit(name, 26, theme.unicode)),
            theme.dim(),
        ),
        span(&format!("{:>7} ", text::count(behind)), theme.bold()),
        span(&theme.sign("█", "#").repeat(filled), theme.warn()),
    ])
}

/// A small chart a group.
fn charts(draw: &mut Draw<'_>, inner: Rect) {
    let (board, theme) = (draw.board, draw.theme);
    let groups = u16::try_from(board.lag.len().max(1)).unwrap_or(1);
    let rows = inner.height / groups;
    let axis = TimeAxis::of(board, draw.app);
    for (index, (group, lag)) in board.lag.iter().enumerate() {
        let y = inner.y + u16::try_from(index).unwrap_or(0) * rows;
        let line = group_row(group, lag, usize::from(inner.width), theme);
        draw.buf.set_line(inner.x, y, &line, inner.width);
        let partitions = rows > CHART_ROWS + 1 && !lag.partitions.is_empty();
        let plot = Rect {
            y: y + 1,
            height: rows - 1 - u16::from(partitions),
            ..inner
        };
        let mut dots = Dots::new(plot);
        dots.area(
            &values(lag, axis, plot.width * 2, board.bins.width_ns()),
            theme.of_sink(index),
        );
        dots.render(draw.buf, theme);
        if partitions {
            let line = partitions_row(lag, usize::from(inner.width), theme);
            draw.buf
                .set_line(inner.x, plot.bottom(), &line, inner.width);
        }
    }
}

fn values(lag: &GroupLag, axis: TimeAxis, columns: u16, width_ns: u64) -> Vec<Option<f64>> {
    let top = lag.most.max(1) as f64;
    let value = |column: u16| {
        let from = axis.column_ns(column, columns);
        if from > axis.now_ns {
            return None;
        }
        let bin = |ns: u64| usize::try_from(ns / width_ns).unwrap_or(usize::MAX);
        let first = bin(from);
        let last = bin(axis.column_ns(column + 1, columns)).max(first + 1);
        let most = match lag.over_time.get(first..last.min(lag.over_time.len())) {
            Some(bins) => bins.iter().max().copied(),
            None => lag.over_time.last().copied(),
        };
        most.map(|most| most as f64 / top)
    };
    (0..columns).map(value).collect()
}

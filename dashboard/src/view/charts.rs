//! Rates and latencies over time.

use super::plot::{Dots, TimeAxis, time_line};
use super::{Draw, span, text};
use crate::board::{Bin, Board};
use crate::ui::Pane;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// The stretch that "now" means.
const NOW_NS: u64 = 2_000_000_000;
/// Columns for the labels of a scale.
const GUTTER: u16 = 6;

pub fn rates(draw: &mut Draw<'_>, area: Rect) {
    let (board, theme) = (draw.board, draw.theme);
    let percent = (board.load_percent != 100)
        .then(|| Span::styled(format!("load {} % ", board.load_percent), theme.warn()));
    let inner = draw.frame(Pane::Rates, area, percent.into_iter().collect());
    let now = recent(board);
    let legend = rates_legend(draw, &now, inner.width);
    draw.buf.set_line(inner.x, inner.y, &legend, inner.width);
    let Some((plot, axis_line)) = split(inner) else {
        return;
    };
    let axis = TimeAxis::of(board, draw.app);
    let columns = columns(board, axis, plot.width * 2);
    let rate = |count: u64, width_ns: u64| count as f64 * 1e9 / width_ns.max(1) as f64;
    let series = |of: &dyn Fn(&Bin) -> u64| -> Vec<Option<f64>> {
        let value = |column: &Column| {
            column
                .bin
                .as_ref()
                .map(|bin| rate(of(bin), column.width_ns))
        };
        columns.iter().map(value).collect()
    };
    let (offered, accepted) = (series(&|bin| bin.offered), series(&|bin| bin.accepted));
    let sinks: Vec<Vec<Option<f64>>> = (0..board.sinks.len())
        .map(|sink| series(&|bin| bin.sinks.get(sink).map_or(0, |sink| sink.effects)))
        .collect();
    let all = offered
        .iter()
        .chain(&accepted)
        .chain(sinks.iter().flatten());
    let top = nice(all.flatten().fold(1.0, |top, value| value.max(top)));
    let scaled = |values: &[Option<f64>]| -> Vec<Option<f64>> {
        values.iter().map(|value| value.map(|v| v / top)).collect()
    };
    let mut dots = Dots::new(plot);
    dots.area(&scaled(&accepted), theme.accent());
    dots.line(&scaled(&offered), Style::new());
    for (index, sink) in sinks.iter().enumerate() {
        dots.line(&scaled(sink), theme.of_sink(index));
    }
    dots.render(draw.buf, theme);
    let label = format!(
        "{:>width$}",
        text::count(top as u64),
        width = GUTTER as usize - 1
    );
    draw.buf.set_string(inner.x, plot.y, label, theme.dim());
    time_line(draw.buf, axis_line, board, axis, theme);
}

/// Every rate whole: a number that is cut is another number.
fn rates_legend(draw: &Draw<'_>, now: &Bin, width: u16) -> Line<'static> {
    let (theme, narrow) = (draw.theme, width < 60);
    let seconds = (NOW_NS / 1_000_000_000) as f64;
    let unit = if narrow { " " } else { "/s  " };
    let rate = |count: u64| format!("{:.0}{unit}", count as f64 / seconds);
    let (offered, accepted) = if narrow {
        ("in ", "ok ")
    } else {
        ("offered ", "accepted ")
    };
    let mut told = vec![
        (offered.to_owned(), rate(now.offered), theme.bold()),
        (accepted.to_owned(), rate(now.accepted), theme.accent()),
    ];
    for (index, sink) in draw.board.sinks.iter().enumerate() {
        let count = now.sinks.get(index).map_or(0, |sink| sink.effects);
        told.push((format!("{} ", sink.name), rate(count), theme.of_sink(index)));
    }
    let (mut line, all) = (Line::default(), told.len());
    for (index, (name, rate, style)) in told.into_iter().enumerate() {
        let mark = u16::from(index + 1 < all);
        let room = usize::from(width.saturating_sub(mark));
        let needed = name.chars().count() + rate.trim_end().chars().count();
        if line.width() + needed > room {
            line.push_span(span(theme.sign("…", "."), theme.dim()));
            break;
        }
        line.push_span(span(&name, theme.dim()));
        line.push_span(span(&rate, style));
    }
    line
}

pub fn latency(draw: &mut Draw<'_>, area: Rect) {
    let (board, theme) = (draw.board, draw.theme);
    let sink = draw.app.sink.min(board.sinks.len().saturating_sub(1));
    let name = board.sinks.get(sink).map_or("", |sink| sink.name.as_str());
    let beside = vec![
        span("to ", theme.dim()),
        span(&format!("{name} "), theme.of_sink(sink)),
    ];
    let inner = draw.frame(Pane::Latency, area, beside);
    let of = |bin: &Bin, share: f64| {
        let latency = &bin.sinks.get(sink)?.latency;
        match share {
            1.0.. => latency.max_ns(),
            share => latency.quantile_ns(share),
        }
    };
    let now = recent(board);
    let told = |share| of(&now, share).map_or_else(|| "-".to_owned(), text::duration);
    let legend = Line::from(vec![
        span("p50 ", theme.dim()),
        span(&told(0.5), theme.accent()),
        span("  p99 ", theme.dim()),
        span(&told(0.99), theme.warn()),
        span("  max ", theme.dim()),
        span(&told(1.0), theme.bad()),
    ]);
    draw.buf.set_line(inner.x, inner.y, &legend, inner.width);
    let Some((plot, axis_line)) = split(inner) else {
        return;
    };
    let axis = TimeAxis::of(board, draw.app);
    let columns = columns(board, axis, plot.width * 2);
    let series = |share: f64| -> Vec<Option<u64>> {
        let value = |column: &Column| column.bin.as_ref().and_then(|bin| of(bin, share));
        columns.iter().map(value).collect()
    };
    let (p50, p99, max) = (series(0.5), series(0.99), series(1.0));
    let scale = Decades::of(&p50, &max);
    let mut dots = Dots::new(plot);
    dots.line(&scale.place(&max), theme.bad());
    dots.line(&scale.place(&p99), theme.warn());
    dots.line(&scale.place(&p50), theme.accent());
    dots.render(draw.buf, theme);
    let (top, bottom) = (scale.label(1.0), scale.label(0.0));
    let mut label = |y: u16, text: String| {
        let text = format!("{text:>width$}", width = GUTTER as usize - 1);
        draw.buf.set_string(inner.x, y, text, theme.dim());
    };
    label(plot.y, top);
    if plot.height > 1 {
        label(plot.bottom() - 1, bottom);
    }
    time_line(draw.buf, axis_line, board, axis, theme);
}

/// Whole powers of ten around all values.
struct Decades {
    low: f64,
    high: f64,
}

impl Decades {
    #[allow(clippy::cast_precision_loss)]
    fn of(lowest: &[Option<u64>], highest: &[Option<u64>]) -> Self {
        let least = lowest.iter().flatten().min().copied().unwrap_or(1_000_000);
        let most = highest.iter().flatten().max().copied().unwrap_or(1_000_000);
        let low = (least.max(1) as f64).log10().floor();
        let high = (most.max(1) as f64).log10().ceil();
        Self {
            low,
            high: high.max(low + 1.0),
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn place(&self, values: &[Option<u64>]) -> Vec<Option<f64>> {
        let place = |ns: u64| ((ns.max(1) as f64).log10() - self.low) / (self.high - self.low);
        values.iter().map(|value| value.map(place)).collect()
    }

    fn label(&self, share: f64) -> String {
        let exponent = self.low + share * (self.high - self.low);
        #[allow(clippy::cast_possible_truncation)]
        match exponent.round() as i64 {
            9.. => format!("{:.0}s", 10f64.powf(exponent - 9.0)),
            6..=8 => format!("{:.0}ms", 10f64.powf(exponent - 6.0)),
            _ => format!("{:.0}us", 10f64.powf(exponent - 3.0)),
        }
    }
}

/// A dot column of a chart: the bins that begin in it, or the bin that covers it.
pub struct Column {
    pub bin: Option<Bin>,
    pub width_ns: u64,
}

/// Columns up to the present. The last bin is still being filled, and left out of the picture until it is whole.
pub fn columns(board: &Board, axis: TimeAxis, count: u16) -> Vec<Column> {
    let width = board.bins.width_ns();
    let whole = axis.now_ns / width * width;
    (0..count)
        .map(|column| {
            let (from, to) = (
                axis.column_ns(column, count) / width * width,
                axis.column_ns(column + 1, count) / width * width,
            );
            let to = to.max(from + width);
            let bin = (to <= whole).then(|| board.bins.sum(from, to).unwrap_or_default());
            Column {
                bin,
                width_ns: to - from,
            }
        })
        .collect()
}

/// The last whole bins of about two seconds.
fn recent(board: &Board) -> Bin {
    let width = board.bins.width_ns();
    let now = board.load_now_ns() / width * width;
    let from = now.saturating_sub(NOW_NS.max(width));
    board.bins.sum(from, now).unwrap_or_default()
}

/// The plot and the line below it, without the legend; `None` where there is no room.
fn split(inner: Rect) -> Option<(Rect, Rect)> {
    if inner.height < 3 || inner.width < 4 + GUTTER {
        return None;
    }
    let inner = Rect {
        x: inner.x + GUTTER,
        width: inner.width - GUTTER,
        ..inner
    };
    let plot = Rect {
        y: inner.y + 1,
        height: inner.height - 2,
        ..inner
    };
    let line = Rect {
        y: inner.bottom() - 1,
        height: 1,
        ..inner
    };
    Some((plot, line))
}

/// The next of 1, 2, 3, 5 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
        .into_iter()
        .map(|step| step * power)
        .find(|top| *top >= value)
        .unwrap_or(power * 10.0)
}

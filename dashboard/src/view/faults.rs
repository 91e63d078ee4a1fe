//! The fault timeline with its playhead.

use super::plot::TimeAxis;
use super::{Draw, span, text};
use crate::board::{FaultRow, FaultStage};
use crate::theme::Theme;
use crate::ui::Pane;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub fn draw(draw: &mut Draw<'_>, area: Rect) {
    let active = draw
        .board
        .faults
        .iter()
        .filter(|fault| fault.stage == FaultStage::Active)
        .count();
    let theme = draw.theme;
    let beside = (active > 0).then(|| span(&format!("{active} in force "), theme.warn()));
    let inner = draw.frame(Pane::Faults, area, beside.into_iter().collect());
    if draw.board.faults.is_empty() {
        let hint = span("none planned", theme.dim()).into();
        return draw.rows(Pane::Faults, inner, vec![hint]);
    }
    let axis = TimeAxis::of(draw.board, draw.app);
    let names = draw
        .board
        .faults
        .iter()
        .map(|fault| fault.name.chars().count());
    let name_width = names
        .max()
        .unwrap_or(0)
        .min(usize::from(inner.width) / 2 - 2)
        + 3;
    let bar_width = inner
        .width
        .saturating_sub(u16::try_from(name_width).unwrap_or(0));
    let mut rows = Vec::new();
    let roomy = draw.app.zoomed || usize::from(inner.height) > draw.board.faults.len() * 2 + 1;
    for fault in &draw.board.faults {
        rows.push(bar_row(
            fault,
            axis,
            (name_width, bar_width),
            theme,
            draw.board.load_ends_ns,
        ));
        if roomy {
            rows.push(detail_row(fault, usize::from(inner.width), theme));
        }
    }
    rows.push(scale(axis, (name_width, bar_width), theme));
    draw.rows(Pane::Faults, inner, rows);
}

fn look(stage: FaultStage, theme: Theme) -> (&'static str, Style) {
    match stage {
        FaultStage::Planned => (theme.sign("·", "."), theme.dim()),
        FaultStage::Active => (theme.sign("●", "*"), theme.warn().patch(theme.bold())),
        FaultStage::Healed => (theme.sign("✓", "+"), theme.good()),
        FaultStage::Failed => (theme.sign("✗", "x"), theme.bad()),
    }
}

fn bar_row(
    fault: &FaultRow,
    axis: TimeAxis,
    (name_width, bar_width): (usize, u16),
    theme: Theme,
    ends_ns: u64,
) -> Line<'static> {
    let (mark, style) = look(fault.stage, theme);
    let name = text::fit(&fault.name, name_width.saturating_sub(3), theme.unicode);
    let hand = if fault.by_hand { theme.bold() } else { style };
    let mut spans = vec![
        span(&format!("{mark} "), style),
        span(
            &format!("{name:<width$} ", width = name_width.saturating_sub(3)),
            hand,
        ),
    ];
    let until = match (fault.until_ns, fault.stage) {
        (Some(until), FaultStage::Active) => until.max(axis.now_ns),
        (Some(until), _) => until,
        (None, _) => ends_ns.max(axis.now_ns),
    };
    let playhead = axis.playhead(bar_width);
    for column in 0..bar_width {
        let from = axis.column_ns(column, bar_width);
        let to = axis.column_ns(column + 1, bar_width);
        let within = fault.at_ns < to && from < until.max(fault.at_ns + 1);
        let past = from <= axis.now_ns;
        let head = column == playhead;
        spans.push(match (within, past, head) {
            (true, true, _) => Span::styled(theme.sign("█", "#"), style),
            (_, _, true) => Span::styled(theme.sign("┃", "|"), theme.bold()),
            (true, false, _) => Span::styled(theme.sign("░", "="), style),
            (false, _, _) => Span::styled(theme.sign("·", "."), theme.dim()),
        });
    }
    Line::from(spans)
}

/// What it does and the latest that was told of it.
fn detail_row(fault: &FaultRow, width: usize, theme: Theme) -> Line<'static> {
    let until = fault
        .until_ns
        .map_or_else(|| "the end".to_owned(), text::clock);
    let what = match fault.detail.is_empty() {
        true => &fault.what,
        false => &fault.detail,
    };
    let hand = if fault.by_hand { "by hand, " } else { "" };
    let text = format!("  {hand}{} to {until}  {what}", text::clock(fault.at_ns));
    span(&text::fit(&text, width, theme.unicode), theme.dim()).into()
}

fn scale(axis: TimeAxis, (name_width, bar_width): (usize, u16), theme: Theme) -> Line<'static> {
    let (from, to) = (text::clock(axis.from_ns), text::clock(axis.to_ns));
    let middle = text::clock(axis.from_ns.midpoint(axis.to_ns));
    let width = usize::from(bar_width);
    let mut line = vec![' '; width];
    let mut put = |at: usize, text: &str| {
        for (cell, sign) in line.iter_mut().skip(at).zip(text.chars()) {
            *cell = sign;
        }
    };
    put(0, &from);
    if width > 30 {
        put(width / 2 - middle.len() / 2, &middle);
    }
    put(width.saturating_sub(to.len()), &to);
    let text: String = line.into_iter().collect();
    span(&format!("{}{text}", " ".repeat(name_width)), theme.dim()).into()
}

//! Drawing a [`Snapshot`] on any size of terminal.

use super::{FaultState, STOPPING, Snapshot};
use crate::text::{Glyphs, inert};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};

/// Draws the whole view.
pub fn draw(frame: &mut Frame<'_>, snapshot: &Snapshot, glyphs: Glyphs) {
    let [head, rates, middle, notes, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(6),
        Constraint::Length(middle_rows(snapshot, frame.area().height)),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_head(frame, head, snapshot);
    draw_rates(frame, rates, snapshot);
    let [sinks, faults] =
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(middle);
    draw_sinks(frame, sinks, snapshot);
    draw_faults(frame, faults, snapshot, glyphs);
    draw_notes(frame, notes, snapshot);
    frame.render_widget(foot_line(snapshot), foot);
}

fn foot_line(snapshot: &Snapshot) -> Line<'static> {
    if snapshot.stopping {
        return Line::from(format!(" {STOPPING}")).fg(Color::Yellow).bold();
    }
    Line::from(" q or Ctrl-C: stop cleanly (heal, drain, report)").dim()
}

/// Rows of the taller of the two middle boxes, borders included, as far as the events keep a share of the terminal.
fn middle_rows(snapshot: &Snapshot, height: u16) -> u16 {
    let effects = snapshot.sinks.len() + snapshot.lag.len() + snapshot.anomalies.len().max(1);
    let rows = effects.max(snapshot.faults.len()) + 2;
    let most = height.saturating_sub(9) * 3 / 5;
    u16::try_from(rows).unwrap_or(u16::MAX).min(most.max(5))
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, snapshot: &Snapshot) {
    let title = Line::from(vec![
        Span::raw(" squall  ").bold(),
        Span::raw(inert(&snapshot.scenario)).bold(),
        Span::raw(format!(
            "  {}  seed {}",
            snapshot.environment, snapshot.seed
        )),
    ]);
    let progress = Line::from(format!(
        " {}  {:.1} s since the start, {:.1} s of load planned",
        snapshot.phase, snapshot.elapsed_s, snapshot.planned_s
    ));
    frame.render_widget(Paragraph::new(vec![title, progress]), area);
}

fn draw_rates(frame: &mut Frame<'_>, area: Rect, snapshot: &Snapshot) {
    let [numbers, chart] =
        Layout::horizontal([Constraint::Length(38), Constraint::Min(10)]).areas(area);
    let lines = vec![
        Line::from(format!(
            "offered   {:>9}  {:>9.0}/s",
            snapshot.offered, snapshot.offered_rate
        )),
        Line::from(format!(
            "accepted  {:>9}  {:>9.0}/s",
            snapshot.accepted, snapshot.accepted_rate
        )),
        Line::from(format!("rejected  {:>9}", snapshot.rejected)),
        Line::from(format!("indeterm. {:>9}", snapshot.indeterminate)),
    ];
    frame.render_widget(
        Paragraph::new(lines).block(Block::bordered().title(" load ")),
        numbers,
    );
    let block = Block::bordered().title(" accepted a second ");
    let inner = block.inner(chart);
    let skip = snapshot
        .rate_history
        .len()
        .saturating_sub(usize::from(inner.width));
    let recent: Vec<u64> = snapshot.rate_history.iter().skip(skip).copied().collect();
    frame.render_widget(
        Sparkline::default()
            .data(&recent)
            .style(Style::new().fg(Color::Cyan))
            .block(block),
        chart,
    );
}

fn draw_sinks(frame: &mut Frame<'_>, area: Rect, snapshot: &Snapshot) {
    let mut lines: Vec<Line<'_>> = snapshot
        .sinks
        .iter()
        .map(|sink| {
            Line::from(format!(
                "{:<10} {:>7} {:>6.0}/s  dead {}",
                inert(&sink.name),
                sink.effects,
                sink.rate,
                sink.dead_lettered
            ))
        })
        .collect();
    lines.extend(
        snapshot
            .lag
            .iter()
            .map(|(group, behind)| Line::from(format!("lag {:<20} {behind:>8}", inert(group)))),
    );
    if snapshot.anomalies.is_empty() {
        lines.push(Line::from("no anomaly so far").dim());
    }
    lines.extend(
        snapshot
            .anomalies
            .iter()
            .map(|(name, count)| Line::from(format!("{name} x{count}")).fg(Color::Red).bold()),
    );
    frame.render_widget(
        Paragraph::new(lines).block(Block::bordered().title(" effects and lag ")),
        area,
    );
}

fn draw_faults(frame: &mut Frame<'_>, area: Rect, snapshot: &Snapshot, glyphs: Glyphs) {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for fault in &snapshot.faults {
        let (mark, color) = match fault.state {
            FaultState::Planned => (" ", Color::Gray),
            FaultState::Active => (
                if glyphs == Glyphs::Unicode {
                    "●"
                } else {
                    "*"
                },
                Color::Yellow,
            ),
            FaultState::Healed => (glyphs.mark(true), Color::Green),
            FaultState::Failed => (glyphs.mark(false), Color::Red),
        };
        let until = fault
            .until_s
            .map_or_else(|| "end".to_owned(), |s| format!("{s:.1} s"));
        lines.push(
            Line::from(format!(
                "{mark} {:<18} {:.1} s - {until}",
                inert(&fault.name),
                fault.at_s
            ))
            .fg(color),
        );
    }
    if lines.is_empty() {
        lines.push(Line::from("none planned").dim());
    }
    frame.render_widget(
        Paragraph::new(lines).block(Block::bordered().title(" faults ")),
        area,
    );
}

fn draw_notes(frame: &mut Frame<'_>, area: Rect, snapshot: &Snapshot) {
    let rows = usize::from(area.height.saturating_sub(2));
    let skip = snapshot.notes.len().saturating_sub(rows);
    let lines: Vec<Line<'_>> = snapshot
        .notes
        .iter()
        .skip(skip)
        .map(|(ms, text)| Line::from(format!("{:>9.3} s  {}", ms / 1000.0, inert(text))))
        .collect();
    frame.render_widget(
        Paragraph::new(lines).block(Block::bordered().title(" events ")),
        area,
    );
}

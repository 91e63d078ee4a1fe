//! The two lines at the top and the one at the bottom.

use super::{span, text};
use crate::STOPPING;
use crate::board::Board;
use crate::theme::Theme;
use crate::ui::{App, Mode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use squall_render::report::Verdict;

pub fn head(buf: &mut Buffer, area: Rect, board: &Board, frozen: bool, theme: Theme) {
    let mut title = vec![
        span(" squall ", theme.accent().patch(theme.bold())),
        span(&board.scenario, theme.bold()),
    ];
    if let Some(variant) = &board.variant {
        title.push(span(&format!(" ({variant})"), theme.bold()));
    }
    let place = format!("  {}  seed {}", board.environment, board.seed);
    title.push(span(&place, theme.dim()));
    if let Some(replay) = board.replay {
        let sign = match (replay.at_end, replay.paused) {
            (true, _) => "end",
            (false, true) => theme.sign("⏸", "paused"),
            (false, false) => theme.sign("▶", "replay"),
        };
        let text = format!("   {sign} x{}", replay.speed);
        title.push(span(&text, theme.accent()));
    }
    if frozen {
        title.push(Span::styled("   FROZEN", theme.selected()));
    }
    buf.set_line(area.x, area.y, &Line::from(title), area.width);
    let right = state(board, theme);
    let width = u16::try_from(right.width()).unwrap_or(0);
    if width + 30 < area.width {
        buf.set_line(area.right() - width - 1, area.y, &right, width);
    }
    progress(buf, area, board, theme);
}

/// The phase or, at the end, the verdict.
fn state(board: &Board, theme: Theme) -> Line<'static> {
    match &board.verdict {
        Some((verdict, headline)) => {
            let style = match verdict {
                Verdict::Held => theme.good().patch(theme.bold()),
                Verdict::Violated => theme.bad(),
                Verdict::Inconclusive => theme.warn().patch(theme.bold()),
            };
            let headline = match headline.is_empty() {
                true => String::new(),
                false => format!(" ({})", text::fit(headline, 40, theme.unicode)),
            };
            span(&format!("{}{headline}", verdict.shout()), style).into()
        }
        None => {
            let known = board.anomalies.iter().find(|anomaly| !anomaly.suspected);
            let Some(first) = known.or(board.anomalies.first()) else {
                return span("no anomaly so far", theme.good()).into();
            };
            let more = match board.anomalies.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let (sign, style) = match first.suspected {
                true => ("?", theme.warn()),
                false => (theme.sign("✗", "x"), theme.bad()),
            };
            let text = format!("{sign} {} x{}{more}", first.told(), first.count);
            span(&text, style).into()
        }
    }
}

/// Phase, time, and how much of the load is over.
fn progress(buf: &mut Buffer, area: Rect, board: &Board, theme: Theme) {
    let y = area.y + 1;
    let now = board.load_now_ns();
    let text = match board.load_zero_ns {
        Some(_) => format!(
            " {}  {} of {} ",
            board.phase,
            text::clock(now),
            text::clock(board.load_ends_ns)
        ),
        None => format!(" {}  {} ", board.phase, text::clock(board.now_ns)),
    };
    let width = u16::try_from(text.chars().count()).unwrap_or(0);
    buf.set_string(area.x, y, &text, theme.bold());
    let bar = area.width.saturating_sub(width + 1);
    if bar < 8 {
        return;
    }
    let share = now as f64 / board.load_ends_ns.max(1) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let filled = (share.clamp(0.0, 1.0) * f64::from(bar)) as u16;
    for column in 0..bar {
        let (sign, style) = match column < filled {
            true => (theme.sign("━", "="), theme.accent()),
            false => (theme.sign("─", "-"), theme.dim()),
        };
        buf.set_string(area.x + width + column, y, sign, style);
    }
}

pub fn foot(buf: &mut Buffer, area: Rect, board: &Board, app: &App, theme: Theme) {
    let line = if board.stopping {
        span(&format!(" {STOPPING}"), theme.warn().patch(theme.bold())).into()
    } else if let Some(told) = &board.told {
        span(&format!(" {told}"), theme.warn()).into()
    } else {
        keys(app.mode, theme)
    };
    buf.set_line(area.x, area.y, &line, area.width);
}

fn keys(mode: Mode, theme: Theme) -> Line<'static> {
    let general = [
        ("?", "help"),
        ("Tab", "pane"),
        ("Enter", "zoom"),
        ("a", "anomalies"),
    ];
    let own: &[(&str, &str)] = match mode {
        Mode::Watch => &[
            ("Space", "pause"),
            ("< >", "speed"),
            ("Left Right", "seek"),
            ("q", "quit"),
        ],
        Mode::Live { by_hand: true } => &[
            ("k", "kill"),
            ("i", "isolate"),
            ("+ -", "load"),
            ("q", "stop"),
        ],
        Mode::Live { by_hand: false } => &[("f", "freeze"), ("q", "stop")],
    };
    let mut spans = vec![Span::raw(" ")];
    for (key, what) in general.iter().chain(own) {
        spans.push(span(key, theme.accent()));
        spans.push(span(&format!(" {what}  "), theme.dim()));
    }
    Line::from(spans)
}

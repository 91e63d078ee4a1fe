//! What lies over the panes: help, a story, and the question before trouble by hand.

use super::{borders, span};
use crate::board::Board;
use crate::theme::Theme;
use crate::ui::{App, Mode, Prompt, Trouble};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph, Widget, Wrap};

pub fn popups(buf: &mut Buffer, area: Rect, board: &Board, app: &App, theme: Theme) {
    if let Some(story) = &app.story {
        let lines: Vec<Line<'static>> = match &story.lines {
            None => vec![span("reading the history ...", theme.dim()).into()],
            Some(lines) => lines
                .iter()
                .skip(story.scroll)
                .map(|line| span(line, ratatui::style::Style::new()).into())
                .collect(),
        };
        let width = area.width.saturating_sub(4).min(120);
        let height = area.height.saturating_sub(2);
        boxed(buf, area, (width, height), &story.title, lines, theme);
    }
    if let Some(prompt) = &app.prompt {
        question(buf, area, board, prompt, theme);
    }
    if app.help {
        let lines = help(app.mode, theme);
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        boxed(buf, area, (80, height), "help", lines, theme);
    }
}

fn boxed(
    buf: &mut Buffer,
    area: Rect,
    (width, height): (u16, u16),
    title: &str,
    lines: Vec<Line<'static>>,
    theme: Theme,
) {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(place, buf);
    let block = Block::bordered()
        .border_set(borders(theme))
        .border_style(theme.accent())
        .title(span(&format!(" {title} "), theme.bold()));
    Paragraph::new(lines)
        .wrap(Wrap { trim: false })
        .block(block)
        .render(place, buf);
}

fn question(buf: &mut Buffer, area: Rect, board: &Board, prompt: &Prompt, theme: Theme) {
    let (title, what) = match prompt.trouble {
        Trouble::Kill => (
            "kill a broker",
            "dies without notice and comes back after 15 s",
        ),
        Trouble::Isolate => (
            "isolate a broker",
            "is cut off from the other brokers and the controller for 15 s",
        ),
    };
    let room = usize::from(area.height).saturating_sub(8).clamp(1, 10);
    let first = (prompt.chosen + 1).saturating_sub(room);
    let mut lines = Vec::new();
    for (index, target) in prompt.targets.iter().enumerate().skip(first).take(room) {
        let now = match target {
            squall_plan::fault::Target::Leader { topic, partition } => {
                let place = (topic.clone(), i32::try_from(*partition).unwrap_or(-1));
                let leader = board.cluster.partitions.get(&place);
                leader.and_then(|row| row.leader).map_or_else(
                    || "  none now".to_owned(),
                    |id| format!("  broker {id} now"),
                )
            }
            _ => String::new(),
        };
        let here = index == prompt.chosen;
        let mark = if here { theme.sign("▸", ">") } else { " " };
        let style = if here { theme.bold() } else { theme.dim() };
        lines.push(span(&format!(" {mark} {target}{now}"), style).into());
    }
    lines.push(Line::default());
    lines.push(span(&format!(" It {what}."), theme.dim()).into());
    lines.push(
        span(
            " Up, Down: choose   Enter: do it   any other key: not",
            theme.accent(),
        )
        .into(),
    );
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    boxed(buf, area, (66, height), title, lines, theme);
}

fn help(mode: Mode, theme: Theme) -> Vec<Line<'static>> {
    let mut rows = vec![
        ("Tab, Shift-Tab", "the next pane, the one before"),
        ("1 to 9", "that pane; twice: the whole screen"),
        ("Enter, z", "the pane on the whole screen, and back"),
        ("arrows, PgUp, PgDn, Home, End", "scroll the pane"),
        ("a, then Enter", "anomalies, and the story of one"),
        ("s", "latency to the next sink"),
        ("w", "the last minute, or the whole run"),
        ("f", "freeze the picture; the run goes on"),
    ];
    rows.extend(match mode {
        Mode::Live { by_hand } => {
            let mut rows = vec![("q", "stop cleanly: heal, drain, report")];
            if by_hand {
                rows.extend([
                    ("k", "kill the leader of a partition, or a broker"),
                    ("i", "isolate one"),
                    ("+, -", "more load, less load"),
                ]);
            }
            rows.push(("Ctrl-C", "as q; a second time ends at once"));
            rows
        }
        Mode::Watch => vec![
            ("Space", "pause and go on"),
            ("<, >", "slower, faster"),
            ("Left, Right", "five seconds back, five on"),
            ("q, Esc", "leave"),
        ],
    });
    let mut lines: Vec<Line<'static>> = rows
        .into_iter()
        .map(|(keys, what)| {
            Line::from(vec![
                span(&format!(" {keys:<32}"), theme.accent()),
                span(what, ratatui::style::Style::new()),
            ])
        })
        .collect();
    if let Mode::Live { by_hand: true } = mode {
        let hint = " What you did by hand is written as a scenario when the run ends.";
        lines.push(Line::default());
        lines.push(span(hint, theme.dim()).into());
    }
    lines
}

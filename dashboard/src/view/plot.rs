//! Lines and areas over time, in braille dots where the terminal can show them.

use crate::board::Board;
use crate::theme::Theme;
use crate::ui::App;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The one time axis of all charts: a stretch of the load clock.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TimeAxis {
    pub from_ns: u64,
    pub to_ns: u64,
    pub now_ns: u64,
}

const MINUTE_NS: u64 = 60_000_000_000;

impl TimeAxis {
    pub fn of(board: &Board, app: &App) -> Self {
        let now_ns = board.load_now_ns();
        let ends = board.replay.map_or(0, |replay| {
            replay
                .ends_ns
                .saturating_sub(board.load_zero_ns.unwrap_or(0))
        });
        let to_ns = board.load_ends_ns.max(now_ns).max(ends).max(1_000_000_000);
        if app.last_minute {
            let to_ns = now_ns.max(MINUTE_NS);
            return Self {
                from_ns: to_ns - MINUTE_NS,
                to_ns,
                now_ns,
            };
        }
        Self {
            from_ns: 0,
            to_ns,
            now_ns,
        }
    }

    /// The time where column `column` of `width` begins.
    pub fn column_ns(self, column: u16, width: u16) -> u64 {
        let span = u128::from(self.to_ns - self.from_ns);
        let passed = span * u128::from(column) / u128::from(width.max(1));
        self.from_ns + u64::try_from(passed).unwrap_or(0)
    }

    /// `None`: outside.
    pub fn column(self, ns: u64, width: u16) -> Option<u16> {
        let passed = u128::from(ns.checked_sub(self.from_ns)?);
        let span = u128::from((self.to_ns - self.from_ns).max(1));
        let column = passed * u128::from(width) / span;
        u16::try_from(column).ok().filter(|column| *column < width)
    }

    /// The column of the present, inside.
    pub fn playhead(self, width: u16) -> u16 {
        self.column(self.now_ns, width)
            .unwrap_or(width.saturating_sub(1))
    }
}

/// Dots, 2 by 4 to a cell.
pub struct Dots {
    area: Rect,
    cells: Vec<(u8, Style)>,
}

/// Braille dots by column and row of a cell.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

impl Dots {
    pub fn new(area: Rect) -> Self {
        let cells = usize::from(area.width) * usize::from(area.height);
        Self {
            area,
            cells: vec![(0, Style::new()); cells],
        }
    }

    pub const fn width(&self) -> u16 {
        self.area.width * 2
    }

    pub const fn height(&self) -> u16 {
        self.area.height * 4
    }

    /// A dot; `y` from the bottom.
    fn set(&mut self, x: u16, y: u16, style: Style) {
        if x >= self.width() || y >= self.height() {
            return;
        }
        let y = self.height() - 1 - y;
        let cell = usize::from(y / 4) * usize::from(self.area.width) + usize::from(x / 2);
        let cell = &mut self.cells[cell];
        cell.0 |= BITS[usize::from(x % 2)][usize::from(y % 4)];
        cell.1 = style;
    }

    /// A line through values from 0 to 1, one a dot column; gaps where there is none.
    pub fn line(&mut self, values: &[Option<f64>], style: Style) {
        let mut before: Option<u16> = None;
        for (x, value) in values.iter().enumerate() {
            let Ok(x) = u16::try_from(x) else { return };
            let Some(y) = value.map(|value| self.row(value)) else {
                before = None;
                continue;
            };
            let from = before.unwrap_or(y);
            for step in from.min(y)..=from.max(y) {
                self.set(x, step, style);
            }
            before = Some(y);
        }
    }

    /// As a line, filled to the bottom.
    pub fn area(&mut self, values: &[Option<f64>], style: Style) {
        for (x, value) in values.iter().enumerate() {
            let (Ok(x), Some(value)) = (u16::try_from(x), value) else {
                continue;
            };
            if *value > 0.0 {
                (0..=self.row(*value)).for_each(|y| self.set(x, y, style));
            }
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn row(&self, value: f64) -> u16 {
        let top = f64::from(self.height().saturating_sub(1));
        (value.clamp(0.0, 1.0) * top).round() as u16
    }

    pub fn render(&self, buf: &mut Buffer, theme: Theme) {
        for (index, (bits, style)) in self.cells.iter().enumerate() {
            if *bits == 0 {
                continue;
            }
            let width = usize::from(self.area.width);
            let x = self.area.x + u16::try_from(index % width).unwrap_or(0);
            let y = self.area.y + u16::try_from(index / width).unwrap_or(0);
            let sign = match theme.unicode {
                true => char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' '),
                false => ascii(*bits),
            };
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.set_char(sign).set_style(*style);
            }
        }
    }
}

/// By how much of the cell is filled, and where.
const fn ascii(bits: u8) -> char {
    let (top, bottom) = (bits & 0x1b != 0, bits & 0xe4 != 0);
    match (bits.count_ones(), top, bottom) {
        (6.., _, _) => '#',
        (_, true, true) => ':',
        (_, true, false) => '\'',
        _ => '.',
    }
}

/// The bottom line of a chart: the time, with the stretches of the faults, and the present.
pub fn time_line(buf: &mut Buffer, area: Rect, board: &Board, axis: TimeAxis, theme: Theme) {
    let (plain, bold) = (theme.sign("─", "-"), theme.sign("━", "="));
    for column in 0..area.width {
        let from = axis.column_ns(column, area.width);
        let to = axis.column_ns(column + 1, area.width);
        let during = board.faults.iter().any(|fault| {
            fault.stage != crate::FaultStage::Planned
                && fault.at_ns < to
                && fault.until_ns.is_none_or(|until| from < until)
                && from <= axis.now_ns
        });
        let (sign, style) = match during {
            true => (bold, theme.bad()),
            false => (plain, theme.dim()),
        };
        buf.set_string(area.x + column, area.y, sign, style);
    }
    if board.load_zero_ns.is_some() {
        let x = area.x + axis.playhead(area.width);
        buf.set_string(x, area.y, theme.sign("┷", "^"), theme.bold());
    }
}

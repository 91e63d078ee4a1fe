//! A picture of the dashboard as SVG, for pages that show what it looks like.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write;

/// Of a cell, in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 12.0;
const PAPER: &str = "#16191d";
const INK: &str = "#d8dee6";

/// The cells as text on a dark ground.
#[must_use]
pub fn svg(buf: &Buffer) -> String {
    let (columns, rows) = (f64::from(buf.area.width), f64::from(buf.area.height));
    let (width, height) = (columns * WIDTH + 2.0 * MARGIN, rows * HEIGHT + 2.0 * MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n"
    );
    for y in 0..buf.area.height {
        row(buf, y, &mut text);
    }
    text.push_str("</svg>\n");
    text
}

/// Runs of cells that look the same; each with its exact width, whatever font shows it.
fn row(buf: &Buffer, y: u16, text: &mut String) {
    let cells: Vec<&Cell> = (0..buf.area.width).map(|x| &buf[(x, y)]).collect();
    let mut x = 0;
    for run in cells.chunk_by(|a, b| look(a) == look(b)) {
        let (left, length) = (MARGIN + x as f64 * WIDTH, run.len() as f64 * WIDTH);
        let top = MARGIN + f64::from(y) * HEIGHT;
        x += run.len();
        let (ink, bold, reversed) = look(run[0]);
        let (ink, paper) = if reversed {
            (PAPER, Some(ink))
        } else {
            (ink, None)
        };
        if let Some(paper) = paper {
            let _ = writeln!(
                text,
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{HEIGHT}\" fill=\"{paper}\"/>"
            );
        }
        let symbols: String = run.iter().map(|cell| cell.symbol()).collect();
        if symbols.trim().is_empty() {
            continue;
        }
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let escaped = symbols
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace(' ', "\u{a0}");
        let _ = writeln!(
            text,
            "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"{weight}>{escaped}</text>",
            top + 13.5
        );
    }
}

fn look(cell: &Cell) -> (&'static str, bool, bool) {
    let ink = match cell.fg {
        Color::Green => "#4fd6a8",
        Color::Yellow => "#f0c05a",
        Color::Red => "#ff7b72",
        Color::Cyan => "#62b6f2",
        Color::Magenta => "#e39ac8",
        Color::Blue => "#8ab4ff",
        Color::DarkGray => "#7a848e",
        _ => INK,
    };
    let is = |modifier| cell.modifier.contains(modifier);
    (ink, is(Modifier::BOLD), is(Modifier::REVERSED))
}

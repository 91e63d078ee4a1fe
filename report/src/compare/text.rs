//! The comparison for a terminal.

use super::{Comparison, Mark, change, told, word};
use squall_render::inert;
use std::fmt::Write;

/// The comparison as a table, what must be known of it, and the last line.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut head = vec![String::new()];
    for (index, (name, runs)) in comparison.sides.iter().enumerate() {
        let single = if *runs == 1 { " (single)" } else { "" };
        head.push(format!("{}{single}", inert(name)));
        if index > 0 {
            head.extend(["change".to_owned(), String::new()]);
        }
    }
    rows.push(head);
    for row in &comparison.rows {
        let unit = if row.unit.is_empty() { "" } else { " " };
        let mut cells = vec![format!("{}{unit}{}", inert(&row.name), row.unit)];
        for (index, value) in row.values.iter().enumerate() {
            cells.push(told(*value));
            if index > 0 {
                cells.push(change(row.values[0], *value));
                let mark = row.marks[index];
                cells.push(if mark == Mark::Same {
                    String::new()
                } else {
                    word(mark).to_owned()
                });
            }
        }
        rows.push(cells);
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            // Names stand left, numbers right.
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    for note in comparison.notes() {
        let _ = writeln!(text, "{}", inert(&note));
    }
    let _ = writeln!(text, "{}", comparison.last_line());
    text
}

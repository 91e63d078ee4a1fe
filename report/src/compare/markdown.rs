//! The comparison for a pull request: what changed first, the rest folded away.

use super::{Comparison, Mark, Row, change, told, word};
use std::fmt::Write;

/// GitHub-flavoured Markdown.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::new();
    let mark = if comparison.is_regression() {
        "❌"
    } else {
        "✅"
    };
    let _ = writeln!(text, "## {mark} {}\n", comparison.last_line());
    let is_news = |row: &&Row| {
        let news = [Mark::Worse, Mark::Better, Mark::Changed];
        row.marks.iter().any(|mark| news.contains(mark))
    };
    let (news, rest): (Vec<&Row>, Vec<&Row>) = comparison.rows.iter().partition(is_news);
    if news.is_empty() {
        let _ = writeln!(text, "Nothing differs by more than noise.\n");
    } else {
        table(&mut text, comparison, &news);
    }
    let _ = writeln!(
        text,
        "<details><summary>{} other figures</summary>\n",
        rest.len()
    );
    table(&mut text, comparison, &rest);
    let _ = writeln!(text, "</details>\n");
    for note in comparison.notes() {
        let _ = writeln!(text, "- {}", cell(&note));
    }
    text
}

fn table(text: &mut String, comparison: &Comparison, rows: &[&Row]) {
    let mut head = String::from("| |");
    let mut rule = String::from("|---|");
    for (index, (name, runs)) in comparison.sides.iter().enumerate() {
        let single = if *runs == 1 { " (single)" } else { "" };
        let _ = write!(head, " {}{single} |", cell(name));
        rule.push_str("--:|");
        if index > 0 {
            head.push_str(" change | |");
            rule.push_str("--:|---|");
        }
    }
    let _ = writeln!(text, "{head}\n{rule}");
    for row in rows {
        let _ = write!(text, "| {} {} |", cell(&row.name), row.unit);
        for (index, value) in row.values.iter().enumerate() {
            let _ = write!(text, " {} |", told(*value));
            if index > 0 {
                let mark = row.marks[index];
                let word = if mark == Mark::Worse {
                    "**worse**"
                } else {
                    word(mark)
                };
                let _ = write!(text, " {} | {word} |", change(row.values[0], *value));
            }
        }
        text.push('\n');
    }
    text.push('\n');
}

/// Text from outside: neither a cell's end nor markup.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for c in squall_render::inert(text).chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' => {
                safe.push('\\');
                safe.push(c);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("&#64;"),
            c => safe.push(c),
        }
    }
    safe
}

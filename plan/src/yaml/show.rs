//! A tree as YAML text again: short things on one line, long ones in blocks.

use super::{Entry, Node, Value};
use std::fmt::Write as _;

/// Columns of a line that holds a whole mapping or list.
const LINE_MAX: usize = 96;

/// Writes a tree so that parsing gives it back (places and comments excepted).
#[must_use]
pub fn show(root: &Node) -> String {
    let mut text = String::new();
    match &root.value {
        Value::Map(entries) if !entries.is_empty() => map(entries, 0, &mut text),
        _ => {
            text.push_str(&flow(root));
            text.push('\n');
        }
    }
    text
}

fn map(entries: &[Entry], indent: usize, text: &mut String) {
    for entry in entries {
        let _ = write!(text, "{:indent$}{}:", "", scalar(&entry.key, true));
        under(&entry.value, indent, text);
    }
}

/// A value behind its key.
fn under(node: &Node, indent: usize, text: &mut String) {
    let line = flow(node);
    let top = indent == 0 && !matches!(node.value, Value::Scalar { .. });
    let roomy = text.len() - text.rfind('\n').map_or(0, |at| at + 1);
    match &node.value {
        Value::Map(entries)
            if !entries.is_empty()
                && (top && entries.len() > 1 || roomy + line.len() > LINE_MAX) =>
        {
            text.push('\n');
            map(entries, indent + 2, text);
        }
        Value::List(items)
            if !items.is_empty() && (roomy + line.len() > LINE_MAX || items.iter().any(is_map)) =>
        {
            text.push('\n');
            list(items, indent + 2, text);
        }
        _ => {
            let _ = writeln!(text, " {line}");
        }
    }
}

fn is_map(node: &Node) -> bool {
    matches!(&node.value, Value::Map(entries) if !entries.is_empty())
}

fn list(items: &[Node], indent: usize, text: &mut String) {
    for item in items {
        let line = flow(item);
        match &item.value {
            Value::Map(entries) if !entries.is_empty() && indent + line.len() > LINE_MAX => {
                let mut inner = String::new();
                map(entries, indent + 2, &mut inner);
                let _ = write!(text, "{:indent$}- {}", "", inner.trim_start());
            }
            _ => {
                let _ = writeln!(text, "{:indent$}- {line}", "");
            }
        }
    }
}

fn flow(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, plain } => scalar(text, *plain),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Map(entries) => {
            let pair =
                |entry: &Entry| format!("{}: {}", scalar(&entry.key, true), flow(&entry.value));
            let pairs: Vec<String> = entries.iter().map(pair).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// Quoted where it was, or where it would read as something else between brackets.
fn scalar(text: &str, plain: bool) -> String {
    let first = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.' | '~');
    let inner = |c: char| !c.is_control() && !",[]{}#:\"'&*!|>%@`\\".contains(c);
    let safe = plain && text.starts_with(first) && !text.ends_with(' ') && text.chars().all(inner);
    if safe || plain && text.parse::<f64>().is_ok() {
        return text.to_owned();
    }
    if plain && text.is_empty() {
        return "null".to_owned();
    }
    // A JSON string is a YAML string.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problems;
    use crate::yaml::parse;

    /// Without places; whether a text is quoted counts only where that changes its meaning.
    fn meaning(node: &Node) -> serde_json::Value {
        node.to_json()
    }

    fn comes_back(text: &str) -> String {
        let mut problems = Problems::default();
        let tree = parse("a", text, &mut problems).expect("good YAML");
        let shown = show(&tree);
        let again = parse("b", &shown, &mut problems).expect(&shown);
        assert_eq!(meaning(&again), meaning(&tree), "{shown}");
        shown
    }

    #[test]
    fn every_scenario_and_system_of_the_repository_comes_back() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut count = 0;
        for folder in ["scenarios", "systems"] {
            for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
                let path = entry.unwrap().path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "yaml")
                {
                    comes_back(&std::fs::read_to_string(path).unwrap());
                    count += 1;
                }
            }
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn texts_that_look_like_something_else_stay_texts() {
        let shown = comes_back(
            "a: \"true\"\nb: true\nc: '1'\nd: -1\ne: \"x: y\"\nf: [\"a, b\", \"{\", \" \"]\ng: {}\nh: \"line\\nbreak\"\ni: null\nj: \"\"\nk: \"#x\"\n",
        );
        assert!(shown.contains("a: \"true\""), "{shown}");
        assert!(shown.contains("d: -1"), "{shown}");
    }
}

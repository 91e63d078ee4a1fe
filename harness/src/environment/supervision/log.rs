//! Reading a service's log: the last lines for errors, and a text for readiness.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// How far back an error looks for lines.
const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 20;
const LINE_CHARS: usize = 300;

/// Length now, which is where the output of the next start begins. 0 when there is no log yet.
pub fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// At most 20 last lines written after `from`, each cut to 300 characters, control characters replaced: a log is
/// untrusted text on its way to a terminal.
pub fn tail(path: &Path, from: u64) -> Vec<String> {
    let start = from.max(length(path).saturating_sub(TAIL_BYTES));
    let text = read_from(path, start).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    lines[skipped..]
        .iter()
        .map(|line| printable(line))
        .collect()
}

fn printable(line: &str) -> String {
    line.chars()
        .take(LINE_CHARS)
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Whether one line written after `from` contains the text.
pub fn contains(path: &Path, from: u64, text: &str) -> bool {
    read_from(path, from).is_ok_and(|bytes| {
        String::from_utf8_lossy(&bytes)
            .lines()
            .any(|line| line.contains(text))
    })
}

fn read_from(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_short_and_safe_to_print() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let many: String = (0..50).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, many + "\u{1b}[31mred\n").unwrap();
        let lines = tail(&path, 0);
        assert_eq!(lines.len(), 20);
        assert_eq!(lines[18], "line 49");
        assert_eq!(lines[19], "\u{fffd}[31mred");
    }

    #[test]
    fn what_an_earlier_start_wrote_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, "listening\n").unwrap();
        let from = length(&path);
        assert!(contains(&path, 0, "listening"));
        assert!(!contains(&path, from, "listening"));
        assert!(tail(&path, from).is_empty());
    }
}

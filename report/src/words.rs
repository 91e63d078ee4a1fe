//! Values in the words that every drawing uses.

use std::fmt::Write;

/// Text from outside for a page or a picture: control characters and those that turn the direction of text show as `\u{..}`.
pub fn inert(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns || c == '\u{fffe}' || c == '\u{ffff}' {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// At most so many characters, with the rest told by dots.
pub fn short(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    kept + "…"
}

/// `12 000`, grouped by thin spaces.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds with the unit that reads best: `250 µs`, `12.3 ms`, `4.56 s`, `2 min 5 s`.
pub fn time(ms: f64) -> String {
    if !ms.is_finite() {
        return "–".to_owned();
    }
    match ms.abs() {
        0.0 => "0 ms".to_owned(),
        v if v < 1.0 => format!("{:.0} µs", ms * 1e3),
        v if v < 1e3 => format!("{} ms", digits(ms)),
        v if v < 120e3 => format!("{} s", digits(ms / 1e3)),
        _ => {
            let seconds = (ms / 1e3).round() as i64;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// A point on the load clock: `12.345 s`.
pub fn at(ms: f64) -> String {
    format!("{:.3} s", ms / 1e3)
}

/// Three digits that mean something, without needless zeros.
pub fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let places = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    let mut text = format!("{value:.places$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if value.abs() >= 10_000.0 {
        return count(value.round().max(0.0) as u64);
    }
    text
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => {
            let mut text = first.join(", ");
            let _ = write!(text, " and {last}");
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_the_unit_that_reads_best() {
        let all = [0.0, 0.25, 12.34, 999.0, 4_560.0, 125_000.0, f64::NAN].map(time);
        let expected = [
            "0 ms",
            "250 µs",
            "12.3 ms",
            "999 ms",
            "4.56 s",
            "2 min 5 s",
            "–",
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn counts_are_grouped_from_five_digits_on() {
        assert_eq!(
            [0, 1234, 12_345, 1_234_567].map(count),
            ["0", "1234", "12\u{202f}345", "1\u{202f}234\u{202f}567"]
        );
    }

    #[test]
    fn what_a_reader_cannot_see_is_spelt_out() {
        assert_eq!(inert("a\u{0}b\u{202e}c\n"), "a\\u{0}b\\u{202e}c\\u{a}");
    }
}

//! Numbers and times as the panes write them.

/// `950`, `12.3k`, `1.25M`.
pub fn count(value: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let float = value as f64;
    match value {
        0..=99_999 => value.to_string(),
        100_000..=9_999_999 => format!("{:.0}k", float / 1e3),
        10_000_000..=999_999_999 => format!("{:.1}M", float / 1e6),
        _ => format!("{:.2}G", float / 1e9),
    }
}

/// `3.4 ms`, `250 ms`, `2.10 s`.
pub fn duration(ns: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let ms = ns as f64 / 1e6;
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms if ms < 10_000.0 => format!("{:.2} s", ms / 1e3),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

/// Time on a clock: `12.3 s`, `4:05`, `1:02:03`.
pub fn clock(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    match seconds {
        0..=99 => format!("{}.{} s", seconds, ns / 100_000_000 % 10),
        100..=3599 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!(
            "{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        ),
    }
}

/// Cuts to so many columns; the sign of the cut is the theme's.
pub fn fit(text: &str, width: usize, unicode: bool) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let sign = if unicode { "…" } else { "." };
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + sign
}

/// As [`fit`], but keeps the end: what tells names apart that begin alike.
pub fn fit_end(text: &str, width: usize, unicode: bool) -> String {
    let cut = text.chars().count().saturating_sub(width);
    if cut == 0 {
        return text.to_owned();
    }
    let sign = if unicode { "…" } else { "." };
    sign.chars().chain(text.chars().skip(cut + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        assert_eq!(count(99_999), "99999");
        assert_eq!(count(123_456), "123k");
        assert_eq!(fit_end("consumer-email/0", 10, true), "…r-email/0");
        assert_eq!(fit_end("relay/0", 10, true), "relay/0");
        assert_eq!(duration(3_420_000), "3.4 ms");
        assert_eq!(duration(2_104_000_000), "2.10 s");
        assert_eq!(clock(12_340_000_000), "12.3 s");
        assert_eq!(clock(245_000_000_000), "4:05");
        assert_eq!(clock(3_723_000_000_000), "1:02:03");
        assert_eq!(fit("abcdef", 4, true), "abc…");
    }
}

//! Small pieces of text that several reports share.

/// What a terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Glyphs {
    Unicode,
    Ascii,
}

impl Glyphs {
    /// Unicode where the locale says UTF-8.
    #[must_use]
    pub fn from_locale(locale: Option<&str>) -> Self {
        let utf8 = locale.is_some_and(|locale| {
            let upper = locale.to_ascii_uppercase();
            upper.contains("UTF-8") || upper.contains("UTF8")
        });
        if utf8 { Self::Unicode } else { Self::Ascii }
    }

    #[must_use]
    pub const fn mark(self, ok: bool) -> &'static str {
        match (self, ok) {
            (Self::Unicode, true) => "✓",
            (Self::Unicode, false) => "✗",
            (Self::Ascii, true) => "+",
            (Self::Ascii, false) => "x",
        }
    }
}

/// Text from outside, made harmless for a terminal: control characters become `\u{..}`.
#[must_use]
pub fn inert(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            safe.extend(c.escape_unicode())
        } else {
            safe.push(c)
        }
    }
    safe
}

/// A measured value with the digits that mean something.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    match value.abs() {
        v if v >= 100.0 || v == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Seconds of a run's time line, given milliseconds.
#[must_use]
pub fn seconds(ms: f64) -> String {
    format!("{:.3} s", ms / 1000.0)
}

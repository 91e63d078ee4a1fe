//! Structured log lines.

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The value of a field of a log line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Field<'a> {
    Text(&'a str),
    Integer(i64),
}

/// One line of log. The environment adds time, service and replica.
#[derive(Clone, Copy, Debug)]
pub struct LogEntry<'a> {
    pub level: Level,
    pub message: &'a str,
    pub event_id: Option<&'a str>,
    /// W3C Trace Context, as the event carries it.
    pub traceparent: Option<&'a str>,
    pub fields: &'a [(&'static str, Field<'a>)],
}

impl<'a> LogEntry<'a> {
    #[must_use]
    pub fn new(level: Level, message: &'a str) -> Self {
        Self {
            level,
            message,
            event_id: None,
            traceparent: None,
            fields: &[],
        }
    }

    #[must_use]
    pub fn fields(self, fields: &'a [(&'static str, Field<'a>)]) -> Self {
        Self { fields, ..self }
    }

    #[must_use]
    pub fn about(self, event_id: Option<&'a str>, traceparent: Option<&'a str>) -> Self {
        Self {
            event_id,
            traceparent,
            ..self
        }
    }
}

//! Problems in what the user wrote: all of them, each with its place and the fix.

use std::fmt;

/// One thing that is wrong in a file or an argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// A file's name, or an argument such as `--set bus.kafka.brokers`.
    pub source: String,
    /// Counted from 1; 0 when it has no line, as an argument.
    pub line: usize,
    /// In characters, counted from 1; 0 when it has no column.
    pub column: usize,
    pub what: String,
    /// How to mend it.
    pub fix: String,
}

impl Problem {
    /// Of a source as a whole: an argument, or a file that cannot be read.
    #[must_use]
    pub fn of(source: &str, what: String, fix: &str) -> Self {
        Self {
            source: source.to_owned(),
            line: 0,
            column: 0,
            what,
            fix: fix.to_owned(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.what)?;
        if self.fix.is_empty() {
            Ok(())
        } else {
            write!(f, "\n    fix: {}", self.fix)
        }
    }
}

/// Every problem that was found, in the order of the files. Never empty when it is an error.
#[derive(Clone, PartialEq, Eq, Debug, Default, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Most problems that are kept; a hostile file must not fill the memory.
    pub const LIMIT: usize = 200;

    pub fn push(&mut self, problem: Problem) {
        if self.0.len() < Self::LIMIT && !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        match self.0.len() {
            1 => write!(f, "1 problem"),
            n => write!(f, "{n} problems"),
        }
    }
}

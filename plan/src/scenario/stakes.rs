//! What an expectation is about besides the sinks: business invariants, limits that only warn, limits that stop the run.

use crate::plan::Environment;
use serde::{Deserialize, Serialize};
use squall_check::Weight;

/// What hangs on an expectation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Stakes {
    /// It is told, and changes no verdict.
    #[serde(default)]
    pub warns: bool,
    /// Where it counts; empty: everywhere.
    #[serde(default)]
    pub only_in: Vec<Environment>,
}

impl Stakes {
    #[must_use]
    pub fn weight(&self, environment: Environment) -> Weight {
        if !self.only_in.is_empty() && !self.only_in.contains(&environment) {
            Weight::Elsewhere
        } else if self.warns {
            Weight::Warns
        } else {
            Weight::Counts
        }
    }

    /// ` (warns only)` and the like; empty when it counts everywhere.
    #[must_use]
    pub fn told(&self) -> String {
        let mut told = Vec::new();
        if self.warns {
            told.push("warns only".to_owned());
        }
        if !self.only_in.is_empty() {
            let names: Vec<&str> = self.only_in.iter().map(|one| one.name()).collect();
            told.push(format!("counts in {}", names.join(", ")));
        }
        match told.is_empty() {
            true => String::new(),
            false => format!("  ({})", told.join(", ")),
        }
    }
}

/// Something that must be true of the business when the system has come to rest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invariant {
    pub name: String,
    pub check: InvariantCheck,
    #[serde(default)]
    pub stakes: Stakes,
}

impl Invariant {
    /// What is asked, in one line.
    #[must_use]
    pub fn asked(&self) -> String {
        match &self.check {
            InvariantCheck::Sql { query, .. } => query.split_whitespace().collect::<Vec<_>>(),
            InvariantCheck::Command { command, .. } => command.iter().map(String::as_str).collect(),
        }
        .join(" ")
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvariantCheck {
    /// The query yields exactly these rows, in this order, each value as text.
    Sql {
        /// Path of the database: a template.
        database: String,
        query: String,
        rows: Vec<Vec<String>>,
    },
    /// The program ends in time with this exit code, and prints this text.
    Command {
        /// Program and arguments, each a template.
        command: Vec<String>,
        within_ns: u64,
        exit: i32,
        output: Option<String>,
    },
}

/// Rows of a query that an invariant reads at most.
pub const INVARIANT_ROWS_MAX: usize = 1_000;

/// A limit on a live measure that stops the run when it has held for so long.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AbortLimit {
    /// One of [`squall_check::LIVE`], with its selector.
    pub metric: String,
    /// What must not be: `value>0.5`.
    pub expression: String,
    pub for_ns: u64,
}

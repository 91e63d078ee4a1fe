//! What harness and guard say to each other: one JSON value a line, over the guard's standard input and output.

use crate::environment::sweep::Swept;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Names one started process group; never used twice in a run.
pub type Token = u64;

/// Harness to guard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Answered by [`Told::Started`] or [`Told::Refused`].
    Start { token: Token, launch: Launch },
    /// To the whole group. Not answered; a group that is gone ignores it.
    Signal { token: Token, signal: Signal },
    /// End whatever is left of the run. Answered by [`Told::Swept`].
    Sweep,
}

/// A process to start: the leader of a new process group, standard input empty.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Launch {
    pub program: String,
    pub arguments: Vec<String>,
    /// Laid over the harness's own environment.
    pub environment: BTreeMap<String, String>,
    pub working_directory: PathBuf,
    /// Output and errors are appended here.
    pub log: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// SIGTERM, then SIGCONT so that a paused service hears it.
    Terminate,
    Kill,
    Pause,
    Resume,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Kill => "SIGKILL",
            Self::Pause => "SIGSTOP",
            Self::Resume => "SIGCONT",
        })
    }
}

/// Guard to harness.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// The guard stands; only now may services be started.
    Ready,
    Started {
        token: Token,
        pid: i32,
    },
    Refused {
        token: Token,
        reason: String,
    },
    /// The leader of the group ended.
    Exited {
        token: Token,
        pid: i32,
        exit: ExitSeen,
    },
    /// Nothing of the group is left and the leader was reaped. Comes after `Exited`.
    Gone {
        token: Token,
    },
    Swept(Swept),
}

/// How a process ended, as wait(2) told it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitSeen {
    Code(i32),
    Signal(i32),
}

impl ExitSeen {
    pub const KILLED: Self = Self::Signal(9);
}

impl fmt::Display for ExitSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(9) => f.write_str("SIGKILL"),
            Self::Signal(15) => f.write_str("SIGTERM"),
            Self::Signal(11) => f.write_str("SIGSEGV"),
            Self::Signal(6) => f.write_str("SIGABRT"),
            Self::Signal(number) => write!(f, "signal {number}"),
        }
    }
}

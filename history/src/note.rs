//! The low-rate rows of a history: everything that is not an operation on an event.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One row of the run's events.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    Op(squall_check::Op),
    Note(Note),
}

/// Something that happened at a time. In the file: one JSON line, `{"at": 12, "phase": {...}}`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Note {
    /// Nanoseconds since the start of the run.
    pub at: u64,
    #[serde(flatten)]
    pub what: What,
}

/// The kinds of notes. Readers keep kinds they do not know as [`What::Other`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// The first row of a run.
    Head(Head),
    /// A phase begins, or ends when `began` is false.
    Phase { name: Phase, began: bool },
    /// A fault of the plan.
    Fault {
        name: String,
        state: FaultState,
        #[serde(default)]
        detail: String,
    },
    /// What a broker or node says of itself.
    Fact(Fact),
    /// A group's committed offset: the next to read.
    Commit {
        group: String,
        #[serde(default)]
        member: String,
        topic: String,
        partition: i32,
        offset: i64,
    },
    /// A process of the system under test.
    Service {
        name: String,
        replica: u32,
        #[serde(default)]
        pid: Option<u32>,
        state: ServiceState,
        #[serde(default)]
        detail: String,
    },
    /// One value of a metric; not a number is written as null.
    Sample {
        metric: String,
        #[serde(default)]
        labels: BTreeMap<String, String>,
        #[serde(deserialize_with = "number_or_null")]
        value: f64,
    },
    /// Something that a verdict rests upon.
    Health {
        key: String,
        ok: bool,
        #[serde(default)]
        detail: String,
    },
    /// A business invariant was evaluated, after the drain.
    Invariant {
        name: String,
        state: InvariantState,
        #[serde(default)]
        detail: String,
    },
    /// A live limit stopped the run: which one, and for how long it was crossed, a whole sentence.
    Harm { detail: String },
    /// A total at the end of something.
    Counter {
        source: String,
        name: String,
        value: u64,
    },
    /// Something went wrong inside the harness or a tap.
    Problem { source: String, text: String },
    /// The last row of a run that ended in order. `outcome` is free text such as `complete` or `interrupted`.
    End { outcome: String },
    /// A kind that this version does not know, kept as it was read, without `at`.
    #[serde(untagged)]
    Other(Map<String, Value>),
}

/// The head of a history.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Head {
    /// Version of the rows' form, [`crate::ROWS_VERSION`].
    pub version: u32,
    pub scenario: String,
    pub seed: u64,
    pub environment: String,
    /// Wall-clock time of the start, RFC 3339.
    pub started: String,
    /// Digest of the plan, as text.
    #[serde(default)]
    pub plan: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    SetUp,
    Steady,
    WarmUp,
    Load,
    Heal,
    Drain,
    FinalRead,
    Judge,
    TearDown,
}

impl Phase {
    /// As users read it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
            Self::Steady => "steady-state gate",
            Self::WarmUp => "warm-up",
            Self::Load => "load",
            Self::Heal => "heal",
            Self::Drain => "drain",
            Self::FinalRead => "final read",
            Self::Judge => "judge",
            Self::TearDown => "tear-down",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultState {
    /// It begins.
    Injected,
    /// It was seen to bite, or to cause what the scenario demands (`detail` begins with the proof's name).
    Evidence,
    /// It is over.
    Healed,
    /// It could not be injected or healed.
    Failed,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    Starting,
    Ready,
    /// It ended by itself.
    Exited,
    /// A fault or the tear-down killed it.
    Killed,
    /// It was asked to stop, and did.
    Stopped,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvariantState {
    Met,
    Broken,
    /// It could not be evaluated.
    Failed,
}

/// What a broker or node says of itself: `kind` is `elected`, `isr`, `truncated`, `fenced`, `rebalanced`, ...
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Fact {
    /// Broker or node.
    pub node: u32,
    pub kind: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i32>,
    /// Of an in-sync set that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_sync: Option<InSync>,
    /// Where the logs of a partition's replicas end, when one of them begins to lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<LogEnd>,
}

/// The members of an in-sync set before and after a change.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct InSync {
    pub before: Vec<i32>,
    pub after: Vec<i32>,
}

impl InSync {
    /// Whether somebody left it.
    #[must_use]
    pub fn shrank(&self) -> bool {
        let left = |broker: &i32| !self.after.contains(broker);
        self.before.iter().any(left)
    }
}

/// Where the log of one replica ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogEnd {
    pub node: i32,
    pub end: i64,
    /// Its process is not there at present.
    pub is_down: bool,
}

impl Note {
    #[must_use]
    pub const fn new(at: u64, what: What) -> Self {
        Self { at, what }
    }

    /// Reads one line; a kind that is not known becomes [`What::Other`].
    pub fn from_json(line: &[u8]) -> Result<Self, serde_json::Error> {
        let mut fields: Map<String, Value> = serde_json::from_slice(line)?;
        let at = fields
            .shift_remove("at")
            .and_then(|at| at.as_u64())
            .ok_or_else(|| serde::de::Error::custom("a note without its time `at`"))?;
        let what = serde_json::from_value(Value::Object(fields))?;
        Ok(Self { at, what })
    }
}

impl From<squall_check::Op> for Event {
    fn from(op: squall_check::Op) -> Self {
        Self::Op(op)
    }
}

impl From<Note> for Event {
    fn from(note: Note) -> Self {
        Self::Note(note)
    }
}

/// JSON has no NaN and no infinities: serde_json writes them as null.
fn number_or_null<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

//! What must have been shown before a verdict may be `held`. Nothing is taken for granted: whatever is left at its
//! default makes the verdict inconclusive.

use crate::invariant::Evaluated;
use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether something that a verdict rests upon was shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    Yes,
    No {
        /// A whole sentence: what was expected, what was seen.
        why: String,
        /// A whole sentence: what to change.
        mend: String,
    },
    /// Nobody looked.
    #[default]
    Unknown,
}

impl Shown {
    #[must_use]
    pub fn no(why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::No {
            why: why.into(),
            mend: mend.into(),
        }
    }

    /// `Yes`, or `No` with the reason.
    #[must_use]
    pub fn when(shown: bool, why: impl Into<String>, mend: impl Into<String>) -> Self {
        if shown {
            Self::Yes
        } else {
            Self::no(why, mend)
        }
    }

    #[must_use]
    pub const fn is_shown(&self) -> bool {
        matches!(self, Self::Yes)
    }
}

/// The health of a run, told to [`crate::Judge::finish`].
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Probe events showed in every sink before the load.
    pub steady_state: Shown,
    /// By the name of the fault; every fault of the spec needs an entry.
    pub faults: BTreeMap<String, FaultHealth>,
    /// The load offered what the plan says, on time.
    pub rate: Shown,
    /// The drain ended because nothing was in flight any more.
    pub drain: Shown,
    /// In the order of the spec's sinks; every sink needs an entry.
    pub sinks: Vec<SinkHealth>,
    /// Every row that was recorded is in the history, its end included.
    pub recorder: Shown,
    /// The harness had time to spare: its CPU, the dispatch lag.
    pub harness: Shown,
    /// The system's processes ran whenever no fault held them down, and the environment with them.
    pub system: Shown,
    /// Anything else that was required, by its name.
    pub others: BTreeMap<String, Shown>,
    /// By its name; every invariant of the spec needs an entry.
    pub invariants: BTreeMap<String, Evaluated>,
    /// The run was stopped because it did harm: which limit was crossed for how long, a whole sentence.
    pub harm: Option<String>,
    /// By the name of the fault: the first thing that the cluster was seen to do because of it.
    pub signs: BTreeMap<String, Sign>,
    /// Metrics that the judge does not measure itself: `drain_ms`, `pacing_ms`, `achieved_rate`, `http_error_rate`, and those
    /// of leaders and of consumer groups.
    pub metrics: Metrics,
}

/// A visible consequence of a fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sign {
    /// Nanoseconds since the start of the run.
    pub at_ns: u64,
    /// One word or two: `election`, `rebalance`, `ISR shrink`.
    pub what: String,
}

/// What was seen of one fault.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FaultHealth {
    /// It was injected, and evidence shows that it bit.
    pub bit: Shown,
    /// It was healed.
    pub healed: Shown,
    /// What the scenario demands it to cause, by the name of the consequence.
    pub proofs: BTreeMap<String, Shown>,
}

/// What was seen of one sink.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SinkHealth {
    /// All there is in the sink and its dead letters was read, up to ends taken after the drain.
    pub final_read: Shown,
    /// Entries on their way to the sink at the end, such as its group's lag: an upper bound. `None`: not known.
    pub in_flight: Option<u64>,
    /// Nobody looked at the sink for so long, at most: an effect may have come so much earlier than it was seen.
    pub resolution_ms: u64,
}

impl Health {
    /// A run in which everything was shown: where a caller starts that strikes off what was not, and tests.
    #[must_use]
    pub fn sound<'a>(sinks: usize, faults: impl IntoIterator<Item = &'a str>) -> Self {
        let fault = FaultHealth {
            bit: Shown::Yes,
            healed: Shown::Yes,
            proofs: BTreeMap::new(),
        };
        let sink = SinkHealth {
            final_read: Shown::Yes,
            in_flight: Some(0),
            resolution_ms: 0,
        };
        Self {
            steady_state: Shown::Yes,
            faults: faults
                .into_iter()
                .map(|name| (name.to_owned(), fault.clone()))
                .collect(),
            rate: Shown::Yes,
            drain: Shown::Yes,
            sinks: vec![sink; sinks],
            recorder: Shown::Yes,
            harness: Shown::Yes,
            system: Shown::Yes,
            others: BTreeMap::new(),
            invariants: BTreeMap::new(),
            harm: None,
            signs: BTreeMap::new(),
            metrics: Metrics::default(),
        }
    }
}

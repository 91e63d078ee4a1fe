//! Business invariants: what a query or a program said of the system when it had come to rest.

use serde::{Deserialize, Serialize};

/// Whether what was observed bears on the verdict.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Broken: violated. Not observed: inconclusive.
    #[default]
    Counts,
    /// It is told, and changes no verdict.
    Warns,
    /// It counts in other environments than this one: told only.
    Elsewhere,
}

impl Weight {
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Counts)
    }

    /// As reports say it; empty for what counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counts => "",
            Self::Warns => "warns only",
            Self::Elsewhere => "does not count in this environment",
        }
    }
}

/// An invariant that the run is held to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvariantSpec {
    pub name: String,
    pub weight: Weight,
}

/// What became of the evaluation of an invariant, after the drain.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evaluated {
    /// It holds; with what was seen.
    Met(String),
    /// It does not hold; with what was expected and seen.
    Broken(String),
    /// It could not be evaluated; a whole sentence why.
    Failed(String),
    /// Nobody tried.
    #[default]
    Unknown,
}

/// The account of one invariant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InvariantResult {
    pub name: String,
    pub weight: Weight,
    pub evaluated: Evaluated,
    /// It is broken, and the run had come to rest: it stands as a violation.
    pub violated: bool,
}

impl InvariantResult {
    /// `settled`: the run was sound up to its end and nothing was in flight, so that a broken invariant stands.
    pub(crate) fn of(spec: &InvariantSpec, evaluated: Evaluated, settled: bool) -> Self {
        let broken = matches!(evaluated, Evaluated::Broken(_));
        Self {
            name: spec.name.clone(),
            weight: spec.weight,
            violated: broken && settled && spec.weight.counts(),
            evaluated,
        }
    }

    #[must_use]
    pub const fn is_met(&self) -> bool {
        matches!(self.evaluated, Evaluated::Met(_))
    }
}

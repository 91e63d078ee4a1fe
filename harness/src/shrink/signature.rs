//! What makes two violations the same.

use squall_check::{AnomalyName, Judgement};
use std::fmt;

/// The gravest violation of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signature {
    /// An anomaly in a sink. Whether a lost event was the last of its partition makes no difference.
    Anomaly {
        name: AnomalyName,
        sink: String,
    },
    Invariant(String),
    Limit {
        key: String,
        expression: String,
    },
    Harm,
}

impl Signature {
    /// `None`: nothing is violated.
    #[must_use]
    pub fn of(judgement: &Judgement) -> Option<Self> {
        Self::all(judgement).into_iter().next()
    }

    /// All violations, the gravest first.
    fn all(judgement: &Judgement) -> Vec<Self> {
        if judgement.verdict != squall_check::Verdict::Violated {
            return Vec::new();
        }
        let mut violations: Vec<_> = judgement.violations().collect();
        violations.sort_by_key(|one| one.name.headline());
        let anomalies = violations.into_iter().map(|one| Self::Anomaly {
            name: alike(one.name),
            sink: one.sink.clone(),
        });
        let invariants = judgement.invariants.iter().filter(|one| one.violated);
        let invariants = invariants.map(|one| Self::Invariant(one.name.clone()));
        let harm = judgement.harm.iter().map(|_| Self::Harm);
        let limits = judgement.thresholds.iter().filter(|one| one.is_crossed());
        let limits = limits.map(|one| Self::Limit {
            key: one.key.clone(),
            expression: one.expression.clone(),
        });
        anomalies
            .chain(invariants)
            .chain(harm)
            .chain(limits)
            .collect()
    }

    #[must_use]
    pub fn is_in(&self, judgement: &Judgement) -> bool {
        Self::all(judgement).contains(self)
    }

    /// Names of anomalies that a scenario may expect.
    #[must_use]
    pub fn anomalies(&self) -> Vec<&'static str> {
        match self {
            // Which of the two it is may hang on the last event.
            Self::Anomaly {
                name: AnomalyName::LostWrite,
                ..
            } => Vec::new(),
            Self::Anomaly { name, .. } => vec![name.name()],
            _ => Vec::new(),
        }
    }

    /// How much of it a run shows.
    #[must_use]
    pub fn count(&self, judgement: &Judgement) -> String {
        let Self::Anomaly { name, sink } = self else {
            return self.to_string();
        };
        let same = judgement
            .anomalies
            .iter()
            .filter(|one| one.sink == *sink && alike(one.name) == *name);
        let counts = same.map(|one| format!("{} x{}", one.name.name(), one.count));
        counts.collect::<Vec<_>>().join(", ")
    }
}

const fn alike(name: AnomalyName) -> AnomalyName {
    match name {
        AnomalyName::Unseen => AnomalyName::LostWrite,
        other => other,
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anomaly { name, sink } => write!(f, "{} in {sink}", name.name()),
            Self::Invariant(name) => write!(f, "the broken invariant {name}"),
            Self::Limit { key, expression } => write!(f, "{key} beyond {expression}"),
            Self::Harm => write!(f, "harm that stops the run"),
        }
    }
}

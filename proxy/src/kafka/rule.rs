//! What a fault does to Kafka frames.

use super::api::Api;
use super::error_answer::can_answer;
use super::flow::Link;
use squall_plan::fault::Distribution;
use std::collections::BTreeSet;
use thiserror::Error;

/// One fault on frames. Every frame that it matches is hit with the chance `share_ppm`, drawn from a stream of its own for each
/// connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Unique; names the random stream and the evidence.
    pub name: String,
    pub scope: Scope,
    /// Keys of the APIs whose requests or answers it matches; `None`: all.
    pub apis: Option<BTreeSet<i16>>,
    /// Parts per million of what it matches.
    pub share_ppm: u32,
    /// How often it may act, over all connections; `None`: no bound.
    pub acts_max: Option<u64>,
    pub action: Action,
}

/// Which connections.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Scope {
    /// `None`: every party.
    pub parties: Option<BTreeSet<String>>,
    /// `None`: every broker.
    pub brokers: Option<BTreeSet<i32>>,
}

/// Requests go upstream, answers to the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Requests,
    Answers,
}

/// What happens to a frame that is hit. Of several rules that hit one frame the first delays it and the first breaks it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Resets the connection after this many bytes of the frame have passed: 0 cuts between frames, more than the frame has cuts
    /// behind it.
    Cut { way: Way, after_bytes: usize },
    /// This answer and all later ones of the connection never come; the connection is reset after a time, or when the rule ends.
    WithholdAnswers { reset_after_ns: Option<u64> },
    /// The frame, and so everything behind it, passes later.
    Delay {
        way: Way,
        latency_ns: u64,
        jitter_ns: u64,
        distribution: Distribution,
    },
    /// The frame, and so everything behind it, passes when the rule ends.
    Hold { way: Way },
    /// The request is answered with this error and never reaches the broker. A Produce with `acks=0` has no answer: its connection is
    /// reset, as a broker does it.
    AnswerError { error: i16 },
    /// The request reaches the broker, its answer never comes: instead the connection is reset.
    LoseAnswer,
}

/// Why rules are refused.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RuleError {
    #[error("two rules are named {0:?}: give every rule a name of its own")]
    DuplicateName(String),
    #[error("rule {rule:?}: a share of {share_ppm} parts per million is more than all")]
    Share { rule: String, share_ppm: u32 },
    #[error(
        "rule {rule:?}: an error answer to {api} cannot be made; name APIs with `apis`, of: {known}"
    )]
    CannotAnswer {
        rule: String,
        api: String,
        known: String,
    },
}

impl Action {
    /// Frames of which direction it looks at.
    #[must_use]
    pub fn way(self) -> Way {
        match self {
            Self::Cut { way, .. } | Self::Delay { way, .. } | Self::Hold { way } => way,
            Self::WithholdAnswers { .. } => Way::Answers,
            Self::AnswerError { .. } | Self::LoseAnswer => Way::Requests,
        }
    }

    /// Whether it lets the frame pass in the end.
    #[must_use]
    pub fn delays(self) -> bool {
        matches!(self, Self::Delay { .. } | Self::Hold { .. })
    }
}

impl Rule {
    /// A rule for all connections and APIs that hits every frame.
    #[must_use]
    pub fn new(name: &str, action: Action) -> Self {
        Self {
            name: name.to_owned(),
            scope: Scope::default(),
            apis: None,
            share_ppm: 1_000_000,
            acts_max: None,
            action,
        }
    }

    #[must_use]
    pub fn for_apis(mut self, keys: &[i16]) -> Self {
        self.apis = Some(keys.iter().copied().collect());
        self
    }

    #[must_use]
    pub fn share_ppm(mut self, share_ppm: u32) -> Self {
        self.share_ppm = share_ppm;
        self
    }

    #[must_use]
    pub fn acts_max(mut self, acts_max: u64) -> Self {
        self.acts_max = Some(acts_max);
        self
    }

    pub(super) fn matches(&self, way: Way, key: i16) -> bool {
        self.action.way() == way && self.apis.as_ref().is_none_or(|keys| keys.contains(&key))
    }

    /// # Errors
    /// When it asks for what cannot be done.
    pub fn check(&self) -> Result<(), RuleError> {
        if self.share_ppm > 1_000_000 {
            return Err(RuleError::Share {
                rule: self.name.clone(),
                share_ppm: self.share_ppm,
            });
        }
        if !matches!(self.action, Action::AnswerError { .. }) {
            return Ok(());
        }
        let cannot = match &self.apis {
            None => Some("every API".to_owned()),
            Some(keys) => keys.iter().find(|key| !can_answer(**key)).map(|key| {
                Api::from_key(*key).map_or_else(|| format!("api key {key}"), |a| a.name.to_owned())
            }),
        };
        cannot.map_or(Ok(()), |api| {
            let known = Api::ALL.iter().filter(|api| can_answer(api.key));
            Err(RuleError::CannotAnswer {
                rule: self.name.clone(),
                api,
                known: known.map(|api| api.name).collect::<Vec<_>>().join(", "),
            })
        })
    }
}

impl Scope {
    #[must_use]
    pub fn covers(&self, link: &Link) -> bool {
        let party = self.parties.as_ref();
        party.is_none_or(|parties| parties.contains(&link.party))
            && self
                .brokers
                .as_ref()
                .is_none_or(|brokers| brokers.contains(&link.broker))
    }
}

//! What a sink promises, and which of it one event breaks: the checker's rules, on what is known so far.

use super::track::{Outcome, Slot};
use squall_check::{AnomalyName, Expected, Semantics};
use squall_plan::Plan;
use squall_plan::scenario::{self, DeadLetters};

/// Of one sink.
#[derive(Clone, Debug)]
pub struct Rules {
    pub loss_is_legal: bool,
    pub duplicates_are_legal: bool,
    pub ordered: bool,
    dead_letters_allowed: bool,
    /// By stream.
    expects: Vec<Expected>,
}

impl Rules {
    /// Of each sink of a plan.
    pub fn of(plan: &Plan) -> Vec<Self> {
        let sinks = 0..plan.system.spec.sinks.len();
        sinks.map(|sink| Self::of_sink(plan, sink)).collect()
    }

    fn of_sink(plan: &Plan, sink: usize) -> Self {
        let promise = plan.expect.sinks.get(sink);
        let semantics = promise.map(|promise| promise.semantics);
        let expects = |load: &squall_plan::plan::PlannedLoad| match load.load.outcomes.get(sink) {
            Some(scenario::Outcome::Effect) => Expected::Effect,
            Some(scenario::Outcome::DeadLetter) => Expected::DeadLetter,
            Some(scenario::Outcome::Nothing) | None => Expected::Nothing,
        };
        Self {
            loss_is_legal: semantics.is_some_and(Semantics::allows_loss),
            duplicates_are_legal: semantics.is_some_and(Semantics::allows_duplicates),
            ordered: promise.is_some_and(|promise| promise.ordered),
            dead_letters_allowed: plan.expect.dead_letters == DeadLetters::Allowed,
            expects: plan.loads.iter().map(expects).collect(),
        }
    }

    pub fn expected(&self, stream: u16) -> Expected {
        let expected = self.expects.get(usize::from(stream)).copied();
        expected.unwrap_or(Expected::Nothing)
    }

    /// Something must become of an accepted event of the stream here.
    pub fn is_due(&self, stream: u16) -> bool {
        self.expected(stream) != Expected::Nothing
    }

    /// What one event breaks, but for loss and order, which are not its own alone.
    pub fn broken(&self, slot: &Slot, bit: u16, stream: u16) -> Broken {
        let expected = self.expected(stream);
        let shown = (slot.seen | slot.finally) & bit != 0;
        let dead = slot.dead & bit != 0;
        let taken = matches!(slot.outcome, Outcome::Accepted | Outcome::Unknown);
        let stray_letter = match expected {
            Expected::Effect => !self.dead_letters_allowed,
            Expected::DeadLetter => false,
            Expected::Nothing => true,
        };
        Broken([
            slot.twice & bit != 0 && !self.duplicates_are_legal,
            slot.outcome == Outcome::Rejected && (shown || dead),
            taken && shown && expected != Expected::Effect,
            taken && dead && stray_letter,
        ])
    }
}

/// In the order of [`Broken::NAMES`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Broken([bool; 4]);

impl Broken {
    const NAMES: [AnomalyName; 4] = [
        AnomalyName::DuplicateEffect,
        AnomalyName::RejectedEffect,
        AnomalyName::UnexpectedEffect,
        AnomalyName::UnexpectedDeadLetter,
    ];

    /// What was not broken before.
    pub fn since(self, before: Self) -> impl Iterator<Item = AnomalyName> {
        let both = self.0.into_iter().zip(before.0);
        let new = both.map(|(now, before)| now && !before);
        new.zip(Self::NAMES)
            .filter_map(|(is_new, name)| is_new.then_some(name))
    }
}

//! Bugs that can be planted, each a mistake that real systems make.

use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Bug {
    /// Offsets are committed before the effects are done: a crash in between loses them.
    CommitBeforeEffect,
    /// The producer is content with the leader's word: a change of leader can lose what it acknowledged.
    Acks1,
    /// The client commits what it delivered, while handlers still work on it: a crash loses it.
    AutoCommitAsync,
    /// Effects are not keyed by the event's id: whatever is delivered again is done again.
    MissingIdempotence,
    /// An effect that fails for now is not tried again.
    DroppedRetry,
    /// What cannot be handled vanishes, and does not reach the dead-letter topic.
    SwallowedDeadLetter,
    /// consumer-db sends the mail before it writes the row: trouble with mail holds up the rows.
    CoupledConsumers,
}

impl Bug {
    pub const ALL: [(&'static str, Self); 7] = [
        ("commit-before-effect", Self::CommitBeforeEffect),
        ("acks-1", Self::Acks1),
        ("auto-commit-async", Self::AutoCommitAsync),
        ("missing-idempotence", Self::MissingIdempotence),
        ("dropped-retry", Self::DroppedRetry),
        ("swallowed-dead-letter", Self::SwallowedDeadLetter),
        ("coupled-consumers", Self::CoupledConsumers),
    ];
}

/// The bugs that are switched on.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Bugs(BTreeSet<Bug>);

impl Bugs {
    #[must_use]
    pub fn has(&self, bug: Bug) -> bool {
        self.0.contains(&bug)
    }

    /// Names with commas between; blanks and empty names do not matter.
    ///
    /// # Errors
    /// One sentence for each name that is none.
    pub fn parse(list: &str) -> Result<Self, Vec<String>> {
        let mut bugs = BTreeSet::new();
        let mut problems = Vec::new();
        for name in list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match Bug::ALL.iter().find(|(known, _)| *known == name) {
                Some((_, bug)) => {
                    bugs.insert(*bug);
                }
                None => {
                    let known: Vec<&str> = Bug::ALL.iter().map(|(name, _)| *name).collect();
                    problems.push(format!(
                        "SQUALL_BUGS: there is no bug `{name}`; there are {}",
                        known.join(", ")
                    ));
                }
            }
        }
        if problems.is_empty() {
            Ok(Self(bugs))
        } else {
            Err(problems)
        }
    }
}

impl FromIterator<Bug> for Bugs {
    fn from_iter<I: IntoIterator<Item = Bug>>(bugs: I) -> Self {
        Self(bugs.into_iter().collect())
    }
}

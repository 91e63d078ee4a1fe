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
    /// The producer says yes as soon as the event is in its buffer.
    AnswerBeforeAck,
    /// The producer says yes when it does not know whether the broker has the event.
    InDoubtAsTaken,
    /// The producer says that the event was not taken when it does not know.
    InDoubtAsRefused,
    /// The producer forgets the key: events of one user go to any partition.
    NoKey,
    /// A producer that is asked to stop says yes to all that still waits for the broker.
    AnswerAtShutdown,
    /// The whole batch counts as done with its first effect.
    SettleFirst,
    /// A consumer that is asked to stop counts the rest of its batch as done.
    SettleAtShutdown,
    /// What failed for now is kept in memory, to be tried again with the next batch, and counts as done meanwhile.
    RetryInMemory,
    /// What fails for now is dead-lettered at once.
    GiveUpAtOnce,
    /// What cannot be read is tried again for ever, and all behind it waits.
    PoisonForever,
    /// What cannot be read takes the rest of its batch with it.
    PoisonTakesBatch,
    /// The next batch is begun while the one before is still being worked on.
    ConcurrentBatches,
    /// What failed for now is tried again behind the rest of its batch.
    UnorderedRetry,
    /// A dead letter counts as written as soon as it is in the client's buffer.
    DeadLetterUnacknowledged,
    /// Which events were handled is known to the process alone, and gone with it.
    DedupInMemory,
    /// Only the last few events that were handled are known.
    DedupWindow,
    /// Two events of one user are taken for the same event.
    DedupByUser,
    /// That an event was handled is noted in a transaction of its own, before its effect.
    MarkerBeforeRow,
    /// Events that the process's wall clock calls old are skipped.
    StaleByClock,
}

impl Bug {
    pub const ALL: [(&'static str, Self); 26] = [
        ("commit-before-effect", Self::CommitBeforeEffect),
        ("acks-1", Self::Acks1),
        ("auto-commit-async", Self::AutoCommitAsync),
        ("missing-idempotence", Self::MissingIdempotence),
        ("dropped-retry", Self::DroppedRetry),
        ("swallowed-dead-letter", Self::SwallowedDeadLetter),
        ("coupled-consumers", Self::CoupledConsumers),
        ("answer-before-ack", Self::AnswerBeforeAck),
        ("in-doubt-as-taken", Self::InDoubtAsTaken),
        ("in-doubt-as-refused", Self::InDoubtAsRefused),
        ("no-key", Self::NoKey),
        ("answer-at-shutdown", Self::AnswerAtShutdown),
        ("settle-first", Self::SettleFirst),
        ("settle-at-shutdown", Self::SettleAtShutdown),
        ("retry-in-memory", Self::RetryInMemory),
        ("give-up-at-once", Self::GiveUpAtOnce),
        ("poison-forever", Self::PoisonForever),
        ("poison-takes-batch", Self::PoisonTakesBatch),
        ("concurrent-batches", Self::ConcurrentBatches),
        ("unordered-retry", Self::UnorderedRetry),
        ("dead-letter-unacknowledged", Self::DeadLetterUnacknowledged),
        ("dedup-in-memory", Self::DedupInMemory),
        ("dedup-window", Self::DedupWindow),
        ("dedup-by-user", Self::DedupByUser),
        ("marker-before-row", Self::MarkerBeforeRow),
        ("stale-by-clock", Self::StaleByClock),
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

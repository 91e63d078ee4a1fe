//! What may differ between our cluster and a real one, each with its reason. Nothing else may.

use crate::seen::{Code, Seen};
use crate::step::{Flaw, Number, Produce, Step, To, What};

/// A difference that is known and accepted.
pub struct Exception {
    pub name: &'static str,
    pub reason: &'static str,
    /// The step, those before it, what ours answered, what the real one answered.
    applies: fn(&Step, &[Step], &Seen, &Seen) -> bool,
}

/// All of them.
pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        name: "follower-reads",
        reason: "Kafka lets a consumer of Fetch 11 and up read from any replica (KIP-392). The model has no replica selector, so no client \
                 is ever sent to a follower, and one that comes by itself is sent to the leader.",
        applies: |step, _, ours, _| {
            let refused = matches!(ours, Seen::Fetched(fetched) if fetched.code == NOT_LEADER);
            matches!(step, Step::Fetch { to, .. } if *to != To::Leader) && refused
        },
    },
    Exception {
        name: "max-timestamp-in-batch",
        reason: "The model knows the greatest timestamp of a batch and not those of its records, and says the batch's last record; Kafka \
                 says the first record that has it. They differ for batches whose records have one timestamp.",
        applies: |step, _, ours, theirs| match (step, ours, theirs) {
            (
                Step::ListOffsets {
                    what: What::MaxTimestamp,
                    ..
                },
                Seen::Listed {
                    code: 0,
                    offset: our,
                    timestamp: at,
                    epoch,
                },
                Seen::Listed {
                    code: 0,
                    offset: their,
                    timestamp,
                    epoch: their_epoch,
                },
            ) => our >= their && our - their < 4 && (at, epoch) == (timestamp, their_epoch),
            _ => false,
        },
    },
    Exception {
        name: "unknown-magic-first",
        reason: "Both refuse a batch of an unknown format. Kafka does so before it looks whether the partition is led here or the acks are \
                 possible, the model after it. Which of two refusals comes first matters to no client.",
        applies: |step, _, ours, theirs| {
            let unknown = matches!(
                step,
                Step::Produce(Produce {
                    flaw: Some(Flaw::BadMagic),
                    ..
                })
            );
            unknown && is_refused(ours) && is_refused(theirs)
        },
    },
    Exception {
        name: "offsets-of-deleted-topics",
        reason: "Kafka drops what groups committed for a topic when the topic is deleted; the model keeps it until the group is deleted.",
        applies: |step, before, ours, theirs| match (step, ours, theirs) {
            (
                Step::FetchOffsets { .. },
                Seen::Offsets {
                    code: 0,
                    committed: our,
                },
                Seen::Offsets {
                    code: 0,
                    committed: their,
                },
            ) => {
                let deleted = |of: Number| {
                    let mut before = before.iter();
                    before.any(|s| matches!(s, Step::DeleteTopic { topic } if *topic == of))
                };
                let alike = |(place, at): (&(Number, i32), _)| match their.get(place) {
                    Some(told) => told == at,
                    None => deleted(place.0),
                };
                their.keys().all(|place| our.contains_key(place)) && our.iter().all(alike)
            }
            _ => false,
        },
    },
    Exception {
        name: "group-without-assignment",
        reason: "Kafka 4 writes a record when a group begins, the model when it has its first assignment. When the coordinator moves in \
                 between, Kafka knows an empty group and the model none; both have forgotten the members. A commit by one of those is refused by \
                 both: as of an unknown member by Kafka, as of another generation by the model.",
        applies: |step, _, ours, theirs| match (step, ours, theirs) {
            (
                Step::DescribeGroup { .. },
                Seen::Group {
                    state: our,
                    members: none,
                    ..
                },
                Seen::Group {
                    state: their,
                    members,
                    ..
                },
            ) => our == "Dead" && their == "Empty" && none.is_empty() && members.is_empty(),
            (Step::DeleteGroup { .. }, Seen::Code(our), Seen::Code(their)) => {
                (*our, *their) == (GROUP_ID_NOT_FOUND, 0)
            }
            (Step::Commit { .. }, Seen::Code(our), Seen::Code(their)) => {
                (*our, *their) == (ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID)
            }
            _ => false,
        },
    },
];

const GROUP_ID_NOT_FOUND: Code = 69;
const ILLEGAL_GENERATION: Code = 22;
const UNKNOWN_MEMBER_ID: Code = 25;
const NOT_LEADER: Code = 6;

fn is_refused(seen: &Seen) -> bool {
    matches!(seen, Seen::Produced(produced) if produced.code > 0 && produced.base == -1)
}

/// The exception that a difference falls under. `before`: the steps that came before.
#[must_use]
pub fn find(
    step: &Step,
    before: &[Step],
    ours: &Seen,
    theirs: &Seen,
) -> Option<&'static Exception> {
    let mut all = EXCEPTIONS.iter();
    all.find(|e| (e.applies)(step, before, ours, theirs))
}

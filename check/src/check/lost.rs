//! `lost-write` and `unseen`: accepted, and the sink shows neither effect nor dead letter.
//!
//! It is a lost write when the sink has moved past it: something later was seen (later by offset in the same partition of
//! the entry; later in the load when the partition is not known), or the event itself was seen live and is gone from the
//! final read. It is unseen when nothing later was seen either, as after a break of the whole pipe.

use super::Account;
use crate::spec::Expected;

/// Due and not accounted for: lost, unless it is still in flight.
pub const fn is_missing(account: &Account) -> bool {
    account.is_due()
        && match account.expected {
            // A dead letter accounts for it too; whether it may be one is another question.
            Expected::Effect => !account.effect && !account.dead,
            // An effect in its place is an anomaly of its own.
            Expected::DeadLetter => !account.dead && !account.glimpsed,
            Expected::Nothing => false,
        }
}

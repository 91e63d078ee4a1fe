//! `unexpected-dead-letter`: a dead letter of an event that does not belong there.

use super::{Account, Fate};
use crate::spec::Expected;

pub const fn is_unexpected_dead_letter(account: &Account) -> bool {
    account.dead
        && matches!(account.fate, Fate::Accepted | Fate::Indeterminate)
        && match account.expected {
            Expected::Effect => !account.dead_letters_allowed,
            Expected::DeadLetter => false,
            Expected::Nothing => true,
        }
}

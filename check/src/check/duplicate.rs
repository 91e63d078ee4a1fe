//! `duplicate-effect`: more than one stored effect of an event. At-least-once sinks allow it.

use super::Account;

pub const fn is_duplicated(account: &Account) -> bool {
    account.multiple
}

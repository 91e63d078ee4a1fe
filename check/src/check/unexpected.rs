//! `unexpected-effect`: an effect of an event that must have none in this sink: a poison event, or one that does not
//! concern it. Rejected and unknown events have anomalies of their own.

use super::{Account, Fate};
use crate::spec::Expected;

pub const fn is_unexpected_effect(account: &Account) -> bool {
    matches!(account.fate, Fate::Accepted | Fate::Indeterminate)
        && !matches!(account.expected, Expected::Effect)
        && account.glimpsed
}

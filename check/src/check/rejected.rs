//! `rejected-effect`: the system said that it had definitely not taken the event, and yet it shows.

use super::{Account, Fate};

pub const fn is_rejected_effect(account: &Account) -> bool {
    matches!(account.fate, Fate::Rejected) && account.shows()
}

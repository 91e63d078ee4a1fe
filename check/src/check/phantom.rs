//! `phantom`: an effect or dead letter of an event of which the history knows neither an offer nor an outcome.

use super::{Account, Fate};

pub const fn is_phantom(account: &Account) -> bool {
    matches!(account.fate, Fate::NeverOffered) && account.shows()
}

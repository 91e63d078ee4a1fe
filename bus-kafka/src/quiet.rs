//! Complaints that librdkafka repeats at every attempt, told once a while.

use crate::outcomes::lock;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The same complaint is not told again within this time.
const SILENCE: Duration = Duration::from_secs(1);

/// When each kind of complaint was last told.
#[derive(Default)]
pub(crate) struct Quiet(Mutex<BTreeMap<String, Instant>>);

impl Quiet {
    /// Whether a complaint of this kind is to be told. Kinds are few: the error codes of the library.
    pub(crate) fn tells(&self, kind: String, now: Instant) -> bool {
        let mut told = lock(&self.0);
        match told.get(&kind) {
            Some(last) if now.saturating_duration_since(*last) < SILENCE => false,
            _ => {
                told.insert(kind, now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_a_second() {
        let (quiet, start) = (Quiet::default(), Instant::now());
        let tells =
            |kind: &str, ms| quiet.tells(kind.to_owned(), start + Duration::from_millis(ms));
        assert!(tells("down", 0));
        assert!(!tells("down", 0) && !tells("down", 999));
        assert!(tells("refused", 500));
        assert!(tells("down", 1_000));
        assert!(!tells("down", 1_999));
    }
}

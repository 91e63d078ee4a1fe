//! The labels by which everything of a run is found again, and by which it is known whether its run still lives.

use crate::environment::owner::Owner;
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// On everything that Squall starts; the value names the run.
pub const RUN: &str = "test.squall.run";
/// The harness's process id.
const PID: &str = "test.squall.pid";
/// When that process started.
const STARTED: &str = "test.squall.pid-started";
/// The machine, as an engine may serve several.
const HOST: &str = "test.squall.host";

/// Of one run of this process.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Short and unique; begins the names of containers and network.
    pub run: String,
    all: HashMap<String, String>,
}

impl Labels {
    pub fn of_this_process() -> Self {
        let owner = Owner::this_process();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis() & 0xff_ffff;
        let run = format!("squall-{:x}-{millis:x}", owner.pid);
        let all = [
            (RUN, run.clone()),
            (PID, owner.pid.to_string()),
            (STARTED, owner.started),
            (HOST, owner.host),
        ];
        let all = all.map(|(key, value)| (key.to_owned(), value));
        Self {
            run,
            all: all.into(),
        }
    }

    pub const fn all(&self) -> &HashMap<String, String> {
        &self.all
    }
}

/// Whether the run that put these labels is over: its harness was on this machine and is gone.
pub fn is_left_over(labels: &HashMap<String, String>) -> bool {
    let get = |key: &str| labels.get(key).cloned();
    let pid = get(PID).and_then(|pid| pid.parse().ok());
    let owner = pid.zip(get(STARTED)).zip(get(HOST));
    owner.is_some_and(|((pid, started), host)| Owner { pid, started, host }.is_gone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_harness_left_is_left_over() {
        let own = Labels::of_this_process();
        assert!(!is_left_over(own.all()));
        let mut gone = own.all().clone();
        gone.insert(PID.to_owned(), "4194305".to_owned());
        assert!(is_left_over(&gone));
        assert!(!is_left_over(&HashMap::new()));
    }
}

//! The labels by which everything of a run is found again, and by which it is known whether its run still lives.

use crate::environment::processes;
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// On everything that Squall starts; the value names the run.
pub const RUN: &str = "test.squall.run";
/// The harness's process id.
const PID: &str = "test.squall.pid";
/// Which boot, and when in it that process started, in ticks: process ids are used again.
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
        let pid = std::process::id();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis() & 0xff_ffff;
        let run = format!("squall-{pid:x}-{millis:x}");
        let started = i32::try_from(pid).ok().and_then(started);
        let all = [
            (RUN, run.clone()),
            (PID, pid.to_string()),
            (STARTED, started.unwrap_or_default()),
            (HOST, host()),
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
    let get = |key: &str| labels.get(key).map(String::as_str);
    // Where there is no /proc nobody can be told alive from dead.
    if host().is_empty() || get(HOST) != Some(&host()) {
        return false;
    }
    let Some(pid) = get(PID).and_then(|pid| pid.parse().ok()) else {
        return false;
    };
    started(pid).as_deref() != get(STARTED)
}

/// When a living process started. `None`: there is no such process.
fn started(pid: i32) -> Option<String> {
    let process = processes::read(pid)?;
    let ticks = process.started_ticks();
    process.is_alive().then(|| format!("{}/{ticks}", boot()))
}

fn boot() -> String {
    kernel("random/boot_id")
}

fn host() -> String {
    kernel("hostname")
}

/// Empty where there is no `/proc`.
fn kernel(name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}"));
    text.unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_harness_of_this_machine_left_is_left_over() {
        let own = Labels::of_this_process();
        assert!(!is_left_over(own.all()));
        let with = |key: &str, value: &str| {
            let mut labels = own.all().clone();
            labels.insert(key.to_owned(), value.to_owned());
            labels
        };
        // The same number, another process.
        assert!(is_left_over(&with(STARTED, "1")));
        let mut gone = with(PID, "4194305");
        assert!(is_left_over(&gone));
        gone.insert(HOST.to_owned(), "elsewhere".to_owned());
        assert!(!is_left_over(&gone));
        assert!(!is_left_over(&HashMap::new()));
    }
}

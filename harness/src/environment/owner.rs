//! Whose something is: the process that made it, told from one that has its number now. What a killed harness left behind, on a container
//! engine or a cluster of others', is known by it.

use super::processes;
use serde::{Deserialize, Serialize};

/// A process of this or another machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// Which boot, and when in it that process started, in ticks: process ids are used again.
    pub started: String,
    pub host: String,
}

impl Owner {
    #[must_use]
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            started: started(pid).unwrap_or_default(),
            host: host(),
        }
    }

    /// It was on this machine and has ended. Where there is no `/proc` nobody can be told alive from dead, and nobody is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let here = host();
        !here.is_empty() && self.host == here && started(self.pid).as_deref() != Some(&self.started)
    }
}

/// When a living process started. `None`: there is no such process.
fn started(pid: u32) -> Option<String> {
    let process = processes::read(i32::try_from(pid).ok()?)?;
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
    fn only_a_dead_process_of_this_machine_is_gone() {
        let own = Owner::this_process();
        assert!(!own.is_gone());
        // The same number, another process.
        let other = Owner {
            started: "1".to_owned(),
            ..own.clone()
        };
        assert!(other.is_gone());
        let gone = Owner {
            pid: 4_194_305,
            ..own
        };
        assert!(gone.is_gone());
        let elsewhere = Owner {
            host: "elsewhere".to_owned(),
            ..gone
        };
        assert!(!elsewhere.is_gone());
    }
}

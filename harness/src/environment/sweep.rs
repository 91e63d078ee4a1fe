//! The last net: finds every process of a run, forked, paused or strayed into another session, and ends it.

use super::processes::{self, Process};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Environment variable that every service of a run carries, and what they start inherits.
pub const MARKER_VARIABLE: &str = "SQUALL_RUN";

/// As [`MARKER_VARIABLE`], with the replica that it is a process of: `consumer-db/0`.
pub const REPLICA_VARIABLE: &str = "SQUALL_REPLICA";

/// How a process of a run is recognised. Any one suffices.
#[derive(Clone, Debug)]
pub struct Net {
    /// Value of [`MARKER_VARIABLE`].
    pub run: String,
    /// Value of [`REPLICA_VARIABLE`], where a process that carries the run's marker must carry this too.
    pub replica: Option<String>,
    /// Process groups that were made for services.
    pub groups: BTreeSet<i32>,
    /// Everything that descends from this process: the guard, to which orphans are handed.
    pub root: Option<i32>,
}

/// A process that a sweep met.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stray {
    pub pid: i32,
    pub command: String,
}

/// What a sweep did. The proof that nothing remains is that `left` is empty.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Swept {
    /// Processes that were still there and were ended.
    pub ended: Vec<Stray>,
    /// Processes that outlived SIGKILL until the deadline (stuck in the kernel).
    pub left: Vec<Stray>,
}

impl Net {
    #[must_use]
    pub fn marker(&self) -> String {
        format!("{MARKER_VARIABLE}={}", self.run)
    }

    /// Every living process of the run.
    #[must_use]
    pub fn living(&self) -> Vec<Process> {
        let own = i32::try_from(std::process::id()).unwrap_or(-1);
        let all = processes::list();
        let mut caught: BTreeSet<i32> = self.root.into_iter().collect();
        caught.extend(
            all.iter()
                .filter(|p| self.groups.contains(&p.group) || self.is_marked(p.pid))
                .map(|p| p.pid),
        );
        add_descendants(&all, &mut caught);
        all.into_iter()
            .filter(|p| p.is_alive() && caught.contains(&p.pid))
            .filter(|p| p.pid != own && Some(p.pid) != self.root)
            .collect()
    }

    fn is_marked(&self, pid: i32) -> bool {
        let replica = self.replica.as_ref();
        let replica = replica.map(|replica| format!("{REPLICA_VARIABLE}={replica}"));
        processes::carries(pid, &self.marker())
            && replica.is_none_or(|replica| processes::carries(pid, &replica))
    }

    /// SIGKILL to all of them, again and again (they may be forking), until none is left or time is up.
    #[must_use]
    pub fn end_all(&self, within: Duration) -> Swept {
        let deadline = Instant::now() + within;
        let mut swept = Swept::default();
        let mut seen_none = false;
        loop {
            let living = self.living();
            // In the middle of an exec a process shows no environment, and so no marker: one look is not enough.
            if living.is_empty() && std::mem::replace(&mut seen_none, true) {
                return swept;
            }
            seen_none = living.is_empty();
            for process in &living {
                let stray = Stray {
                    pid: process.pid,
                    command: processes::command_line(process.pid),
                };
                if kill(process) && !swept.ended.iter().any(|known| known.pid == stray.pid) {
                    swept.ended.push(stray);
                }
            }
            if Instant::now() >= deadline {
                let left: BTreeSet<i32> = self.living().iter().map(|p| p.pid).collect();
                let (left, ended) = swept.ended.into_iter().partition(|s| left.contains(&s.pid));
                return Swept { ended, left };
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// SIGKILL to each that is still the same process.
pub fn end(processes: &[Process]) {
    for process in processes {
        kill(process);
    }
}

fn add_descendants(all: &[Process], caught: &mut BTreeSet<i32>) {
    loop {
        let before = caught.len();
        for process in all {
            if caught.contains(&process.parent) {
                caught.insert(process.pid);
            }
        }
        if caught.len() == before {
            return;
        }
    }
}

/// Kills exactly this process: the pid may have gone to another one since it was listed, so a handle is taken first
/// and the process looked at again through it.
#[cfg(target_os = "linux")]
fn kill(process: &Process) -> bool {
    use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
    let Some(pid) = Pid::from_raw(process.pid) else {
        return false;
    };
    let handle = pidfd_open(pid, PidfdFlags::empty());
    let unchanged = processes::read(process.pid).is_some_and(|now| now.is_same_as(process));
    if !unchanged {
        return false;
    }
    match handle {
        Ok(handle) => pidfd_send_signal(handle, Signal::KILL).is_ok(),
        Err(_) => kill_process(pid, Signal::KILL).is_ok(),
    }
}

#[cfg(not(target_os = "linux"))]
fn kill(process: &Process) -> bool {
    use rustix::process::{Pid, Signal, kill_process};
    Pid::from_raw(process.pid).is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
}

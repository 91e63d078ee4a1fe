//! What runs on this machine, read from `/proc` (proc(5)). Elsewhere the list is empty and process groups are all
//! there is to go by.

use std::fs;
use std::path::Path;

/// One process, as its `stat` line told it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    state: u8,
    threads: u32,
    /// Clock ticks since boot: with the pid it names a process for good.
    started: u64,
}

impl Process {
    /// Neither dead nor waiting to be reaped. A leader thread may be gone while others still run.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, b'X' | b'x') && (self.state != b'Z' || self.threads > 1)
    }

    /// Clock ticks since boot.
    #[must_use]
    pub const fn started_ticks(&self) -> u64 {
        self.started
    }

    /// Stopped by a signal.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state == b'T'
    }

    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.pid == other.pid && self.started == other.started
    }

    fn parse(pid: i32, stat: &str) -> Option<Self> {
        // The command name in the second field may hold anything, brackets and blanks too.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            pid,
            state: *fields.first()?.as_bytes().first()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            threads: fields.get(17)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}

/// Every process that could be read. Those that end meanwhile are left out.
#[must_use]
pub fn list() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(read)
        .collect()
}

/// One process, if it is still there.
#[must_use]
pub fn read(pid: i32) -> Option<Process> {
    let stat = fs::read(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    Process::parse(pid, &String::from_utf8_lossy(&stat))
}

/// Whether the process was started with exactly this `NAME=value` in its environment.
#[must_use]
pub fn carries(pid: i32, marker: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
        environ
            .split(|byte| *byte == 0)
            .any(|entry| entry == marker.as_bytes())
    })
}

/// The command line, for people. Empty when it cannot be read.
#[must_use]
pub fn command_line(pid: i32) -> String {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .replace('\0', " ")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_with_a_nasty_name_is_read() {
        let line = "42 (a) R 1 (b) S 7 40 40 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 12345 0 0";
        let process = Process::parse(42, line).unwrap();
        assert_eq!((process.parent, process.group), (7, 40));
        assert_eq!((process.threads, process.started), (3, 12345));
        assert!(process.is_alive());
    }

    #[test]
    fn a_zombie_is_not_alive_unless_threads_still_run() {
        let zombie = |threads: u32| {
            let line = format!("42 (x) Z 7 40 40 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 1 0");
            Process::parse(42, &line).unwrap().is_alive()
        };
        assert!(!zombie(1));
        assert!(zombie(2));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_listed() {
        let own = i32::try_from(std::process::id()).unwrap();
        let process = list().into_iter().find(|p| p.pid == own).unwrap();
        assert!(process.is_alive());
        assert!(read(own).unwrap().is_same_as(&process));
        assert!(!carries(own, "SQUALL_RUN=nobody"));
    }
}

//! A process that ends when we do, however we end.
//!
//! A shell starts it, tells its id and then waits on a pipe that only we hold open: when that closes, because we dropped it or are
//! gone (SIGKILL included), the shell kills the process, stopped or not. Both are in a process group of their own.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SCRIPT: &str = r#"log=$1; shift
"$@" >>"$log" 2>&1 </dev/null &
echo $!
read -r _
kill -9 $!"#;

/// A guarded process.
pub struct Guarded {
    shell: Child,
    pid: Pid,
}

impl Guarded {
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &str, arguments: &[String], log: &Path) -> io::Result<Self> {
        File::create(log)?;
        let mut shell = Command::new("sh")
            .arg("-c")
            .arg(SCRIPT)
            .arg("guard")
            .arg(log)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the shell did not tell the process's id"))?;
        Ok(Self { shell, pid })
    }

    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.pid, signal)?)
    }

    /// Whether it runs, or is stopped, and is not merely waiting to be reaped.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid.as_raw_nonzero()));
        stat.is_ok_and(|stat| {
            let state = stat
                .rsplit(')')
                .next()
                .and_then(|s| s.split_whitespace().next());
            !matches!(state, Some("Z" | "X"))
        })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell ends by itself now.
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn is_running(pid: Pid) -> bool {
        Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists()
    }

    /// What closes when the holder dies is the pipe that a drop closes.
    #[test]
    fn a_stopped_process_ends_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let held = Guarded::start("sleep", &["600".to_owned()], &log).unwrap();
        let pid = held.pid;
        assert!(held.is_alive());
        held.signal(Signal::STOP).unwrap();
        drop(held);
        let deadline = Instant::now() + Duration::from_secs(30);
        while is_running(pid) {
            assert!(Instant::now() < deadline, "the process outlives its holder");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_killed_process_is_not_alive() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let held = Guarded::start("sleep", &["600".to_owned()], &log).unwrap();
        held.signal(Signal::KILL).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while held.is_alive() {
            assert!(
                Instant::now() < deadline,
                "a killed process counts as alive"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

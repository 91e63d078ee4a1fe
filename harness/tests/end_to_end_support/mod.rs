//! Runs of the real binary on the fixtures, each in a folder of its own.
#![allow(dead_code)] // Each test program uses its part.

use squall::environment::processes;
use std::fmt::{self, Display, Formatter};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Runs that measure rates would disturb each other: one at a time.
pub fn measuring() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a run printed and where it wrote.
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub folder: tempfile::TempDir,
}

/// The machine of a test is shared: when its other users hold it up for a moment, events go out late, and a run would rightly prove
/// nothing. What these tests are about does not depend on that; those of the rate itself say so in what they add.
const HOWEVER_LATE: [&str; 4] = ["--set", "expect.rate=1%", "--set", "expect.pacing=1m"];

/// `squall scenario FIXTURE --plain`, writing below `folder`; however late the events go out.
pub fn command(fixture: &str, folder: &tempfile::TempDir, more: &[&str]) -> Command {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command
        .args(["scenario", fixture, "--plain", "--out"])
        .arg(folder.path())
        .args(HOWEVER_LATE)
        .args(more)
        .current_dir(fixtures);
    command
}

impl Run {
    pub fn of(fixture: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = command(fixture, &folder, more).output().unwrap();
        Self::new(output, folder)
    }

    pub fn new(output: Output, folder: tempfile::TempDir) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            folder,
        }
    }

    /// `squall judge latest --write` on the same folder.
    pub fn judge_again(&self) -> Self {
        let output = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(["judge", "latest", "--write", "--out"])
            .arg(self.folder.path())
            .output()
            .unwrap();
        Self::new(output, tempfile::tempdir().unwrap())
    }

    pub fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("latest")
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.file("report.json")).unwrap()
    }
}

impl Display for Run {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "exit {:?}\n{}{}", self.code, self.out, self.err)
    }
}

/// Processes that carry a name in the folder of the run: its services have it in their environment or as a log.
pub fn living(run: &Run) -> Vec<i32> {
    living_below(run.folder.path().to_str().unwrap())
}

/// Living processes whose environment, arguments or standard output name this folder.
pub fn living_below(folder: &str) -> Vec<i32> {
    let names = |pid: i32| {
        let file = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let told = [file("environ"), file("cmdline")].concat();
        let output = std::fs::read_link(format!("/proc/{pid}/fd/1")).unwrap_or_default();
        String::from_utf8_lossy(&told).contains(folder) || output.starts_with(folder)
    };
    processes::list()
        .iter()
        .filter(|process| process.is_alive() && names(process.pid))
        .map(|process| process.pid)
        .collect()
}

/// A run under way, of which lines are read.
pub struct Going {
    pub child: Child,
    lines: BufReader<ChildStdout>,
    read: String,
    pub folder: tempfile::TempDir,
}

impl Going {
    pub fn start(fixture: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = command(fixture, &folder, more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            lines,
            read: String::new(),
            folder,
        }
    }

    /// Reads until a plain line ends like this.
    pub fn until_line(&mut self, end: &str) {
        loop {
            let mut line = String::new();
            let count = self.lines.read_line(&mut line).unwrap();
            assert!(count > 0, "the run ended before {end:?}: {}", self.read);
            self.read.push_str(&line);
            if line.trim_end().ends_with(end) {
                return;
            }
        }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end.
    pub fn end(mut self) -> Run {
        let mut err = String::new();
        self.lines.read_to_string(&mut self.read).unwrap();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut err).unwrap();
        }
        let status = self.child.wait().unwrap();
        Run {
            code: status.code(),
            out: self.read,
            err,
            folder: self.folder,
        }
    }
}

pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "never came: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

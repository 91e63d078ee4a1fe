//! `kill -9` of the harness leaves no process behind.
//!
//! The harness is this test program started again, with one ignored "test" for its main function.
#![allow(clippy::unwrap_used)]

mod supervision_support;

use squall::environment::interrupt::{EXIT_AT_ONCE, Interrupt};
use squall::environment::processes;
use squall::environment::supervision::Supervisor;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use supervision_support::{eventually, kill_pid, living_with, script, start_supervisor};

const FOLDER: &str = "SQUALL_TEST_FOLDER";
const MODE: &str = "SQUALL_TEST_MODE";

/// Services that make it hard: one that forks and is then paused, one that is deaf to SIGTERM, one whose child goes to
/// another session and drops its environment.
fn hard_services(supervisor: &Supervisor, folder: &Path) {
    let scripts = [
        (
            "forks",
            "sleep 1000 & (sleep 1000 & sleep 1000 & wait) & wait",
        ),
        ("deaf", "trap '' TERM HUP INT; while :; do sleep 0.2; done"),
        ("strays", "(setsid env -i sleep 1234 &) ; exec sleep 1000"),
    ];
    for (name, text) in scripts {
        let spec = script(supervisor, folder.to_owned(), name, text);
        let id = spec.id.clone();
        supervisor.declare(spec);
        supervisor.spawn(&id).unwrap();
        if name == "forks" {
            let marker = supervisor.marker();
            eventually("all are forked", || living_with(&marker).len() == 5);
            supervisor.pause(&id).unwrap();
        }
    }
}

/// Starts and kills services without end, so that whoever kills this catches it in the middle.
fn busy_services(supervisor: &Supervisor, folder: &Path) -> ! {
    for round in 0_u64.. {
        let name = format!("busy-{}", round % 8);
        let spec = script(supervisor, folder.to_owned(), &name, "sleep 1000 & wait");
        let id = spec.id.clone();
        supervisor.declare(spec);
        supervisor.kill(std::slice::from_ref(&id)).unwrap();
        supervisor.spawn(&id).unwrap();
        if round == 20 {
            fs::write(folder.join("ready"), "").unwrap();
        }
    }
    unreachable!("the loop has no end")
}

#[test]
#[ignore = "the program that the other tests start and kill"]
fn harness_program() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let supervisor = start_supervisor(folder.join("logs"), Arc::new(()));
    let facts = format!("{}\n{}", supervisor.marker(), supervisor.guard_pid());
    fs::write(folder.join("facts"), facts).unwrap();
    if std::env::var(MODE).unwrap() == "busy" {
        busy_services(&supervisor, &folder);
    }
    let interrupt = Interrupt::listen().unwrap();
    let supervisor = Arc::new(supervisor);
    let ended = Arc::clone(&supervisor);
    let _at_second = interrupt.at_second(move || ended.end_now());
    hard_services(&supervisor, &folder);
    fs::write(folder.join("ready"), "").unwrap();
    while !interrupt.wait(Duration::from_secs(3600)) {}
    fs::write(folder.join("interrupted"), "").unwrap();
    // The drain of a system that is stuck.
    loop {
        std::thread::park();
    }
}

struct Harness {
    child: Child,
    marker: String,
    guard: i32,
    folder: tempfile::TempDir,
}

impl Harness {
    fn start(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "harness_program"])
            .env(FOLDER, folder.path())
            .env(MODE, mode)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the harness is ready", || {
            folder.path().join("ready").exists()
        });
        let facts = fs::read_to_string(folder.path().join("facts")).unwrap();
        let (marker, guard) = facts.split_once('\n').unwrap();
        Self {
            child,
            marker: marker.to_owned(),
            guard: guard.parse().unwrap(),
            folder,
        }
    }

    fn kill_9(&mut self) {
        kill_pid(i32::try_from(self.child.id()).unwrap());
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
    }
}

/// A test that fails must not leave it running; the guard does the rest.
impl Drop for Harness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_alive(pid: i32) -> bool {
    processes::read(pid).is_some_and(|process| process.is_alive())
}

/// All processes below the guard, whether they carry the marker or not.
fn below(root: i32) -> Vec<i32> {
    let all = processes::list();
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        let children = all.iter().filter(|p| p.parent == parent && p.is_alive());
        found.extend(children.map(|p| p.pid));
        next += 1;
    }
    found.split_off(1)
}

#[test]
fn kill_9_of_the_harness_ends_forked_paused_deaf_and_strayed_services() {
    let mut harness = Harness::start("hard");
    eventually("the stray is there", || {
        let below = below(harness.guard);
        below
            .iter()
            .any(|pid| processes::command_line(*pid) == "sleep 1234")
    });
    let services = below(harness.guard);
    assert!(services.len() >= 8, "{services:?}");
    assert!(living_with(&harness.marker).len() >= 7);
    harness.kill_9();
    eventually("the guard ends, and it ends last", || {
        !is_alive(harness.guard)
    });
    assert_eq!(living_with(&harness.marker), Vec::<i32>::new());
    let left: Vec<i32> = services.into_iter().filter(|pid| is_alive(*pid)).collect();
    assert_eq!(left, Vec::<i32>::new());
}

#[test]
fn kill_9_in_the_middle_of_starting_leaves_nothing() {
    for _ in 0..3 {
        let mut harness = Harness::start("busy");
        harness.kill_9();
        eventually("the guard ends", || !is_alive(harness.guard));
        assert_eq!(living_with(&harness.marker), Vec::<i32>::new());
    }
}

#[test]
fn the_guard_is_deaf_to_what_a_terminal_sends_and_outlives_it() {
    use rustix::process::{Pid, Signal, getsid, kill_process};
    let mut harness = Harness::start("hard");
    let guard = Pid::from_raw(harness.guard).unwrap();
    assert_eq!(getsid(Some(guard)).unwrap(), guard, "a session of its own");
    for signal in [Signal::INT, Signal::HUP, Signal::QUIT, Signal::TERM] {
        kill_process(guard, signal).unwrap();
    }
    let before = living_with(&harness.marker).len();
    harness.kill_9();
    assert!(before >= 7, "the services did not notice: {before}");
    eventually("the guard did its work", || !is_alive(harness.guard));
    assert_eq!(living_with(&harness.marker), Vec::<i32>::new());
}

#[test]
fn a_first_interrupt_is_told_and_a_second_ends_everything_at_once() {
    use rustix::process::{Pid, Signal, kill_process};
    let mut harness = Harness::start("hard");
    let pid = Pid::from_raw(i32::try_from(harness.child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let told = harness.folder.path().join("interrupted");
    eventually("the first is told", || told.exists());
    // The deaf one starts a process now and then, so there may be one more.
    let living = living_with(&harness.marker).len();
    assert!(living >= 7, "the services go on: {living}");
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(harness.child.wait().unwrap().code(), Some(EXIT_AT_ONCE));
    assert_eq!(living_with(&harness.marker), Vec::<i32>::new());
    eventually("the guard ends", || !is_alive(harness.guard));
}

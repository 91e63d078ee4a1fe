//! The terminal itself, through tmux where it is installed: it is given back however the dashboard ends.
//!
//! Each test runs this very binary again inside a tmux server of its own, in one of the roles of [`child`].

use squall_dashboard::{Action, App, Board, Mode, Screen, Theme};
use squall_render::Glyphs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const ROLE: &str = "SQUALL_TEST_ROLE";
/// The file that tells that a role came to its end.
const ENDED: &str = "SQUALL_TEST_ENDED";
const PATIENCE: Duration = Duration::from_secs(60);

/// What the other tests run in tmux.
#[test]
#[ignore = "a part of the other tests"]
fn child() {
    let role = std::env::var(ROLE).expect("a role");
    let mut screen = Screen::enter(Theme::new(Glyphs::Unicode, true)).expect("a terminal");
    let board = Board {
        scenario: "in-tmux".to_owned(),
        ..Board::default()
    };
    let mut app = App::new(Mode::Watch);
    let mut other = None;
    loop {
        if screen.show(&board, &mut app).is_err() {
            break;
        }
        let key = screen.key(Duration::from_millis(50), &mut app, &board);
        let Ok((_, action)) = key else { break };
        match action {
            Some(Action::Stop) if role == "panic" => panic!("planted"),
            Some(Action::Stop) if role == "panic elsewhere" && other.is_none() => {
                other = Some(std::thread::spawn(|| panic!("planted")));
            }
            Some(Action::Stop | Action::Interrupt) => break,
            _ => {}
        }
    }
    drop(screen);
    let ended = std::env::var(ENDED).expect("where to tell the end");
    std::fs::write(ended, "ended").expect("a file");
    // Without a panic where nobody reads any more.
    let _ = writeln!(std::io::stdout(), "the child ended");
}

/// A tmux server that ends with the test.
struct Tmux {
    socket: String,
    folder: tempfile::TempDir,
}

impl Tmux {
    /// Runs a role, then tells how the terminal was left. `None`: tmux is not installed.
    fn run(role: &str, columns: u16, rows: u16) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("skipped: tmux is not installed");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let tmux = Self {
            socket: folder.path().join("tmux").display().to_string(),
            folder,
        };
        let binary = std::env::current_exe().expect("this test's path");
        let script = format!(
            "trap '' HUP; stty sane; '{}' --ignored --exact child --nocapture; stty -a > '{}'; echo left; exec sleep 60",
            binary.display(),
            tmux.modes().display()
        );
        let size = [columns.to_string(), rows.to_string()];
        tmux.call(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-s",
            "s",
            "-x",
            &size[0],
            "-y",
            &size[1],
            "-e",
            &format!("{ROLE}={role}"),
            "-e",
            &format!("{ENDED}={}", tmux.ended().display()),
            "-e",
            "RUST_BACKTRACE=0",
            "sh",
            "-c",
            &script,
        ]);
        Some(tmux)
    }

    fn modes(&self) -> PathBuf {
        self.folder.path().join("modes")
    }

    fn ended(&self) -> PathBuf {
        self.folder.path().join("ended")
    }

    fn call(&self, arguments: &[&str]) -> String {
        let run = Command::new("tmux")
            .args(["-S", &self.socket])
            .args(arguments)
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = run.expect("tmux");
        let text = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "tmux {arguments:?}: {text}");
        String::from_utf8_lossy(&stdout).into_owned()
    }

    fn shown(&self) -> String {
        self.call(&["capture-pane", "-p", "-t", "s"])
    }

    fn wait_for(&self, what: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.shown();
            if shown.contains(what) {
                return shown;
            }
            assert!(Instant::now() < deadline, "no {what:?} in\n{shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn press(&self, key: &str) {
        self.call(&["send-keys", "-t", "s", key]);
    }

    /// Waits until an alternate screen is on (1) or not, and the cursor is shown (1) or not: a terminal takes what it is told piece by piece.
    fn wait_for_state(&self, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let format = "#{alternate_on} #{cursor_flag}";
            let state = self.call(&["display-message", "-p", "-t", "s", format]);
            if state.trim() == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{state:?} is not {wanted:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Lines come whole and letters show, the alternate screen is gone, the cursor is back.
    fn assert_restored(&self) -> String {
        let shown = self.wait_for("left");
        self.wait_for_state("0 1");
        let modes = std::fs::read_to_string(self.modes()).expect("the terminal's modes");
        let words: Vec<&str> = modes.split([' ', '\n', ';']).collect();
        for mode in ["icanon", "echo", "isig", "opost", "onlcr", "icrnl"] {
            assert!(words.contains(&mode), "{mode} is off: {modes}");
        }
        shown
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .args(["-S", &self.socket, "kill-server"])
            .output();
    }
}

#[test]
fn the_view_shows_at_every_size_and_takes_keys() {
    let Some(tmux) = Tmux::run("quit", 80, 24) else {
        return;
    };
    tmux.wait_for("in-tmux");
    tmux.wait_for_state("1 0");
    for (columns, rows) in [("200", "60"), ("40", "10"), ("80", "24")] {
        tmux.call(&["resize-window", "-t", "s", "-x", columns, "-y", rows]);
        tmux.wait_for("in-tmux");
    }
    tmux.press("?");
    tmux.wait_for("help");
    tmux.press("x");
    tmux.press("q");
    let shown = tmux.assert_restored();
    assert!(shown.contains("the child ended"), "{shown}");
}

#[test]
fn the_terminal_is_restored_after_ctrl_c() {
    let Some(tmux) = Tmux::run("quit", 80, 24) else {
        return;
    };
    tmux.wait_for("in-tmux");
    tmux.press("C-c");
    let shown = tmux.assert_restored();
    assert!(shown.contains("the child ended"), "{shown}");
}

#[test]
fn a_terminal_that_closes_ends_the_view() {
    let Some(tmux) = Tmux::run("quit", 80, 24) else {
        return;
    };
    tmux.wait_for("in-tmux");
    tmux.call(&["kill-server"]);
    let deadline = Instant::now() + PATIENCE;
    while !tmux.ended().exists() {
        assert!(Instant::now() < deadline, "it goes on without a terminal");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_terminal_is_restored_after_a_panic() {
    let Some(tmux) = Tmux::run("panic", 80, 24) else {
        return;
    };
    tmux.wait_for("in-tmux");
    tmux.press("q");
    let shown = tmux.assert_restored();
    assert!(
        shown.contains("planted"),
        "the message is readable: {shown}"
    );
}

#[test]
fn the_terminal_is_restored_after_a_panic_of_another_thread_and_nothing_is_drawn_over_it() {
    let Some(tmux) = Tmux::run("panic elsewhere", 80, 24) else {
        return;
    };
    tmux.wait_for("in-tmux");
    tmux.press("q");
    let shown = tmux.assert_restored();
    assert!(
        shown.contains("planted") && shown.contains("the child ended"),
        "{shown}"
    );
    assert!(!shown.contains("in-tmux"), "{shown}");
}

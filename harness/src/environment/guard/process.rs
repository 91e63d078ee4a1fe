//! The guard itself, as it runs in a process of its own.
//!
//! It starts every service, so it knows each process group before the service's first instruction. It stands in a
//! session of its own, is deaf to SIGHUP, SIGINT, SIGQUIT and SIGTERM, and adopts orphans (`PR_SET_CHILD_SUBREAPER`), so that
//! all that a service ever forks stays below it. When the harness ends, however it ends, the guard's standard input
//! closes: then it ends whatever is left, and itself.

use super::groups::Groups;
use super::protocol::{Order, Told};
use crate::environment::sweep::{Net, Swept};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Hidden subcommand under which the binary becomes a guard: `squall __guard RUN`.
pub const SUBCOMMAND: &str = "__guard";

/// How long a sweep goes on against processes that do not die.
const SWEEP_WITHIN: Duration = Duration::from_secs(30);

/// While members of a group outlive their leader, nothing announces their end, so the guard looks.
const LINGER_POLL_MS: i64 = 5;

/// Runs the guard until the harness is gone. Must be the first thing that the process does.
#[must_use]
pub fn run(run: &str) -> ExitCode {
    close_inherited_descriptors();
    match Guard::stand(run).and_then(Guard::serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is closed to the terminal; the harness sees the pipe close and the code.
            let _ = writeln!(io::stderr(), "squall guard: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever the harness was started with (a pipe to `tee`, a lock, a socket) must not be held open by the guard and
/// its services. Descriptors that Rust opens are close-on-exec already; these came from outside.
fn close_inherited_descriptors() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    // The listing's own descriptor is among them, and closed by now.
    let is_open = |descriptor: &i32| {
        let link = format!("/proc/self/fd/{descriptor}");
        std::fs::symlink_metadata(link).is_ok()
    };
    for descriptor in open.into_iter().filter(is_open) {
        // SAFETY: first statement of a process with one thread: it is open, and nothing in this process owns it.
        #[allow(unsafe_code)]
        unsafe {
            rustix::io::close(descriptor);
        }
    }
}

struct Guard {
    run: String,
    groups: Groups,
    children: UnixStream,
    input: Vec<u8>,
}

impl Guard {
    fn stand(run: &str) -> io::Result<Self> {
        rustix::process::setsid()?;
        #[cfg(target_os = "linux")]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        // Handlers and not SIG_IGN: services must not inherit deafness.
        let heard = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&heard))?;
        }
        let (children, wake) = UnixStream::pair()?;
        children.set_nonblocking(true)?;
        wake.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(SIGCHLD, wake)?;
        Ok(Self {
            run: run.to_owned(),
            groups: Groups::default(),
            children,
            input: Vec::new(),
        })
    }

    fn serve(mut self) -> io::Result<()> {
        let mut harness_is_there = tell(&Told::Ready).is_ok();
        while harness_is_there {
            harness_is_there = self.turn()?;
        }
        Ok(())
    }

    /// Waits for one thing to happen and deals with it. `false`: the harness is gone.
    fn turn(&mut self) -> io::Result<bool> {
        let (orders, children) = self.wait()?;
        if children {
            drain(&mut self.children);
        }
        if orders && !self.take_orders()? {
            return Ok(false);
        }
        if !children && !self.groups.is_lingering() {
            return Ok(true);
        }
        Ok(self.groups.reap().iter().all(|told| tell(told).is_ok()))
    }

    /// Which of the two can be read: orders from the harness, news of children.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let stdin = io::stdin();
        let mut watched = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(&self.children, PollFlags::IN),
        ];
        let linger = Timespec {
            tv_sec: 0,
            tv_nsec: LINGER_POLL_MS * 1_000_000,
        };
        let timeout = self.groups.is_lingering().then_some(&linger);
        match poll(&mut watched, timeout) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok((
            !watched[0].revents().is_empty(),
            !watched[1].revents().is_empty(),
        ))
    }

    fn take_orders(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 16 * 1024];
        // Unbuffered on purpose: what a buffer held back, poll would not see.
        let count = match rustix::io::read(io::stdin(), &mut chunk) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(Errno::INTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        self.input.extend_from_slice(&chunk[..count]);
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            if !self.obey(serde_json::from_slice(&line)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn obey(&mut self, order: Order) -> bool {
        let answer = match order {
            Order::Start { token, launch } => self.groups.start(token, &launch),
            Order::Signal { token, signal } => {
                self.groups.signal(token, signal);
                return true;
            }
            Order::Sweep => Told::Swept(self.sweep()),
        };
        tell(&answer).is_ok()
    }

    fn sweep(&self) -> Swept {
        let net = Net {
            replica: None,
            run: self.run.clone(),
            groups: self.groups.numbers(),
            root: i32::try_from(std::process::id()).ok(),
        };
        net.end_all(SWEEP_WITHIN)
    }
}

/// However the guard ends, a defect of its own included: nothing that it started outlives it.
impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.sweep();
    }
}

fn drain(stream: &mut UnixStream) {
    let mut bytes = [0; 64];
    while matches!(stream.read(&mut bytes), Ok(count) if count > 0) {}
}

fn tell(told: &Told) -> io::Result<()> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

//! The harness's end of the guard.

use super::process::SUBCOMMAND;
use super::protocol::{Order, Told};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a guard may take to stand, and to end once its work is done.
const GUARD_WITHIN: Duration = Duration::from_secs(10);

/// A running guard. Dropping it closes the pipe, at which the guard ends all that it started.
pub struct GuardClient {
    child: Mutex<Child>,
    orders: Mutex<Option<ChildStdin>>,
    reader: Mutex<Option<JoinHandle<()>>>,
    pid: i32,
}

impl GuardClient {
    /// Starts `program __guard RUN` and waits until it stands. `on_told` is called on a thread of its own, with `None` when
    /// the guard is gone.
    ///
    /// # Errors
    /// When the process cannot be started or does not report within 10 s.
    pub fn start(
        program: Option<PathBuf>,
        run: &str,
        on_told: impl FnMut(Option<Told>) + Send + 'static,
    ) -> io::Result<Self> {
        let program = program.map_or_else(std::env::current_exe, Ok)?;
        let mut child = Command::new(program)
            .args([OsString::from(SUBCOMMAND), OsString::from(run)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        let (orders, told) = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(told)) = (orders, told) else {
            return Err(io::Error::other("the guard has no pipes"));
        };
        let (stands, standing) = std::sync::mpsc::sync_channel(1);
        let reader = thread::Builder::new()
            .name("guard-reader".to_owned())
            .spawn(move || read(told, &stands, on_told))?;
        let guard = Self {
            child: Mutex::new(child),
            orders: Mutex::new(Some(orders)),
            reader: Mutex::new(Some(reader)),
            pid,
        };
        match standing.recv_timeout(GUARD_WITHIN) {
            Ok(()) => Ok(guard),
            Err(_) => {
                let _ = lock(&guard.child).kill();
                Err(io::Error::other("the guard process did not report"))
            }
        }
    }

    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// # Errors
    /// When the guard is gone.
    pub fn order(&self, order: &Order) -> io::Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        match lock(&self.orders).as_mut() {
            Some(pipe) => pipe.write_all(&line),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Closes the pipe and waits for the guard to end, which it does only after all that it started has.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn close(&self) -> io::Result<ExitStatus> {
        drop(lock(&self.orders).take());
        let deadline = Instant::now() + GUARD_WITHIN;
        let status = loop {
            if let Some(status) = lock(&self.child).try_wait()? {
                break status;
            }
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(1));
        };
        if let Some(reader) = lock(&self.reader).take() {
            let _ = reader.join();
        }
        Ok(status)
    }
}

impl Drop for GuardClient {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

fn read(
    pipe: ChildStdout,
    stands: &std::sync::mpsc::SyncSender<()>,
    mut on_told: impl FnMut(Option<Told>),
) {
    for line in BufReader::new(pipe).lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(Told::Ready) => {
                let _ = stands.try_send(());
            }
            Ok(told) => on_told(Some(told)),
            Err(_) => break,
        }
    }
    on_told(None);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

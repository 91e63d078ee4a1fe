//! An SQLite database whose lock for writing Squall holds: once, or in turns. Readers go on, writers wait for as long as
//! their busy timeout says and then fail with SQLITE_BUSY.
//!
//! What shows it is a transaction of Squall's own, on another connection, that is refused while the lock is held. The lock
//! is the kernel's: it goes with the process, however that ends.

use crate::faults::{FaultError, Injection};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use squall_plan::rng::{Rng, Streams};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Writers of the system come first; after this long they are no ordinary ones.
const LOCK_WITHIN: Duration = Duration::from_secs(10);
/// SQLite's own waiters look every 100 ms at the latest.
const FREE_AT_MOST: Duration = Duration::from_millis(150);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// When the lock is held.
pub enum Turns {
    /// Throughout.
    One,
    /// For this long; then it is free until somebody has written.
    UntilWritten { held: Duration },
    /// For this share of the time, about `turn` at a time.
    Share {
        per_mille: u32,
        turn: Duration,
        seed: u64,
    },
}

/// A lock that a thread of its own holds until healed.
pub struct Locked {
    path: PathBuf,
    seen: Arc<Mutex<Seen>>,
    /// Dropped to end the turns.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

#[derive(Default)]
struct Seen {
    /// Turns in which another transaction was refused.
    refused: u64,
    /// Turns after which somebody wrote before the next.
    written_between: u64,
}

/// # Errors
/// When the database is not there or its lock cannot be had.
pub fn inject(path: PathBuf, turns: Turns) -> Result<Locked, FaultError> {
    let failed = |why: String| error(&path, why);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (stop, stopped) = mpsc::channel();
    let (ready, begun) = mpsc::channel();
    let work = Work {
        holder: open(&path, LOCK_WITHIN).map_err(|why| failed(why.to_string()))?,
        prober: open(&path, Duration::ZERO).map_err(|why| failed(why.to_string()))?,
        seen: Arc::clone(&seen),
        stopped,
    };
    let thread = std::thread::Builder::new().name("sink-lock".to_owned());
    let thread = thread.spawn(move || {
        let done = work.run(turns, &ready);
        done.map_err(|why| why.to_string())
    });
    let thread = thread.map_err(|why| failed(format!("no thread can be had: {why}")))?;
    let mut locked = Locked {
        seen,
        stop: Some(stop),
        thread: Some(thread),
        path: path.clone(),
    };
    // The first turn has begun, or never will.
    if begun.recv().is_err() {
        locked.end()?;
    }
    Ok(locked)
}

fn open(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    Ok(connection)
}

fn error(path: &Path, why: String) -> FaultError {
    FaultError::Sink {
        what: format!("the lock of {}", path.display()),
        why,
    }
}

struct Work {
    holder: Connection,
    prober: Connection,
    seen: Arc<Mutex<Seen>>,
    stopped: Receiver<()>,
}

impl Work {
    fn run(self, turns: Turns, ready: &Sender<()>) -> rusqlite::Result<()> {
        let mut rng = match &turns {
            Turns::Share { seed, .. } => Streams::new(*seed).stream("sink-lock", 0),
            _ => Rng::new(0),
        };
        loop {
            self.holder.execute_batch("BEGIN IMMEDIATE")?;
            if self.is_refused()? {
                lock(&self.seen).refused += 1;
            }
            let _ = ready.send(());
            let (held, free) = lengths(&turns, &mut rng);
            let stopped = self.wait(held);
            let before = self.version()?;
            // Nothing was written, so there is nothing to undo.
            self.holder.execute_batch("ROLLBACK")?;
            if stopped || !self.stay_free(free, before)? {
                return Ok(());
            }
        }
    }

    /// Whether a transaction that would write finds the database locked.
    fn is_refused(&self) -> rusqlite::Result<bool> {
        match self.prober.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => self.prober.execute_batch("ROLLBACK").map(|()| false),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Another one after somebody has written.
    fn version(&self) -> rusqlite::Result<i64> {
        let read = |row: &rusqlite::Row<'_>| row.get(0);
        self.prober.query_row("PRAGMA data_version", [], read)
    }

    /// Says whether another turn follows.
    fn stay_free(&self, free: Free, before: i64) -> rusqlite::Result<bool> {
        match free {
            Free::For(length) => {
                let stopped = self.wait(length);
                if self.version()? != before {
                    lock(&self.seen).written_between += 1;
                }
                Ok(!stopped)
            }
            Free::UntilWritten => {
                let end = Instant::now() + FREE_AT_MOST;
                while Instant::now() < end {
                    if self.wait(LOOK_EVERY) {
                        return Ok(false);
                    }
                    if self.version()? != before {
                        lock(&self.seen).written_between += 1;
                        break;
                    }
                }
                Ok(true)
            }
        }
    }

    /// Says whether it is over.
    fn wait(&self, length: Duration) -> bool {
        self.stopped.recv_timeout(length) != Err(RecvTimeoutError::Timeout)
    }
}

enum Free {
    For(Duration),
    UntilWritten,
}

/// Longer than any run.
const FOR_EVER: Duration = Duration::from_secs(1 << 30);

fn lengths(turns: &Turns, rng: &mut Rng) -> (Duration, Free) {
    match *turns {
        Turns::One => (FOR_EVER, Free::UntilWritten),
        Turns::UntilWritten { held } => (held, Free::UntilWritten),
        Turns::Share {
            per_mille, turn, ..
        } => {
            // Three quarters to five quarters, so that turns do not keep step with anything.
            let quarters = 750 + u32::try_from(rng.below(501)).unwrap_or(0);
            let held = turn * quarters / 1000;
            let free = held * (1000 - per_mille.min(1000)) / per_mille.max(1);
            (held, Free::For(free))
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Locked {
    fn end(&mut self) -> Result<(), FaultError> {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let done = thread.join();
        let done = done.unwrap_or_else(|_| Err("its thread panicked".to_owned()));
        done.map_err(|why| error(&self.path, why))
    }
}

impl Injection for Locked {
    fn bite(&self) -> Option<String> {
        let seen = lock(&self.seen);
        let turns = match seen.refused {
            0 => return None,
            1 => "a transaction".to_owned(),
            many => format!("in {many} turns a transaction"),
        };
        let path = self.path.file_name().unwrap_or(self.path.as_os_str());
        let path = path.display();
        Some(format!("{turns} on {path} was refused: database is locked"))
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        self.end()?;
        let path = self.path.display();
        let between = lock(&self.seen).written_between;
        Ok(match between {
            0 => format!("the lock of {path} is free"),
            _ => format!("the lock of {path} is free; writers came between {between} turns"),
        })
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> (tempfile::TempDir, PathBuf, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .unwrap();
        connection
            .execute_batch("CREATE TABLE t (id TEXT)")
            .unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        (folder, path, connection)
    }

    fn write(connection: &Connection) -> bool {
        connection.execute("INSERT INTO t VALUES ('a')", []).is_ok()
    }

    #[test]
    fn nobody_writes_while_it_is_held_everybody_reads_and_heals_by_drop() {
        let (_folder, path, connection) = database();
        assert!(write(&connection));
        let locked = inject(path, Turns::One).unwrap();
        assert!(locked.bite().unwrap().contains("database is locked"));
        assert!(!write(&connection));
        let count: i64 = connection
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 1);
        drop(locked);
        assert!(write(&connection));
    }

    #[test]
    fn a_slow_database_lets_each_writer_through_after_a_turn() {
        let (_folder, path, connection) = database();
        let held = Duration::from_millis(30);
        let mut locked = inject(path, Turns::UntilWritten { held }).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        let begun = Instant::now();
        for _ in 0..5 {
            assert!(write(&connection));
        }
        assert!(begun.elapsed() >= held, "the first had to wait");
        let healed = locked.heal().unwrap();
        assert!(locked.bite().is_some());
        assert!(healed.contains("free"), "{healed}");
    }

    #[test]
    fn turns_take_their_share_of_the_time() {
        let turns = Turns::Share {
            per_mille: 250,
            turn: Duration::from_millis(100),
            seed: 7,
        };
        let mut rng = Rng::new(7);
        let (mut held, mut free) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..100 {
            let (one, Free::For(other)) = lengths(&turns, &mut rng) else {
                panic!("it has a length");
            };
            assert!((75..=125).contains(&one.as_millis()));
            (held, free) = (held + one, free + other);
        }
        assert_eq!(free.as_millis() / held.as_millis(), 3);
    }

    #[test]
    fn a_database_that_is_not_there_cannot_be_locked() {
        let folder = tempfile::tempdir().unwrap();
        assert!(inject(folder.path().join("none.db"), Turns::One).is_err());
        assert!(!folder.path().join("none.db").exists());
    }
}

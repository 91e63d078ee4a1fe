//! The containers' logs, line by line as they come: into the run's folder, and to those who look for what only logs tell.

use super::engine::Engine;
use crate::environment::happenings::{Happening, Happenings};
use crate::environment::notes::Notes;
use futures_util::StreamExt;
use squall_history::{Fact, What};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testcontainers::bollard::Docker;
use testcontainers::bollard::query_parameters::LogsOptionsBuilder;

/// A container that ended may start again.
const AGAIN_AFTER: Duration = Duration::from_millis(300);

/// Who reads the lines of a broker.
#[derive(Clone)]
pub struct Readers {
    pub notes: Arc<dyn Notes>,
    pub happenings: Arc<Happenings>,
}

/// The following of logs; ends with [`Logs::end`].
pub struct Logs {
    over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// A container whose log is kept.
pub struct Followed {
    pub container: String,
    /// Of the file in the run's folder.
    pub file: String,
    /// The broker's number, where it is one.
    pub broker: Option<u32>,
}

impl Logs {
    /// # Errors
    /// When a file cannot be made.
    pub fn follow(
        engine: &Engine,
        containers: Vec<Followed>,
        folder: &Path,
        readers: &Readers,
    ) -> std::io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for followed in containers {
            let follower = Follower {
                docker: engine.docker().clone(),
                file: File::create(folder.join(&followed.file))?,
                followed,
                readers: readers.clone(),
                over: Arc::clone(&over),
                last: String::new(),
            };
            if let Some(handle) = engine.handle() {
                tasks.push(handle.spawn(follower.run()));
            }
        }
        Ok(Self { over, tasks })
    }

    /// Ends the following; what was printed until then is in the files.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

struct Follower {
    docker: Docker,
    followed: Followed,
    file: File,
    readers: Readers,
    over: Arc<AtomicBool>,
    /// The time of the last line, as the engine stamps it: a log that is followed again begins a little before.
    last: String,
}

impl Follower {
    async fn run(mut self) {
        while !self.over.load(Ordering::Relaxed) {
            let since = seconds(&self.last);
            let options = LogsOptionsBuilder::new()
                .follow(true)
                .stdout(true)
                .stderr(true);
            let options = options.timestamps(true).since(since).build();
            let docker = self.docker.clone();
            let mut lines = Box::pin(docker.logs(&self.followed.container, Some(options)));
            let mut torn = String::new();
            while let Some(Ok(piece)) = lines.next().await {
                torn.push_str(&String::from_utf8_lossy(&piece.into_bytes()));
                while let Some(end) = torn.find('\n') {
                    let line: String = torn.drain(..=end).collect();
                    self.line(line.trim_end());
                }
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    fn line(&mut self, stamped: &str) {
        let Some((stamp, line)) = stamped.split_once(' ') else {
            return;
        };
        if *stamp <= *self.last {
            return;
        }
        stamp.clone_into(&mut self.last);
        // A full disk shows elsewhere, in the history first of all.
        let _ = writeln!(self.file, "{line}");
        let Some(broker) = self.followed.broker else {
            return;
        };
        if let Some((group, generation, members)) = rebalanced(line) {
            let fact = Fact::rebalanced(group, generation, members).by(broker);
            self.readers.notes.note(What::Fact(fact));
            self.readers.happenings.saw(Happening::Rebalanced {
                group: group.to_owned(),
                generation,
            });
        }
    }
}

/// The Unix time of a stamp, in whole seconds; 0 for none.
fn seconds(stamp: &str) -> i32 {
    let time = stamp.parse::<jiff::Timestamp>();
    time.map_or(0, |time| i32::try_from(time.as_second()).unwrap_or(0))
}

/// What a coordinator says when a group has come to rest: group, generation, members.
fn rebalanced(line: &str) -> Option<(&str, i32, usize)> {
    let (_, said) = line.split_once("Stabilized group ")?;
    let (group, said) = said.split_once(" generation ")?;
    let generation = said.split(' ').next()?.parse().ok()?;
    let (_, said) = said.split_once("with ")?;
    let members = said.split(' ').next()?.parse().ok()?;
    Some((group, generation, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebalance_is_read_from_what_the_coordinator_says() {
        let line = "[2026-11-21 17:00:00,000] INFO [GroupCoordinator id=1] Stabilized group consumer-db generation 3 with 2 members. (org.apache.kafka)";
        assert_eq!(rebalanced(line), Some(("consumer-db", 3, 2)));
        assert_eq!(rebalanced("INFO Stabilized"), None);
    }

    #[test]
    fn a_stamp_of_the_engine_is_read() {
        assert_eq!(seconds("1970-01-01T00:00:42.123456789Z"), 42);
        assert_eq!(seconds(""), 0);
    }
}

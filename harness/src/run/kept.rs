//! `--keep`: the verdict is there, and brokers and services stay up to be looked at, until somebody says that it is enough.

use super::pipeline::Context;
use crate::environment::Environment;
use crate::environment::interrupt::{Interrupt, Registered};
use crate::exit::Failure;
use squall_plan::Plan;
use squall_plan::system::{SinkStore, postgres_url};
use std::fmt;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What stays up after a run. Dropping it ends everything at once.
pub struct Kept {
    env: Arc<dyn Environment>,
    plan: Plan,
    folder: PathBuf,
    data: PathBuf,
    interrupt: Interrupt,
    _at_second: Registered,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("folder", &self.folder)
            .finish()
    }
}

impl Kept {
    pub fn new(context: &Context<'_>, env: Arc<dyn Environment>) -> Self {
        let at_second = Arc::clone(&env);
        Self {
            env,
            plan: context.plan.clone(),
            folder: context.folder.path().to_owned(),
            data: context.folder.data(),
            _at_second: context.interrupt.at_second(move || {
                at_second.supervisor().end_now();
            }),
            interrupt: context.interrupt.clone(),
        }
    }

    /// Starts the services again, tells where everything is, waits for Enter or Ctrl-C, and ends all of it.
    ///
    /// # Errors
    /// When something outlived the end.
    pub fn hold(self, out: &mut dyn Write) -> Result<(), Failure> {
        let started = self.env.start_services();
        let told = self.tell(started.err().map(|error| error.to_string()), out);
        if told.is_ok() {
            self.wait();
        }
        self.end()
    }

    fn tell(&self, problem: Option<String>, out: &mut dyn Write) -> std::io::Result<()> {
        let mut say = |what: &str, text: String| writeln!(out, "  {what:<22} {text}");
        say("KEPT", "until Enter or Ctrl-C:".to_owned())?;
        say("kafka", self.env.bus().bootstrap())?;
        for leadership in self.env.bus().leaders() {
            let (topic, partition) = (leadership.topic, leadership.partition);
            if !topic.starts_with("__") {
                let leader = leadership.leader.map_or_else(
                    || "no leader".to_owned(),
                    |leader| format!("leader {leader}"),
                );
                say(&format!("{topic}/{partition}"), leader)?;
            }
        }
        for service in &self.plan.system.spec.services {
            for port in &service.ports {
                for address in self.env.endpoints(&service.name, &port.name) {
                    say(
                        &format!("{} {}", service.name, port.name),
                        address.to_string(),
                    )?;
                }
            }
        }
        for sink in &self.plan.system.spec.sinks {
            let place = match &sink.store {
                SinkStore::Directory { path, .. } | SinkStore::Sqlite { path, .. } => self
                    .env
                    .fill(path)
                    .unwrap_or_else(|error| error.to_string()),
                SinkStore::Topic { name, .. } => format!("topic {name}"),
                SinkStore::Postgres { database, .. } => {
                    postgres_url(&self.server(&sink.name), database)
                }
                SinkStore::Mails(_) => format!("http://{}", self.server(&sink.name)),
            };
            say(&format!("sink {}", sink.name), place)?;
        }
        say("logs", self.folder.join("logs").display().to_string())?;
        if let Some(problem) = problem {
            say("not up again", problem)?;
        }
        let bootstrap = self.env.bus().bootstrap();
        writeln!(out, "\n  kcat -b {bootstrap} -L")?;
        out.flush()
    }

    /// Where Squall itself reaches the server of a sink in a container.
    fn server(&self, sink: &str) -> String {
        let at = self.env.server(sink);
        at.map_or_else(String::new, |at| at.to_string())
    }

    /// Until a line comes in or an end is asked for. The end of the input is neither: it may have been closed all along.
    fn wait(&self) {
        let entered = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&entered);
        // Nobody can wake a thread that reads a terminal: it ends with the process.
        let _ = std::thread::Builder::new()
            .name("enter".to_owned())
            .spawn(move || {
                let mut line = String::new();
                if std::io::stdin()
                    .lock()
                    .read_line(&mut line)
                    .is_ok_and(|bytes| bytes > 0)
                {
                    told.store(true, Ordering::SeqCst);
                }
            });
        while !entered.load(Ordering::SeqCst) && !self.interrupt.wait(LOOK_EVERY) {}
    }

    fn end(self) -> Result<(), Failure> {
        let torn_down = self
            .env
            .tear_down()
            .map_err(|error| Failure::environment(format!("the tear-down: {error}")))?;
        let _ = std::fs::remove_dir_all(&self.data);
        match torn_down.swept.left.is_empty() {
            true => Ok(()),
            false => Err(Failure::environment(format!(
                "processes outlived the run: {:?}",
                torn_down.swept.left
            ))),
        }
    }
}

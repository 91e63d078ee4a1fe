//! One tap: a thread that reads a store live until it is asked for the final read.

use crate::directory::Directory;
use crate::effects::{Effects, Watch};
use crate::error::TapError;
use crate::mails::Mails;
#[cfg(feature = "postgres")]
use crate::postgres::Postgres;
use crate::source::{FinalRead, Polled, Source};
use crate::sqlite::{Rows, Sqlite};
use crate::status::{Shared, TapState, TapStatus};
use crate::topic::Topic;
use squall_check::Kind;
use squall_plan::system::IdPlace;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// Pause after a look that failed or found nothing there.
const RETRY: Duration = Duration::from_millis(20);
/// Beyond its own deadline, for a final read to say that it was too late.
const GRACE: Duration = Duration::from_secs(5);

/// What a tap reads, and as what it records.
#[derive(Clone, Debug)]
pub struct TapSpec {
    /// For messages: the sink's name.
    pub name: String,
    /// [`squall_check::Op::place`] of its ops.
    pub place: u16,
    /// [`Kind::Effect`], [`Kind::DeadLettered`] or [`Kind::Stored`].
    pub kind: Kind,
    pub store: Store,
}

/// A store, ready to be opened.
#[derive(Clone, Debug)]
pub enum Store {
    Directory {
        path: PathBuf,
        id: IdPlace,
    },
    Sqlite {
        path: PathBuf,
        rows: Rows,
    },
    /// `url` is `postgres://user:password@host:port/database`.
    Postgres {
        url: String,
        table: String,
        column: String,
    },
    /// Where the catcher's API is.
    Mails {
        api: SocketAddr,
    },
    /// `settings` are librdkafka's, `bootstrap.servers` among them.
    Topic {
        topic: String,
        id: IdPlace,
        settings: BTreeMap<String, String>,
    },
}

/// A running tap. Dropping it ends its thread.
pub struct Tap {
    spec: TapSpec,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    ask: Sender<Instant>,
    answer: Receiver<Result<FinalRead, TapError>>,
    deadline: Option<Instant>,
}

impl Tap {
    /// Starts reading.
    ///
    /// # Errors
    /// When the id cannot travel in the place that the spec names, or the settings of a topic are refused. A store that
    /// is not there yet is no error.
    pub fn start(spec: TapSpec, watch: Watch) -> Result<Self, TapError> {
        let source = source(&spec)?;
        let shared = Arc::new(Shared::default());
        let effects = Effects::new(watch, Arc::clone(&shared), spec.place, spec.kind);
        let stop = Arc::new(AtomicBool::new(false));
        let (ask, asked) = channel();
        let (tell, answer) = channel();
        let worker = Worker {
            source,
            effects,
            shared: Arc::clone(&shared),
            stop: Arc::clone(&stop),
            asked,
            tell,
            looked_ns: None,
        };
        std::thread::Builder::new()
            .name(format!("tap-{}", spec.name).chars().take(15).collect())
            .spawn(move || worker.run())
            .map_err(|source| TapError::Start {
                sink: spec.name.clone(),
                source,
            })?;
        Ok(Self {
            spec,
            shared,
            stop,
            ask,
            answer,
            deadline: None,
        })
    }

    #[must_use]
    pub fn spec(&self) -> &TapSpec {
        &self.spec
    }

    #[must_use]
    pub fn status(&self) -> TapStatus {
        self.shared.status(&self.spec.name, self.spec.place)
    }

    /// Begins the final read, to be waited for with [`Tap::finish`]. The system has come to rest by now.
    pub fn begin_final_read(&mut self, within: Duration) {
        let deadline = Instant::now() + within;
        self.deadline = Some(deadline);
        // A thread that is gone shows in `finish`.
        let _ = self.ask.send(deadline);
    }

    /// The end of the final read, and of the tap.
    ///
    /// # Errors
    /// When the store cannot be read to its end: the verdict is then inconclusive.
    pub fn finish(mut self, within: Duration) -> Result<FinalRead, TapError> {
        if self.deadline.is_none() {
            self.begin_final_read(within);
        }
        let deadline = self.deadline.unwrap_or_else(Instant::now) + GRACE;
        let sink = self.spec.name.clone();
        match self
            .answer
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(TapError::TooLate { sink }),
            Err(RecvTimeoutError::Disconnected) => Err(TapError::Died { sink }),
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

fn source(spec: &TapSpec) -> Result<Box<dyn Source>, TapError> {
    Ok(match spec.store.clone() {
        Store::Directory { path, id } => Box::new(Directory::new(&spec.name, path, id)?),
        Store::Sqlite { path, rows } => Box::new(Sqlite::new(path, rows)),
        #[cfg(feature = "postgres")]
        Store::Postgres { url, table, column } => {
            Box::new(Postgres::new(&spec.name, &url, &table, &column)?)
        }
        #[cfg(not(feature = "postgres"))]
        Store::Postgres { .. } => {
            let sink = spec.name.clone();
            return Err(TapError::NotBuilt { sink });
        }
        Store::Mails { api } => Box::new(Mails::new(api)),
        Store::Topic {
            topic,
            id,
            settings,
        } => Box::new(Topic::new(&spec.name, topic, id, &settings, spec.kind)?),
    })
}

struct Worker {
    source: Box<dyn Source>,
    effects: Effects,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    asked: Receiver<Instant>,
    tell: Sender<Result<FinalRead, TapError>>,
    /// End of the last look, when that was one at what is there.
    looked_ns: Option<u64>,
}

impl Worker {
    fn run(mut self) {
        while !self.stop.load(Relaxed) {
            match self.asked.try_recv() {
                Ok(deadline) => return self.finish(deadline),
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => self.look(),
            }
        }
    }

    fn look(&mut self) {
        let polled = self.source.poll(&mut self.effects);
        self.effects.flush();
        let now = self.effects.now_ns();
        self.shared.polled(now);
        let watched = matches!(polled, Ok(Polled::Read));
        // Away from a store that is not there or cannot be read, nothing is missed by looking seldom.
        let before = std::mem::replace(&mut self.looked_ns, watched.then_some(now));
        let state = match polled {
            Ok(Polled::Read) => {
                if let Some(before) = before {
                    let attentive = self.source.attentive();
                    self.shared.unwatched(now.saturating_sub(before), attentive);
                }
                return self.shared.set_state(TapState::Watching, now);
            }
            Ok(Polled::NotThere(what)) => TapState::Waiting(what),
            Err(error) => TapState::Failing(error.to_string()),
        };
        self.shared.set_state(state, now);
        std::thread::sleep(RETRY);
    }

    fn finish(mut self, deadline: Instant) {
        let result = self.source.final_read(&mut self.effects, deadline);
        self.effects.flush();
        let state = match &result {
            Ok(_) => TapState::Done,
            Err(error) => TapState::Failing(error.to_string()),
        };
        self.shared.set_state(state, self.effects.now_ns());
        // Nobody waiting any more is the caller's choice.
        let _ = self.tell.send(result);
    }
}

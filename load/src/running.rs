//! Starting, watching and ending a load.

use crate::clock::RunTimes;
use crate::dispatch::{Dispatcher, Shared};
use crate::entry::{Context, Entry};
use crate::error::LoadError;
use crate::http::HttpEntry;
use crate::outcomes::Outcomes;
use crate::report::LoadReport;
use crate::spec::LoadSpec;
use crate::topic::TopicEntry;
use squall_history::Recorder;
use squall_plan::payload::Constants;
use squall_plan::scenario::LoadEntry;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;

/// Where the load goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// Addresses of the service's replicas; connections go round them.
    Http { addresses: Vec<SocketAddr> },
    /// librdkafka's settings, `bootstrap.servers` among them.
    Topic { settings: BTreeMap<String, String> },
}

/// A load on its own threads.
pub struct RunningLoad {
    name: String,
    shared: Arc<Shared>,
    outcomes: Arc<Outcomes>,
    thread: Option<JoinHandle<LoadReport>>,
}

/// A load's state while it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    pub dispatched: u64,
    pub late: u64,
    /// Offered, without outcome so far.
    pub in_flight: u64,
}

impl RunningLoad {
    /// Starts a load. Its first event goes out when the load clock is there.
    ///
    /// # Errors
    /// When the target does not fit the plan, a template is wrong, or librdkafka refuses its settings.
    pub fn start(
        spec: LoadSpec,
        target: Target,
        times: RunTimes,
        recorder: Recorder,
    ) -> Result<Self, LoadError> {
        let outcomes = Arc::new(Outcomes::new(spec.stream, recorder));
        let context = Context {
            times,
            outcomes: Arc::clone(&outcomes),
            timeout_ns: spec.load.timeout_ns,
        };
        let entry = entry(&spec, target, &context)?;
        let shared = Arc::new(Shared::default());
        let name = spec.load.name.clone();
        let dispatcher = Dispatcher::new(&spec, context, Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("dispatcher".to_owned())
            .spawn(move || dispatcher.run(spec, entry))
            .map_err(|source| LoadError::Start {
                load: name.clone(),
                source,
            })?;
        Ok(Self {
            name,
            shared,
            outcomes,
            thread: Some(thread),
        })
    }

    /// No new events from now on (but for a few milliseconds' worth that are recorded as offered already); those under
    /// way still get their outcomes.
    pub fn stop(&self) {
        self.shared.stop.store(true, Relaxed);
    }

    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            dispatched: self.shared.dispatched.load(Relaxed),
            late: self.shared.late.load(Relaxed),
            in_flight: self.outcomes.open_count(),
        }
    }

    /// Whether all is sent and has its outcome.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end: all events sent, and an outcome for each.
    ///
    /// # Errors
    /// When a thread of the load died.
    pub fn join(mut self) -> Result<LoadReport, LoadError> {
        let report = self.thread.take().map(JoinHandle::join);
        match report {
            Some(Ok(report)) => Ok(report),
            Some(Err(_)) | None => Err(LoadError::Thread {
                load: self.name.clone(),
            }),
        }
    }
}

impl Drop for RunningLoad {
    fn drop(&mut self) {
        self.stop();
    }
}

fn entry(spec: &LoadSpec, target: Target, context: &Context) -> Result<Box<dyn Entry>, LoadError> {
    let times = &context.times;
    let constants = Constants {
        seed: spec.seed,
        stream: spec.stream,
        zero_unix_ns: times.started_unix_ns.saturating_add(times.load_zero_ns),
    };
    match (&spec.load.entry, target) {
        (LoadEntry::Http { .. }, Target::Http { addresses }) => Ok(Box::new(HttpEntry::start(
            &spec.load,
            constants,
            addresses,
            context.clone(),
        )?)),
        (LoadEntry::Topic { .. }, Target::Topic { settings }) => Ok(Box::new(TopicEntry::start(
            &spec.load,
            constants,
            &settings,
            context.clone(),
        )?)),
        (planned, _) => Err(LoadError::WrongTarget {
            load: spec.load.name.clone(),
            planned: if matches!(planned, LoadEntry::Http { .. }) {
                "HTTP"
            } else {
                "topic"
            },
        }),
    }
}

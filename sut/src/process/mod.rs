//! The real [`Env`]: one process, one thread, and around it librdkafka, an HTTP server, SQLite or PostgreSQL, a
//! mail folder or server.

mod http;
mod log;
mod mail;
mod maildir;
mod metrics;
#[cfg(feature = "postgres")]
mod postgres;
mod signals;
mod sqlite;
mod store;

use crate::service::{Service, ServiceError, run};
use crate::settings::Settings;
use http::{HttpIngress, State, serve};
use log::Logger;
use mail::ProcessMailer;
use metrics::Metrics;
use squall_bus_kafka::{KafkaBus, KafkaBusConsumer, KafkaBusProducer};
use squall_env::{
    BusError, ConsumerSettings, Env, IngressError, IngressSettings, LogEntry, MailError,
    ProducerSettings, StoreError, Table,
};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::ProcessStore;
use tokio::sync::watch;

/// Threads of the mail folder: each waits for the disk.
const BLOCKING_THREADS_MAX: usize = 32;
const LEFTOVERS: Duration = Duration::from_millis(500);

/// The environment of this process.
#[derive(Clone)]
pub struct ProcessEnv(Rc<Inner>);

struct Inner {
    settings: Settings,
    bus: KafkaBus,
    logger: Logger,
    state: Rc<State>,
    start: Instant,
    random: Cell<u64>,
    shutdown: watch::Receiver<bool>,
}

/// Runs a reference service until it is asked to stop, with settings from environment variables.
///
/// # Errors
/// The name is unknown, a variable is wrong or missing (all of them at once), or the service failed.
pub fn run_service(name: &str) -> Result<(), ServiceError> {
    let service = Service::parse(name).ok_or_else(|| ServiceError::Unknown(name.to_owned()))?;
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let settings = Settings::read(service, &variables)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()?;
    let local = tokio::task::LocalSet::new();
    let result = local.block_on(&runtime, async {
        let stop = signals::listen(variables.contains_key("SQUALL_RUN"))?;
        let env = ProcessEnv::open(settings, stop).await?;
        run(&env, service, &env.0.settings).await
    });
    drop(local);
    runtime.shutdown_timeout(LEFTOVERS);
    result
}

impl ProcessEnv {
    /// Listens on the metrics port, if there is one. `stop` turns true when the process is to stop.
    ///
    /// # Errors
    /// The port cannot be listened on.
    pub async fn open(
        settings: Settings,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, ServiceError> {
        let logger = Logger::new(
            &settings.service_name,
            &settings.replica,
            settings.log_level,
        );
        let client_id = format!("{}-{}", settings.service_name, settings.replica);
        let for_client = logger.clone();
        let bus = KafkaBus::new(
            &settings.bootstrap,
            &client_id,
            settings.client.clone(),
            Arc::new(move |level, text| {
                for_client.write(&LogEntry::new(level, text));
            }),
        );
        let state = Rc::new(State {
            ready: Cell::new(false),
            metrics: Metrics::default(),
        });
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        state
            .metrics
            .gauge(metrics::STARTED, &[], started.as_secs_f64());
        if let Some(port) = settings.metrics_port {
            serve(&settings.host, port, Rc::clone(&state), None).await?;
        }
        Ok(Self(Rc::new(Inner {
            settings,
            bus,
            logger,
            state,
            start: Instant::now(),
            random: Cell::new(RandomState::new().hash_one(std::process::id())),
            shutdown: stop,
        })))
    }
}

impl Env for ProcessEnv {
    type Producer = KafkaBusProducer;
    type Consumer = KafkaBusConsumer;
    type Store = ProcessStore;
    type Mailer = ProcessMailer;
    type Ingress = HttpIngress;

    fn producer(&self, settings: &ProducerSettings) -> Result<KafkaBusProducer, BusError> {
        self.0.bus.producer(settings)
    }

    fn consumer(&self, settings: &ConsumerSettings) -> Result<KafkaBusConsumer, BusError> {
        self.0.bus.consumer(settings)
    }

    async fn store(&self, tables: &'static [Table]) -> Result<ProcessStore, StoreError> {
        ProcessStore::open(&self.0.settings, tables).await
    }

    async fn mailer(&self) -> Result<ProcessMailer, MailError> {
        let settings = &self.0.settings;
        ProcessMailer::open(settings.maildir.as_deref(), settings.smtp_url.as_deref()).await
    }

    async fn ingress(&self, settings: &IngressSettings) -> Result<HttpIngress, IngressError> {
        let own = &self.0.settings;
        HttpIngress::open(&own.host, own.port, Rc::clone(&self.0.state), settings).await
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn unix_ms(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }

    /// SplitMix64, seeded by the operating system.
    fn random(&self, _: &'static str) -> u64 {
        let state = self.0.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn spawn<F: Future<Output = ()> + 'static>(&self, task: F) {
        tokio::task::spawn_local(task);
    }

    async fn shutdown(&self) {
        let mut stop = self.0.shutdown.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    fn set_ready(&self, ready: bool) {
        self.0.state.ready.set(ready);
    }

    fn log(&self, entry: &LogEntry<'_>) {
        self.0.logger.write(entry);
    }

    fn count(&self, name: &'static str, labels: &[(&'static str, &str)], by: u64) {
        self.0.state.metrics.count(name, labels, by);
    }

    fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.0.state.metrics.gauge(name, labels, value);
    }
}

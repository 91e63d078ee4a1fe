//! The `Env` of simulated processes.

use super::ingress::{IngressState, SimIngress};
use super::mailer::SimMailer;
use super::process::Process;
use super::store::SimStore;
use crate::client::{Access, ConsumerOptions, ProducerOptions, SimConsumer, SimProducer};
use squall_env::{
    BusError, ConsumerSettings, Env, IngressError, IngressSettings, LogEntry, MailError,
    ProducerSettings, StoreError, Table,
};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

/// A handle on the environment of one process.
#[derive(Clone)]
pub struct SimEnv(pub(crate) Rc<Process>);

impl SimEnv {
    fn access(&self) -> Rc<Access> {
        Access::new(&self.0.world.cluster, self.0.id, &self.0.name)
    }

    fn dead() -> BusError {
        BusError::Fatal("the process is dead".to_owned())
    }
}

impl Env for SimEnv {
    type Producer = SimProducer;
    type Consumer = SimConsumer;
    type Store = SimStore;
    type Mailer = SimMailer;
    type Ingress = SimIngress;

    fn producer(&self, settings: &ProducerSettings) -> Result<SimProducer, BusError> {
        if !self.0.alive.get() {
            return Err(Self::dead());
        }
        let options = ProducerOptions::read(&self.0.client, settings)?;
        let alive = Rc::clone(&self.0.alive);
        Ok(SimProducer::new(
            self.access(),
            options,
            alive,
            Rc::clone(&self.0.clock),
        ))
    }

    fn consumer(&self, settings: &ConsumerSettings) -> Result<SimConsumer, BusError> {
        if !self.0.alive.get() {
            return Err(Self::dead());
        }
        let options = ConsumerOptions::read(&self.0.client, settings)?;
        Ok(SimConsumer::new(
            self.access(),
            options,
            Rc::clone(&self.0.alive),
        ))
    }

    async fn store(&self, tables: &'static [Table]) -> Result<SimStore, StoreError> {
        let path = self.0.world.path_of(&self.0.name, "SQLITE_PATH");
        Ok(SimStore::open(&self.0, &path, tables))
    }

    async fn mailer(&self) -> Result<SimMailer, MailError> {
        let path = self.0.world.path_of(&self.0.name, "MAILDIR");
        Ok(SimMailer::new(&self.0, path))
    }

    async fn ingress(&self, settings: &IngressSettings) -> Result<SimIngress, IngressError> {
        if self.0.ingress.borrow().is_some() {
            return Err(IngressError("it is listening already".to_owned()));
        }
        let state = IngressState::open(&self.0, settings);
        self.0.ingress.replace(Some(Rc::clone(&state)));
        Ok(SimIngress::new(state))
    }

    fn now_ns(&self) -> u64 {
        self.0.world.kernel.now()
    }

    fn unix_ms(&self) -> u64 {
        self.0.clock.read(self.now_ns())
    }

    async fn sleep(&self, duration: Duration) {
        let for_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.world.kernel.sleep(for_ns).await;
    }

    fn random(&self, purpose: &'static str) -> u64 {
        self.0.world.kernel.random(purpose, u64::from(self.0.id.0))
    }

    fn spawn<F: Future<Output = ()> + 'static>(&self, task: F) {
        if self.0.alive.get() {
            self.0.world.kernel.spawn(self.0.id, task);
        }
    }

    async fn shutdown(&self) {
        if !self.0.alive.get() {
            pending::<()>().await;
        }
        self.0.changed.until(|| self.0.stopping.get()).await;
    }

    fn set_ready(&self, ready: bool) {
        if self.0.alive.get() {
            self.0.ready.set(ready);
            self.0.changed.raise();
        }
    }

    /// Lines of log are not kept: the history tells all that is judged.
    fn log(&self, _entry: &LogEntry<'_>) {}

    fn count(&self, _name: &'static str, _labels: &[(&'static str, &str)], _by: u64) {}

    fn gauge(&self, _name: &'static str, _labels: &[(&'static str, &str)], _value: f64) {}
}

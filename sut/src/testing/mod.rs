//! A small deterministic environment for the tests of handlers: everything in memory, time that moves when nothing else
//! can, and a crash that can come at any step.

mod consumer;
mod ingress;
mod life;
mod producer;
mod sinks;
mod world;

use consumer::TestConsumer;
use ingress::TestIngress;
use life::Life;
pub(crate) use life::{End, live};
use producer::TestProducer;
use sinks::TestStore;
use squall_env::{
    BusError, ConsumerSettings, Env, IngressError, IngressSettings, LogEntry, MailError,
    ProducerSettings, StoreError, Table,
};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
pub(crate) use world::World;

type Shared<T> = Rc<RefCell<T>>;

#[derive(Clone)]
pub(crate) struct TestEnv {
    pub(crate) world: Shared<World>,
    life: Shared<Life>,
}

impl Env for TestEnv {
    type Producer = TestProducer;
    type Consumer = TestConsumer;
    type Store = TestStore;
    type Mailer = TestEnv;
    type Ingress = TestIngress;

    fn producer(&self, settings: &ProducerSettings) -> Result<TestProducer, BusError> {
        self.world
            .borrow_mut()
            .producer_settings
            .push(settings.clone());
        Ok(TestProducer::new(self))
    }

    fn consumer(&self, settings: &ConsumerSettings) -> Result<TestConsumer, BusError> {
        Ok(TestConsumer::new(self, settings))
    }

    async fn store(&self, tables: &'static [Table]) -> Result<TestStore, StoreError> {
        Ok(TestStore::new(self, tables))
    }

    async fn mailer(&self) -> Result<TestEnv, MailError> {
        Ok(self.clone())
    }

    async fn ingress(&self, _: &IngressSettings) -> Result<TestIngress, IngressError> {
        Ok(TestIngress::new(self))
    }

    fn now_ns(&self) -> u64 {
        self.life.borrow().now_ns
    }

    fn unix_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        let until = self.now_ns() + duration.as_nanos() as u64;
        self.life.borrow_mut().sleepers.insert(until);
        let env = self.clone();
        async move {
            poll_fn(|_| {
                let awake = env.now_ns() >= until && !env.is_dead();
                if awake {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
    }

    fn random(&self, _: &'static str) -> u64 {
        let mut life = self.life.borrow_mut();
        life.draws += 1;
        let mixed = (life.draws ^ (life.draws << 17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }

    fn spawn<F: Future<Output = ()> + 'static>(&self, task: F) {
        self.life.borrow_mut().spawned.push(Box::pin(task));
    }

    async fn shutdown(&self) {
        poll_fn(|_| {
            if self.life.borrow().stop {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn set_ready(&self, ready: bool) {
        self.life.borrow_mut().ready = ready;
    }

    fn log(&self, entry: &LogEntry<'_>) {
        let id = entry.event_id.unwrap_or_default();
        let line = format!("{} {} {id}", entry.level.name(), entry.message);
        self.world.borrow_mut().logs.push(line);
    }

    fn count(&self, _: &'static str, _: &[(&'static str, &str)], _: u64) {}

    fn gauge(&self, _: &'static str, _: &[(&'static str, &str)], _: f64) {}
}

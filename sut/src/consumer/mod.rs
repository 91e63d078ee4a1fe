//! Consumers: take a batch, do its effects, settle it. What differs is the [`Effect`].

mod db;
mod dead_letters;
mod effect;
mod email;
mod worker;

use crate::bugs::Bug;
use crate::service::ServiceError;
use crate::settings::Settings;
use db::Rows;
use effect::{Chain, Effect};
use email::Mails;
use squall_env::{
    BusError, Consumer, ConsumerSettings, Either, Env, Field, Level, LogEntry, select,
};
use std::rc::Rc;
use std::time::Duration;
use worker::{Stopped, Worker};

const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(200);

/// Sends the welcome mails.
pub(crate) async fn run_email<E: Env>(env: &E, settings: &Settings) -> Result<(), ServiceError> {
    let mails = Mails::open(env, settings).await?;
    run(env, settings, mails).await
}

/// Writes the rows.
pub(crate) async fn run_db<E: Env>(env: &E, settings: &Settings) -> Result<(), ServiceError> {
    let rows = Rows::open(env, settings).await?;
    if settings.bugs.has(Bug::CoupledConsumers) {
        let mails = Mails::open(env, settings).await?;
        return run(env, settings, Chain(mails, rows)).await;
    }
    run(env, settings, rows).await
}

async fn run<E: Env>(
    env: &E,
    settings: &Settings,
    effect: impl Effect + 'static,
) -> Result<(), ServiceError> {
    let consumer = Rc::new(env.consumer(&subscription(settings))?);
    let worker = Rc::new(Worker::new(env, settings, Rc::clone(&consumer), effect)?);
    ready_when_joined(env, &consumer);
    let result = work(env, settings, &consumer, &worker).await;
    env.set_ready(false);
    if let Err(error) = consumer.close().await {
        let why = error.to_string();
        let fields = [("reason", Field::Text(&why))];
        env.log(&LogEntry::new(Level::Warn, "left without a last commit").fields(&fields));
    }
    result
}

/// What a consumer asks of its client; also the relay.
pub(crate) fn subscription(settings: &Settings) -> ConsumerSettings {
    let mut own = ConsumerSettings {
        group: settings.group.clone(),
        topics: vec![settings.topic.clone()],
        client: squall_env::ClientSettings::default(),
    };
    if settings.bugs.has(Bug::AutoCommitAsync) {
        own.client.set("enable.auto.commit", "true");
        own.client.set("enable.auto.offset.store", "true");
        if settings.client.get("auto.commit.interval.ms").is_none() {
            own.client.set("auto.commit.interval.ms", "100");
        }
    }
    own
}

/// The group tells its members their shares while batches are asked for, so this runs beside.
pub(crate) fn ready_when_joined<E: Env>(env: &E, consumer: &Rc<E::Consumer>) {
    let (env, consumer) = (env.clone(), Rc::clone(consumer));
    env.clone().spawn(async move {
        if consumer.ready().await.is_ok() {
            env.set_ready(true);
        }
    });
}

async fn work<E: Env, F: Effect + 'static>(
    env: &E,
    settings: &Settings,
    consumer: &Rc<E::Consumer>,
    worker: &Rc<Worker<E, F>>,
) -> Result<(), ServiceError> {
    let mut shutdown = Box::pin(env.shutdown());
    loop {
        let next = select(shutdown.as_mut(), consumer.next_batch(settings.batch_max));
        let batch = match next.await {
            Either::First(()) => return Ok(()),
            Either::Second(Ok(batch)) => batch,
            Either::Second(Err(error @ BusError::Temporary(_))) => {
                env.log(&LogEntry::new(Level::Warn, &error.to_string()));
                env.sleep(PAUSE_AFTER_ERROR).await;
                continue;
            }
            Either::Second(Err(error)) => return Err(error.into()),
        };
        let beside = [Bug::AutoCommitAsync, Bug::ConcurrentBatches];
        if beside.into_iter().any(|bug| settings.bugs.has(bug)) {
            let worker = Rc::clone(worker);
            env.spawn(async move {
                let _ = worker.handle(batch).await;
            });
        } else if let Err(Stopped) = worker.handle(batch).await {
            return Ok(());
        }
    }
}

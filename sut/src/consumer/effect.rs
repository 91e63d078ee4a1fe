//! What a consumer does with an event.

use crate::envelope::Incoming;
use crate::settings::EffectSettings;
use squall_env::Env;
use std::future::Future;

/// How an effect failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum EffectError {
    /// Trying again may help.
    Temporary(String),
    /// It will never work.
    Permanent(String),
}

/// The work of a consumer. Idempotent by the event's id.
pub(crate) trait Effect {
    /// The event types that this consumer subscribes to.
    fn subscriptions(&self) -> &[&'static str];

    /// How many events [`Effect::apply`] likes to get at once.
    fn chunk(&self) -> usize;

    /// Does the effects of these events; one answer for each, in their order.
    fn apply(&self, events: &[&Incoming<'_>])
    -> impl Future<Output = Vec<Result<(), EffectError>>>;
}

/// The first effect, then the second, event by event: what a handler looks like to which a second duty was added.
pub(crate) struct Chain<A, B>(pub(crate) A, pub(crate) B);

impl<A: Effect, B: Effect> Effect for Chain<A, B> {
    fn subscriptions(&self) -> &[&'static str] {
        self.1.subscriptions()
    }

    fn chunk(&self) -> usize {
        1
    }

    async fn apply(&self, events: &[&Incoming<'_>]) -> Vec<Result<(), EffectError>> {
        let mut results = Vec::with_capacity(events.len());
        for event in events {
            let one = [*event];
            let mut result = Ok(());
            if self.0.subscriptions().contains(&event.event_type.as_str()) {
                result = only(self.0.apply(&one).await);
            }
            if result.is_ok() {
                result = only(self.1.apply(&one).await);
            }
            results.push(result);
        }
        results
    }
}

fn only(mut results: Vec<Result<(), EffectError>>) -> Result<(), EffectError> {
    results.pop().unwrap_or(Ok(()))
}

/// Behaves as slow and as flaky as the settings say the downstream is.
pub(crate) async fn downstream<E: Env>(
    env: &E,
    settings: EffectSettings,
) -> Result<(), EffectError> {
    if !settings.delay.is_zero() {
        env.sleep(settings.delay).await;
    }
    let dice = env.random("downstream") % 1000;
    if dice < u64::from(settings.failures_per_mille) {
        return Err(EffectError::Temporary("the downstream is flaky".to_owned()));
    }
    Ok(())
}

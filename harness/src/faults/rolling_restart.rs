//! `rolling_restart`: brokers end and start again in order, each once the one before is back and every replica in sync.

use super::broker_down::end_broker;
use super::sequence::{self, Sequence, Step};
use super::{FaultError, Injection};
use crate::environment::network::End;
use crate::environment::{Environment, until};
use squall_plan::fault::{Ending, Terms};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A broker catches up in seconds; this long means that it does not.
const IN_SYNC_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// # Errors
/// When no thread can be had.
pub fn inject(
    env: Arc<dyn Environment>,
    ends: &[End],
    terms: &Terms,
) -> Result<Sequence, FaultError> {
    let down = match terms {
        Terms::Roll { down_ns } => Duration::from_nanos(*down_ns),
        _ => Duration::ZERO,
    };
    let brokers = ends.iter().filter_map(|end| match end {
        End::Broker(id) => Some(*id),
        _ => None,
    });
    let step = |broker: u32| -> Step {
        let env = Arc::clone(&env);
        Box::new(move |stop| roll(env, broker, down, stop))
    };
    sequence::start("rolling-restart", brokers.map(step).collect())
}

fn roll(
    env: Arc<dyn Environment>,
    broker: u32,
    down: Duration,
    stop: &AtomicBool,
) -> Result<String, FaultError> {
    let failed = |why: String| FaultError::Broker { broker, why };
    let mut away = end_broker(Ending::Stop, Arc::clone(&env), broker)?;
    until(down, LOOK_EVERY, || stop.load(Ordering::Acquire));
    away.heal()?;
    let text = away.restarted();
    let text = text.ok_or_else(|| failed("went on taking connections".to_owned()))?;
    let in_sync = env.bus().await_in_sync(IN_SYNC_WITHIN);
    in_sync.map_err(|why| failed(format!("is back, but not in sync: {why}")))?;
    Ok(format!("{text} in sync"))
}

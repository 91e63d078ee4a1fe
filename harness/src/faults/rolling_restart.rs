//! `rolling_restart`: brokers are restarted in order, each once the one before is back and every replica in sync.

use super::broker_down::end_broker;
use super::sequence::{self, Sequence, Step};
use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::network::End;
use squall_plan::fault::Ending;
use std::sync::Arc;
use std::time::Duration;

/// A broker catches up in seconds; this long means that it does not.
const IN_SYNC_WITHIN: Duration = Duration::from_secs(60);

/// # Errors
/// When no thread can be had.
pub fn inject(env: Arc<dyn Environment>, ends: &[End]) -> Result<Sequence, FaultError> {
    let brokers = ends.iter().filter_map(|end| match end {
        End::Broker(id) => Some(*id),
        _ => None,
    });
    let step = |broker: u32| -> Step {
        let env = Arc::clone(&env);
        Box::new(move || roll(env, broker))
    };
    sequence::start("rolling-restart", brokers.map(step).collect())
}

fn roll(env: Arc<dyn Environment>, broker: u32) -> Result<String, FaultError> {
    let failed = |why: String| FaultError::Broker { broker, why };
    let mut down = end_broker(Ending::Stop, Arc::clone(&env), broker)?;
    down.heal()?;
    let text = down.restarted();
    let text = text.ok_or_else(|| failed("went on taking connections".to_owned()))?;
    let in_sync = env.bus().await_in_sync(IN_SYNC_WITHIN);
    in_sync.map_err(|why| failed(format!("is back, but not in sync: {why}")))?;
    Ok(format!("{text} in sync"))
}

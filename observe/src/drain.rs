//! When nothing is in flight any more.

use crate::lag::LagWatch;
use crate::taps::Taps;
use squall_plan::Plan;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a drain ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Drained {
    /// All groups have committed everything, and no sink has shown anything new for the time asked for.
    pub complete: bool,
    pub took: Duration,
    /// From the call until the last effect or dead letter was seen and no group was behind any more, whichever came later; 0
    /// when both were so before. The quiet time after it is not in it. `None`: it did not complete.
    pub settled_after: Option<Duration>,
    /// Sink to what is on its way there by its group's lag. `None`: it has no group, or nobody could tell.
    pub in_flight: BTreeMap<String, Option<u64>>,
    /// What was still missing; empty when complete.
    pub why: String,
}

/// Waits until every group's lag is 0, by a look that began after this call, and the sinks have been quiet for `quiet`;
/// or until the deadline, or until `stop` says so.
#[must_use]
pub fn drain(
    plan: &Plan,
    taps: &Taps,
    lag: &LagWatch,
    quiet: Duration,
    within: Duration,
    stop: impl Fn() -> bool,
) -> Drained {
    let began = Instant::now();
    let began_ns = taps.now_ns();
    loop {
        let missing = missing(taps, lag, quiet, began_ns);
        if missing.is_none() || began.elapsed() >= within || stop() {
            return Drained {
                complete: missing.is_none(),
                took: began.elapsed(),
                settled_after: missing
                    .is_none()
                    .then(|| settled_after(taps, lag, began_ns)),
                in_flight: in_flight(plan, lag, began_ns),
                why: missing.unwrap_or_default(),
            };
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What still keeps the drain from ending.
fn missing(taps: &Taps, lag: &LagWatch, quiet: Duration, began_ns: u64) -> Option<String> {
    let sample = lag.latest();
    if sample.at_ns <= began_ns {
        return Some("no look at the consumer groups' lag came back".to_owned());
    }
    let behind: Vec<String> = sample
        .groups
        .iter()
        .filter_map(|(group, lag)| match lag {
            Ok(0) => None,
            Ok(lag) => Some(format!("group {group} is {lag} behind")),
            Err(error) => Some(format!("the lag of group {group} is not known: {error}")),
        })
        .collect();
    if !behind.is_empty() {
        return Some(behind.join(", "));
    }
    (u128::from(taps.quiet_ns()) < quiet.as_nanos())
        .then(|| "effects keep showing in the sinks".to_owned())
}

fn settled_after(taps: &Taps, lag: &LagWatch, began_ns: u64) -> Duration {
    let clear = lag.latest().clear_since_ns;
    let settled_ns = clear.max(taps.last_seen_ns()).unwrap_or(0);
    Duration::from_nanos(settled_ns.saturating_sub(began_ns))
}

/// An upper bound, which only a look that began after the last event was offered can give.
fn in_flight(plan: &Plan, lag: &LagWatch, began_ns: u64) -> BTreeMap<String, Option<u64>> {
    let sample = lag.latest();
    let fresh = sample.at_ns > began_ns;
    let sinks = plan.system.spec.sinks.iter();
    sinks
        .map(|sink| {
            let lag = sink
                .group
                .as_ref()
                .filter(|_| fresh)
                .and_then(|group| sample.groups.get(group)?.as_ref().ok().copied());
            (sink.name.clone(), lag)
        })
        .collect()
}

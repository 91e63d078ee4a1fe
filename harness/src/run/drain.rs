//! The drain: waits until nothing is in flight, and says what still is when it gives up.

use super::phases::Running;
use crate::exit::Failure;
use crate::verdict::health_key;
use squall_history::What;
use std::collections::BTreeMap;
use std::time::Duration;

/// No sink may show anything new for so long: a consumer that commits early still has its effects to do.
const QUIET: Duration = Duration::from_millis(500);

/// Waits, and notes how it ended. The load has ended and every fault is healed: `drain_ms` counts from here.
pub fn wait(running: &Running<'_>) -> Result<(), Failure> {
    let plan = running.context.plan;
    let within = Duration::from_nanos(plan.timing.drain_ns);
    // A user who asked for an end waits for the drain too, but a second Ctrl-C ends at once.
    let drained = squall_observe::drain(plan, &running.taps, &running.lag, QUIET, within, || false);
    let notes = &running.context.notes;
    for (sink, in_flight) in &drained.in_flight {
        if let Some(value) = in_flight {
            notes.note(What::Counter {
                source: sink.clone(),
                name: "in-flight".to_owned(),
                value: *value,
            });
        }
    }
    if let Some(settled_after) = drained.settled_after {
        notes.note(What::Sample {
            metric: "drain_ms".to_owned(),
            labels: BTreeMap::new(),
            value: settled_after.as_secs_f64() * 1e3,
        });
    }
    let detail = format!(
        "The drain did not end within {} s: {}.",
        within.as_secs(),
        drained.why
    );
    let ok = drained.complete;
    notes.note(What::Health {
        key: health_key::DRAIN.to_owned(),
        ok,
        detail: if ok { String::new() } else { detail },
    });
    for problem in running.taps.problems() {
        notes.note(What::Problem {
            source: "tap".to_owned(),
            text: problem,
        });
    }
    Ok(())
}

//! The steady-state gate: before any load, probe events must show in every sink they belong to.

use super::phases::Running;
use crate::exit::Failure;
use crate::verdict::health_key;
use squall_history::What;
use squall_load::{LoadSpec, Probes, RunTimes, RunningLoad};
use squall_plan::scenario::Outcome;
use std::time::{Duration, Instant};

const PROBES: Probes = Probes {
    first: 0,
    count: 3,
    interval_ns: 1_000_000,
};
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Sends probes by the entry of the first load whose events have effects, and waits until they show.
pub fn gate(running: &Running<'_>) -> Result<(), Failure> {
    let plan = running.context.plan;
    let shows = |outcome: &Outcome| *outcome == Outcome::Effect;
    let Some(stream) = plan
        .loads
        .iter()
        .position(|planned| planned.load.outcomes.iter().any(shows))
    else {
        return note(running, true, "no load has effects that could be probed");
    };
    let stream = u16::try_from(stream).unwrap_or(u16::MAX);
    let Some(spec) = LoadSpec::probes(plan, stream, PROBES) else {
        return Err(Failure::defect("a load of the plan has no probes"));
    };
    let times = RunTimes {
        load_zero_ns: running.now_ns(),
        ..running.times
    };
    let target = running.target(&plan.loads[usize::from(stream)].load)?;
    let load = RunningLoad::start(spec, target, times, running.context.recorder.clone())
        .map_err(|error| Failure::environment(format!("the probes cannot be sent: {error}")))?;
    let wanted: Vec<usize> = plan.loads[usize::from(stream)]
        .load
        .outcomes
        .iter()
        .enumerate()
        .filter(|(_, outcome)| shows(outcome))
        .map(|(sink, _)| sink)
        .collect();
    let deadline = Instant::now() + Duration::from_nanos(plan.timing.steady_ns);
    let shown = wait(running, &wanted, deadline);
    let missing = missing(running, &wanted);
    load.stop();
    let report = load
        .join()
        .map_err(|error| Failure::defect(format!("the probes: {error}")))?;
    if shown {
        return note(running, true, "");
    }
    let why = format!(
        "Of {} probe events {} were accepted, and within {} s these sinks did not show them: {missing}.",
        PROBES.count,
        report.accepted,
        plan.timing.steady_ns / 1_000_000_000
    );
    note(running, false, &why)
}

fn wait(running: &Running<'_>, wanted: &[usize], deadline: Instant) -> bool {
    while Instant::now() < deadline && !running.context.interrupt.is_requested() {
        if wanted
            .iter()
            .all(|sink| running.seen(*sink) >= PROBES.count)
        {
            return true;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    false
}

fn missing(running: &Running<'_>, wanted: &[usize]) -> String {
    let sinks = &running.context.plan.system.spec.sinks;
    let names: Vec<String> = wanted
        .iter()
        .filter(|sink| running.seen(**sink) < PROBES.count)
        .map(|sink| format!("{} ({})", sinks[*sink].name, running.tap_state(*sink)))
        .collect();
    names.join(", ")
}

fn note(running: &Running<'_>, ok: bool, detail: &str) -> Result<(), Failure> {
    let key = health_key::STEADY_STATE.to_owned();
    running.context.notes.note(What::Health {
        key,
        ok,
        detail: detail.to_owned(),
    });
    Ok(())
}

//! What was measured around a fault, as reports take it.

use super::around::Told;
use squall_check::Judgement;
use squall_render::report;
use std::collections::BTreeMap;

/// `None` for a fault that was not judged.
pub fn of(
    fault: &str,
    judgement: &Judgement,
    told: &BTreeMap<String, Told>,
) -> Option<report::FaultMeasures> {
    let judged = judgement.faults.iter().find(|one| one.name == fault)?;
    let told = told.get(fault).cloned().unwrap_or_default();
    Some(report::FaultMeasures {
        before: judged.before.as_ref().map(stretch),
        during: judged.during.as_ref().map(stretch),
        after: judged.after.as_ref().map(stretch),
        detect_ms: judged.detect_ms,
        detected_by: judged.detected_by.clone(),
        recovery: judged.recovery.map(measure),
        heal_recovery: judged.heal_recovery.map(measure),
        leaderless: told.leaderless.map(|told| report::Leaderless {
            partitions: told.partitions,
            longest: measure(told.longest),
            worst: told.worst,
        }),
        lag: told
            .lags
            .into_iter()
            .map(|(group, lag)| {
                let lag = report::Lag {
                    before: lag.before,
                    peak: lag.peak,
                    drained: measure(lag.drained),
                };
                (group, lag)
            })
            .collect(),
    })
}

const fn measure(measure: squall_check::Measure) -> report::Measure {
    report::Measure {
        ms: measure.ms,
        over: measure.over,
    }
}

fn stretch(stretch: &squall_check::Stretch) -> report::Stretch {
    let effect = stretch.effect.iter();
    report::Stretch {
        offered: stretch.offered,
        rate: stretch.rate,
        rejected: stretch.rejected,
        indeterminate: stretch.indeterminate,
        accept: stretch.accept.map(times),
        effect: effect
            .map(|(sink, &taken)| (sink.clone(), times(taken)))
            .collect(),
    }
}

const fn times(times: squall_check::StretchTimes) -> report::Times {
    report::Times {
        count: times.count,
        p50_ms: times.p50_ms,
        p99_ms: times.p99_ms,
        max_ms: times.max_ms,
    }
}

//! What was measured around a fault, as reports take it.

use super::around::Told;
use squall_check::Judgement;
use squall_plan::Plan;
use squall_plan::fault::{Fault, Target, Terms};
use squall_render::report;
use std::collections::BTreeMap;

/// `None` for a fault that was not judged.
pub fn of(
    fault: &Fault,
    plan: &Plan,
    judgement: &Judgement,
    told: &BTreeMap<String, Told>,
) -> Option<report::FaultMeasures> {
    let judged = judgement.faults.iter().find(|one| one.name == fault.name)?;
    let scaled = Scaled::of(fault, plan);
    let told = told.get(&fault.name).cloned().unwrap_or_default();
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
        accepted: judged.accepted.map(|done| {
            let entry = plan.system.spec.entry.http.as_ref();
            let by_it = |scaled: &Scaled<'_>| entry.is_some_and(|it| it.service == scaled.service);
            throughput(done, scaled.as_ref().filter(|scaled| by_it(scaled)))
        }),
        effects: judged
            .effects
            .iter()
            .map(|(sink, &done)| {
                let of = plan.system.spec.sink(sink);
                let group = of.and_then(|sink| sink.group.as_deref());
                let by_it = |scaled: &Scaled<'_>| group.is_some() && group == scaled.group;
                let scaled = scaled.as_ref().filter(|scaled| by_it(scaled));
                (sink.clone(), throughput(done, scaled))
            })
            .collect(),
    })
}

/// A service that a fault gave another number of replicas.
struct Scaled<'a> {
    service: &'a str,
    group: Option<&'a str>,
    /// How many there are, in how many there were.
    factor: f64,
}

impl<'a> Scaled<'a> {
    fn of(fault: &'a Fault, plan: &'a Plan) -> Option<Self> {
        let (Target::Service { service, .. }, Terms::Scale { to }) = (&fault.target, &fault.terms)
        else {
            return None;
        };
        let before = plan.system.scale.get(service).filter(|&&count| count > 0)?;
        let spec = plan.system.spec.service(service);
        (*to > 0).then(|| Self {
            service,
            group: spec.and_then(|spec| spec.group.as_deref()),
            factor: f64::from(*to) / f64::from(*before),
        })
    }
}

fn throughput(done: squall_check::Throughput, scaled: Option<&Scaled<'_>>) -> report::Throughput {
    let gain = done.gain();
    report::Throughput {
        before: done.before,
        during: done.during,
        gain,
        efficiency: gain.zip(scaled).map(|(gain, scaled)| gain / scaled.factor),
    }
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

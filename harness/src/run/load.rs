//! The load phase: all loads at once, and what they say of themselves.

use super::by_hand::{ByHand, Tempo};
use super::phases::Running;
use super::punctuality::Punctuality;
use super::watchdog::{Totals, Watchdog};
use crate::exit::Failure;
use crate::faults::{BIT, Schedule};
use crate::verdict::{PACING_BUCKET, health_key};
use squall_history::{FaultState, What};
use squall_load::{LoadReport, LoadSpec, RunTimes, RunningLoad};
use squall_plan::fault::OddSent;
use squall_plan::plan::Arrivals;
use squall_plan::scenario::LoadEntry;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Sends every load of the plan and waits until each event has its outcome. When the run is interrupted, the faults heal first:
/// an event may wait for its outcome for as long as a fault lasts. A limit of `abort_if` ends the load in the same way.
pub fn send(running: &Running<'_>, load_zero_ns: u64, schedule: &Schedule) -> Result<(), Failure> {
    let plan = running.context.plan;
    let times = RunTimes {
        load_zero_ns,
        ..running.times
    };
    let mut loads = Vec::new();
    let mut counts = Vec::new();
    let by_hand = running.context.by_hand.as_ref();
    for (stream, planned) in plan.loads.iter().enumerate() {
        let stream = u16::try_from(stream).unwrap_or(u16::MAX);
        let no_arrivals = || Failure::defect("a load of the plan has no arrivals");
        let mut spec = LoadSpec::of_plan(plan, stream).ok_or_else(no_arrivals)?;
        if let Some(by_hand) = by_hand {
            let arrivals = plan.arrivals(stream).ok_or_else(no_arrivals)?;
            let keys = Arrivals::new(planned, stream, plan.seed.wrapping_add(1));
            let (tempo, count) = Tempo::new(arrivals, keys, by_hand.clone());
            spec.arrivals = Box::new(tempo);
            counts.push(count);
        }
        let load = RunningLoad::start(
            spec,
            running.target(&planned.load)?,
            times,
            running.context.recorder.clone(),
        );
        loads.push(load.map_err(|error| Failure::environment(error.to_string()))?);
    }
    let mut watchdog = Watchdog::new(&plan.abort_if).map_err(Failure::bad_input)?;
    open(by_hand, true);
    while loads.iter().any(|load| !load.is_finished()) {
        let harm = harm(running, &mut watchdog);
        if running.context.interrupt.wait(LOOK_EVERY) || harm {
            loads.iter().for_each(RunningLoad::stop);
            schedule.heal();
            break;
        }
        for fault in by_hand.map(ByHand::take).unwrap_or_default() {
            schedule.add(&fault).map_err(|error| {
                Failure::environment(format!("{} cannot begin: {error}", fault.name))
            })?;
        }
    }
    open(by_hand, false);
    let reports: Result<Vec<LoadReport>, _> = loads.into_iter().map(RunningLoad::join).collect();
    let mut reports = reports.map_err(|error| Failure::defect(error.to_string()))?;
    let sent: Vec<u64> = counts.iter().map(|count| count.load(Relaxed)).collect();
    if by_hand.is_some_and(ByHand::load_changed) {
        for (report, sent) in reports.iter_mut().zip(&sent) {
            // The plan's stages are not those that ran.
            (report.planned, report.stages) = (*sent, Vec::new());
        }
    }
    tell(running, &reports);
    if let Some(by_hand) = by_hand {
        by_hand.sent(sent);
    }
    Ok(())
}

/// Whether the run does more harm than it may; noted, if so.
fn harm(running: &Running<'_>, watchdog: &mut Watchdog) -> bool {
    if !watchdog.is_due(running.now_ns()) {
        return false;
    }
    let harm = watchdog.look(Totals::of(running));
    if let Some(detail) = &harm {
        let detail = detail.clone();
        running.context.notes.note(What::Harm { detail });
    }
    harm.is_some()
}

fn open(by_hand: Option<&ByHand>, open: bool) {
    if let Some(by_hand) = by_hand {
        by_hand.open(open);
    }
}

/// Records what the loads say of themselves, for the verdict.
fn tell(running: &Running<'_>, reports: &[LoadReport]) {
    let pacing_ms = reports
        .iter()
        .map(|report| report.pacing.p999_ns)
        .max()
        .unwrap_or(0) as f64
        / 1e6;
    sample(running, "pacing_p999_ms", pacing_ms);
    pacing(running, reports);
    rate(running, reports);
    let allowed_ms = running.context.plan.expect.pacing_ns as f64 / 1e6;
    let ok = pacing_ms <= allowed_ms;
    let detail = format!(
        "The harness sent late: 99.9 % of the events within {pacing_ms:.1} ms of their time, allowed are {allowed_ms} ms."
    );
    health(running, health_key::HARNESS, ok, detail);
    http_errors(running, reports);
    odd_events(running, reports);
    for problem in reports.iter().flat_map(|report| &report.problems) {
        running.context.notes.note(What::Problem {
            source: "load".to_owned(),
            text: problem.clone(),
        });
    }
}

/// What the brokers said of the events that faults sent: the evidence of those faults.
fn odd_events(running: &Running<'_>, reports: &[LoadReport]) {
    let loads = running.context.plan.loads.iter().zip(reports);
    let odd = loads.filter_map(|(planned, report)| Some((planned.load.odd?, report)));
    for (odd, report) in odd {
        let sent = OddSent {
            accepted: report.accepted,
            rejected: report.rejected,
            copies: report.copies,
        };
        if let Some(shown) = odd.shown(sent) {
            running.context.notes.note(What::Fault {
                name: report.load.clone(),
                state: FaultState::Evidence,
                detail: format!("{BIT}: {shown}"),
            });
        }
    }
}

fn rate(running: &Running<'_>, reports: &[LoadReport]) {
    let least = running.context.plan.expect.rate_min;
    let Punctuality {
        share,
        due,
        slowest,
    } = Punctuality::of(reports);
    sample(running, "achieved_rate", share);
    let where_ = slowest.map_or_else(String::new, |stage| {
        format!(
            " The stage at {:.1} s reached {:.0}/s.",
            stage.at_ns as f64 / 1e9,
            stage.achieved_per_s
        )
    });
    let detail = format!(
        "{:.2} % of the events went out on time, {:.2} % must.{where_}",
        share * 100.0,
        least * 100.0
    );
    if share < least {
        return health(running, health_key::RATE, false, detail);
    }
    // Dispatched on time, and yet they never reached the system: it was under less load than the plan says.
    let unsent = unsent(reports);
    #[allow(clippy::cast_precision_loss)]
    sample(running, "unsent", unsent as f64);
    let ok = unsent as f64 <= (1.0 - least) * due as f64;
    let detail = format!(
        "{unsent} of {due} events found no free connection: the system is slower than this rate, or load.connections is too low."
    );
    health(running, health_key::RATE, ok, detail);
}

fn unsent(reports: &[LoadReport]) -> u64 {
    let cause = squall_load::http::classify::Failure::NoConnectionFree.name();
    reports
        .iter()
        .filter_map(|report| report.causes.get(cause))
        .sum()
}

/// Errors are answers of 400 and more, and requests without an answer.
fn http_errors(running: &Running<'_>, reports: &[LoadReport]) {
    let over_http: Vec<&LoadReport> = reports
        .iter()
        .zip(&running.context.plan.loads)
        .filter(|(_, planned)| matches!(planned.load.entry, LoadEntry::Http { .. }))
        .map(|(report, _)| report)
        .collect();
    let offered: u64 = over_http.iter().map(|report| report.offered).sum();
    if offered == 0 {
        return;
    }
    let good: u64 = over_http
        .iter()
        .flat_map(|report| &report.statuses)
        .filter(|(status, _)| **status < 400)
        .map(|(_, count)| count)
        .sum();
    let errors = offered.saturating_sub(good) as f64 / offered as f64;
    sample(running, "http_error_rate", errors);
}

/// The distribution of the pacing error, one sample a bucket, for thresholds on `pacing_ms`.
fn pacing(running: &Running<'_>, reports: &[LoadReport]) {
    let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
    for (us, count) in reports.iter().flat_map(|report| &report.pacing_us) {
        *buckets.entry(*us).or_default() += count;
    }
    for (us, count) in buckets {
        let labels = BTreeMap::from([("us".to_owned(), us.to_string())]);
        running.context.notes.note(What::Sample {
            metric: PACING_BUCKET.to_owned(),
            labels,
            value: count as f64,
        });
    }
}

fn sample(running: &Running<'_>, metric: &str, value: f64) {
    running.context.notes.note(What::Sample {
        metric: metric.to_owned(),
        labels: BTreeMap::new(),
        value,
    });
}

fn health(running: &Running<'_>, key: &str, ok: bool, detail: String) {
    running.context.notes.note(What::Health {
        key: key.to_owned(),
        ok,
        detail: if ok { String::new() } else { detail },
    });
}

//! The dispatcher: walks the arrivals and hands each event over at its intended time.
//!
//! Open loop: it waits for no answer. After a stall it catches up without skipping, and latency counts from the
//! intended time, so a stall of a second shows as a second (no coordinated omission).

use crate::entry::{Context, Entry, EntryReport};
use crate::priority::wake_on_time;
use crate::report::{
    LoadReport, ON_TIME_NS, Spread, StageReport, buckets_us, histogram, late_count,
};
use crate::spec::LoadSpec;
use hdrhistogram::Histogram;
use squall_check::{EventId, Kind, Op};
use squall_plan::plan::{Arrival, PlannedStage};
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Events are recorded as offered this long before the first of them is due, so that recording costs no precision and
/// stands before the outcome.
const LEAD_NS: u64 = 1_000_000;
/// Span and size of what is recorded together.
const CHUNK_NS: u64 = 5_000_000;
const CHUNK_EVENTS: usize = 512;
/// Events handed over between two looks at the clock.
const GROUP_EVENTS: usize = 64;
/// How often a sleeping dispatcher looks at the stop flag.
const STOP_CHECK_NS: u64 = 20_000_000;

/// What others see of a running load.
#[derive(Default)]
pub(crate) struct Shared {
    pub stop: AtomicBool,
    pub dispatched: AtomicU64,
    pub late: AtomicU64,
}

pub(crate) struct Dispatcher {
    context: Context,
    shared: Arc<Shared>,
    stream: u16,
    stages: Stages,
    pacing: Histogram<u64>,
    on_time: u64,
    late: u64,
    offered_ops: Vec<Op>,
}

impl Dispatcher {
    pub fn new(spec: &LoadSpec, context: Context, shared: Arc<Shared>) -> Self {
        Self {
            context,
            shared,
            stream: spec.stream,
            stages: Stages::new(&spec.timeline),
            pacing: histogram(),
            on_time: 0,
            late: 0,
            offered_ops: Vec::with_capacity(CHUNK_EVENTS),
        }
    }

    /// Runs the load to its end, outcomes included.
    pub fn run(mut self, spec: LoadSpec, mut entry: Box<dyn Entry>) -> LoadReport {
        wake_on_time();
        let mut arrivals = spec.arrivals.peekable();
        let mut chunk = Vec::with_capacity(CHUNK_EVENTS);
        while let Some(first) = arrivals.peek() {
            if !self.wait_or_stop(first.at_ns.saturating_sub(LEAD_NS)) {
                break;
            }
            take_chunk(&mut arrivals, &mut chunk);
            self.record_offered(&chunk);
            self.dispatch(&chunk, entry.as_mut());
        }
        let stopped = arrivals.peek().is_some();
        let ended = entry.finish();
        self.report(spec.load.name, spec.events, stopped, ended)
    }

    /// False when the load was stopped.
    fn wait_or_stop(&self, at_ns: u64) -> bool {
        let times = &self.context.times;
        let until = times.load_zero_ns.saturating_add(at_ns);
        loop {
            if self.shared.stop.load(Relaxed) {
                return false;
            }
            let now = times.now_ns();
            if now >= until {
                return true;
            }
            times.sleep_until(until.min(now + STOP_CHECK_NS));
        }
    }

    fn record_offered(&mut self, chunk: &[Arrival]) {
        let (stream, zero) = (self.stream, self.context.times.load_zero_ns);
        self.offered_ops.clear();
        self.offered_ops.extend(chunk.iter().map(|arrival| Op {
            at: zero + arrival.at_ns,
            event: EventId::new(stream, arrival.sequence),
            offset: i64::from(arrival.key),
            partition: -1,
            place: stream,
            kind: Kind::Offered,
        }));
        self.context.outcomes.offer(&self.offered_ops);
    }

    fn dispatch(&mut self, chunk: &[Arrival], entry: &mut dyn Entry) {
        let times = self.context.times;
        let quantum_ns = entry.quantum_ns();
        let mut rest = chunk;
        while let Some(first) = rest.first() {
            times.sleep_until(times.load_zero_ns + first.at_ns);
            let mut now = times.now_ns();
            let woken = now;
            while let Some(due) = due(rest, times.load_zero_ns, now) {
                let (group, later) = rest.split_at(due);
                entry.offer(group);
                now = times.now_ns();
                self.count(group, now);
                rest = later;
            }
            if !rest.is_empty() {
                times.sleep_until(woken + quantum_ns);
            }
        }
    }

    fn count(&mut self, group: &[Arrival], now_ns: u64) {
        let zero = self.context.times.load_zero_ns;
        for arrival in group {
            let error = now_ns.saturating_sub(zero + arrival.at_ns);
            self.pacing.saturating_record(error.max(1));
            let on_time = error <= ON_TIME_NS;
            self.on_time += u64::from(on_time);
            self.late += u64::from(!on_time);
            self.stages.count(now_ns.saturating_sub(zero), on_time);
        }
        self.shared
            .dispatched
            .fetch_add(group.len() as u64, Relaxed);
        self.shared.late.store(self.late, Relaxed);
    }

    fn report(self, load: String, planned: u64, stopped: bool, entry: EntryReport) -> LoadReport {
        let outcomes = &self.context.outcomes;
        let mut problems = entry.problems;
        let left = outcomes.give_up(self.context.times.now_ns());
        let mut causes = entry.causes;
        if left > 0 {
            causes.insert("no outcome by the end".to_owned(), left);
        }
        let tally = outcomes.tally();
        if tally.unmatched > 0 {
            problems.push(format!(
                "{} outcomes of events that had none to come: a defect in Squall",
                tally.unmatched
            ));
        }
        let pacing = Spread::of(&self.pacing);
        LoadReport {
            load,
            stream: self.stream,
            planned,
            offered: tally.offered,
            accepted: tally.accepted,
            rejected: tally.rejected,
            indeterminate: tally.indeterminate,
            on_time: self.on_time,
            late: self.late,
            sent_late: entry.sending.as_ref().map_or(self.late, |sending| {
                late_count(sending) + tally.offered.saturating_sub(sending.len())
            }),
            pacing,
            pacing_us: buckets_us(&self.pacing),
            sending: entry.sending.as_ref().map_or(pacing, Spread::of),
            stages: self.stages.finish(),
            statuses: entry.statuses,
            causes,
            copies: entry.copies,
            in_flight_max: tally.in_flight_max,
            stopped,
            problems,
        }
    }
}

/// How many of the next events are due; `None` when the first is not.
fn due(rest: &[Arrival], zero_ns: u64, now_ns: u64) -> Option<usize> {
    let group = &rest[..rest.len().min(GROUP_EVENTS)];
    let due = group.partition_point(|arrival| zero_ns + arrival.at_ns <= now_ns);
    (due > 0).then_some(due)
}

fn take_chunk(
    arrivals: &mut Peekable<Box<dyn Iterator<Item = Arrival> + Send>>,
    chunk: &mut Vec<Arrival>,
) {
    chunk.clear();
    let until = arrivals
        .peek()
        .map_or(0, |first| first.at_ns.saturating_add(CHUNK_NS));
    while chunk.len() < CHUNK_EVENTS
        && let Some(arrival) = arrivals.next_if(|arrival| arrival.at_ns <= until)
    {
        chunk.push(arrival);
    }
}

/// Which stage an event belongs to, by its place in the sequence.
struct Stages {
    reports: Vec<StageReport>,
    current: usize,
}

impl Stages {
    fn new(timeline: &[PlannedStage]) -> Self {
        let report = |stage: &PlannedStage| StageReport {
            at_ns: stage.at_ns,
            for_ns: stage.for_ns,
            warm_up: stage.warm_up,
            planned: stage.events,
            ..StageReport::default()
        };
        Self {
            reports: timeline.iter().map(report).collect(),
            current: 0,
        }
    }

    fn count(&mut self, out_ns: u64, on_time: bool) {
        while self
            .reports
            .get(self.current)
            .is_some_and(|stage| stage.offered >= stage.planned)
        {
            self.current += 1;
        }
        if let Some(stage) = self.reports.get_mut(self.current) {
            stage.offered += 1;
            stage.on_time += u64::from(on_time);
            stage.last_out_ns = stage.last_out_ns.max(out_ns);
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn finish(mut self) -> Vec<StageReport> {
        for stage in &mut self.reports {
            let length = stage
                .for_ns
                .max(stage.last_out_ns.saturating_sub(stage.at_ns));
            if stage.for_ns > 0 {
                stage.achieved_per_s = stage.offered as f64 * 1e9 / length as f64;
            }
        }
        self.reports
    }
}

//! The pass over the operations.

use super::marks::{Marks, on_load_clock_ms};
use super::window::{Waiting, Window};
use super::{Grid, Latency, Series, SinkSeries};
use squall_check::{EventId, Expected, Kind, Op};
use squall_plan::Plan;
use std::collections::BTreeMap;

/// Sinks that are followed; a window has a bit for each.
const SINKS_MAX: usize = 30;

pub struct Gather {
    epoch_ns: u64,
    measure_from_ns: u64,
    grid: Grid,
    windows: Vec<Window>,
    /// By load: how many events it has.
    events: Vec<u64>,
    /// By load, by sink: whether something must show.
    due: Vec<Vec<bool>>,
    /// By sink, by bucket: change of what is pending.
    pending: Vec<Vec<i64>>,
    series: Series,
    /// Whether the events at hand are released now and then.
    rows: u64,
}

impl Gather {
    pub fn new(plan: &Plan, marks: &Marks, grid: Grid) -> Self {
        let sinks: Vec<&str> = plan
            .system
            .spec
            .sinks
            .iter()
            .take(SINKS_MAX)
            .map(|sink| sink.name.as_str())
            .collect();
        let due = |load: &squall_plan::plan::PlannedLoad| {
            let is_due = |sink| load.load.outcomes.get(sink) != Some(&Expected::Nothing);
            (0..sinks.len()).map(is_due).collect()
        };
        Self {
            epoch_ns: marks.epoch_ns,
            measure_from_ns: marks.epoch_ns + plan.load_starts_ns,
            grid,
            windows: plan.loads.iter().map(|_| Window::default()).collect(),
            events: plan.loads.iter().map(|load| load.events).collect(),
            due: plan.loads.iter().map(due).collect(),
            pending: vec![vec![0; grid.count]; sinks.len()],
            series: empty(grid, &sinks),
            rows: 0,
        }
    }

    pub fn op(&mut self, op: &Op) {
        let load = usize::from(op.event.stream());
        // Probes are no load, and an id beyond the plan's is no event.
        let planned = self.events.get(load).copied().unwrap_or(0);
        if op.event.sequence() >= planned {
            return;
        }
        let bucket = self.bucket(op.at);
        let sink = usize::from(op.place);
        self.count(op, bucket, sink);
        let Some(mut waiting) = self.windows[load].get(op.event.sequence()).copied() else {
            return;
        };
        match op.kind {
            Kind::Offered => self.offered(&mut waiting, op.at),
            Kind::Accepted => self.accepted(&mut waiting, op.at, load),
            Kind::Effect if sink < self.pending.len() => {
                self.effect(&mut waiting, op, sink);
                self.settle(&mut waiting, op.at, load, sink);
            }
            Kind::DeadLettered | Kind::Final if sink < self.pending.len() => {
                self.settle(&mut waiting, op.at, load, sink);
            }
            _ => {}
        }
        if let Some(place) = self.windows[load].get(op.event.sequence()) {
            *place = waiting;
        }
        self.rows += 1;
        if self.rows.is_multiple_of(4096) {
            let all = (1_u32 << self.pending.len()) - 1;
            let done = |waiting: &Waiting| waiting.settled == all && waiting.accepted;
            self.windows[load].release(done);
        }
    }

    fn bucket(&self, at: u64) -> usize {
        self.grid.bucket(on_load_clock_ms(at, self.epoch_ns))
    }

    /// Rates count every row, whatever is known of its event.
    fn count(&mut self, op: &Op, bucket: usize, sink: usize) {
        let series = &mut self.series;
        let counts = match op.kind {
            Kind::Offered => Some(&mut series.offered),
            Kind::Accepted => Some(&mut series.accepted),
            Kind::Rejected => Some(&mut series.rejected),
            Kind::Indeterminate => Some(&mut series.indeterminate),
            Kind::Effect => series.sinks.get_mut(sink).map(|sink| &mut sink.effects),
            Kind::DeadLettered => series
                .sinks
                .get_mut(sink)
                .map(|sink| &mut sink.dead_letters),
            Kind::Final | Kind::Stored => None,
        };
        if let Some(counts) = counts {
            counts[bucket] += 1;
        }
    }

    fn offered(&mut self, waiting: &mut Waiting, at: u64) {
        waiting.offered_ns = at;
        waiting.offered = true;
    }

    fn accepted(&mut self, waiting: &mut Waiting, at: u64, load: usize) {
        if waiting.accepted {
            return;
        }
        waiting.accepted = true;
        if waiting.offered {
            let offered = waiting.offered_ns;
            let bucket = self.bucket(offered);
            let ns = at.saturating_sub(offered);
            self.series.accept.buckets[bucket].record_ns(ns);
            if offered >= self.measure_from_ns {
                self.series.accept.total.record_ns(ns);
            }
        }
        for sink in 0..self.pending.len() {
            if self.due[load][sink] && waiting.settled & (1 << sink) == 0 {
                let bucket = self.bucket(at);
                self.pending[sink][bucket] += 1;
            }
        }
    }

    fn effect(&mut self, waiting: &mut Waiting, op: &Op, sink: usize) {
        if waiting.measured & (1 << sink) != 0 || !waiting.offered {
            return;
        }
        waiting.measured |= 1 << sink;
        let ns = op.at.saturating_sub(waiting.offered_ns);
        let bucket = self.bucket(waiting.offered_ns);
        let latency = &mut self.series.sinks[sink].latency;
        latency.buckets[bucket].record_ns(ns);
        if waiting.offered_ns >= self.measure_from_ns {
            latency.total.record_ns(ns);
        }
        let ms = ns as f64 / 1e6;
        if self
            .series
            .slowest
            .is_none_or(|(_, _, slowest)| ms > slowest)
        {
            self.series.slowest = Some((op.event, sink, ms));
        }
    }

    fn settle(&mut self, waiting: &mut Waiting, at: u64, load: usize, sink: usize) {
        if waiting.settled & (1 << sink) != 0 {
            return;
        }
        waiting.settled |= 1 << sink;
        if waiting.accepted && self.due[load][sink] {
            let bucket = self.bucket(at);
            self.pending[sink][bucket] -= 1;
        }
    }

    pub fn finish(mut self) -> Series {
        for (sink, changes) in self.series.sinks.iter_mut().zip(&self.pending) {
            let mut sum = 0_i64;
            for (pending, change) in sink.pending.iter_mut().zip(changes) {
                sum += change;
                *pending = u64::try_from(sum).unwrap_or(0);
            }
        }
        self.series.forgotten = self.windows.iter().map(|window| window.forgotten).sum();
        self.series
    }
}

fn empty(grid: Grid, sinks: &[&str]) -> Series {
    let zeros = || vec![0; grid.count];
    let sink = |name: &&str| SinkSeries {
        name: (*name).to_owned(),
        effects: zeros(),
        dead_letters: zeros(),
        pending: zeros(),
        latency: Latency::sized(grid.count),
    };
    Series {
        grid,
        offered: zeros(),
        accepted: zeros(),
        rejected: zeros(),
        indeterminate: zeros(),
        accept: Latency::sized(grid.count),
        sinks: sinks.iter().map(sink).collect(),
        lag: BTreeMap::new(),
        lag_partitions: BTreeMap::new(),
        marks: Marks::default(),
        slowest: None::<(EventId, usize, f64)>,
        forgotten: 0,
        bytes_dropped: 0,
    }
}

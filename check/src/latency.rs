//! Latencies from the intended offer, online, by sink and by slice of the offer time.
//!
//! The windows of phases and faults cut the offer time into slices that lie within or without each of them, so that one
//! histogram a slice serves every selector.

use crate::metrics::{Measured, Metrics, Trend};
use crate::spec::{FaultSpan, JudgeSpec, PhaseWindow};
use crate::threshold::MetricKey;
use std::collections::BTreeSet;

pub struct Latencies {
    /// Where slices begin, but for the first, which begins at 0.
    cuts: Vec<u64>,
    phases: Vec<PhaseWindow>,
    faults: Vec<FaultSpan>,
    measure_from_ns: u64,
    sinks: Vec<String>,
    accept: Vec<Trend>,
    /// By sink, by slice.
    effect: Vec<Vec<Trend>>,
    /// By slice: when its last first effect showed.
    last_effect: Vec<Option<u64>>,
    /// By slice: accepted events that are due and were never seen.
    missing: Vec<u64>,
    /// The slice of the last event: events come mostly in order.
    recent: (u64, u64, usize),
}

impl Latencies {
    pub fn new(spec: &JudgeSpec) -> Self {
        let phases = spec
            .phases
            .iter()
            .flat_map(|phase| [phase.from_ns, phase.until_ns]);
        let faults = spec
            .faults
            .iter()
            .flat_map(|fault| [fault.from_ns, fault.until_ns]);
        let cuts: BTreeSet<u64> = phases.chain(faults).chain([spec.measure_from_ns]).collect();
        let cuts: Vec<u64> = cuts.into_iter().filter(|&cut| cut > 0).collect();
        let slices = cuts.len() + 1;
        Self {
            phases: spec.phases.clone(),
            faults: spec.faults.clone(),
            measure_from_ns: spec.measure_from_ns,
            sinks: spec.sinks.iter().map(|sink| sink.name.clone()).collect(),
            accept: vec![Trend::new(); slices],
            effect: vec![vec![Trend::new(); slices]; spec.sinks.len()],
            last_effect: vec![None; slices],
            missing: vec![0; slices],
            recent: (0, cuts.first().copied().unwrap_or(u64::MAX), 0),
            cuts,
        }
    }

    #[inline]
    fn slice(&mut self, offered_at: u64) -> usize {
        let (from, until, slice) = self.recent;
        if from <= offered_at && offered_at < until {
            return slice;
        }
        let slice = self.cuts.partition_point(|&cut| cut <= offered_at);
        let (from, until) = self.bounds(slice);
        self.recent = (from, until, slice);
        slice
    }

    fn bounds(&self, slice: usize) -> (u64, u64) {
        let from = slice.checked_sub(1).map_or(0, |before| self.cuts[before]);
        (from, self.cuts.get(slice).copied().unwrap_or(u64::MAX))
    }

    #[inline]
    pub fn accepted(&mut self, offered_at: u64, at: u64) {
        let slice = self.slice(offered_at);
        self.accept[slice].record_ns(at.saturating_sub(offered_at));
    }

    #[inline]
    pub fn effect(&mut self, sink: usize, offered_at: u64, at: u64) {
        let slice = self.slice(offered_at);
        self.effect[sink][slice].record_ns(at.saturating_sub(offered_at));
        self.last_effect[slice] = self.last_effect[slice].max(Some(at));
    }

    /// An accepted event that is due in a sink and was never seen there; `None` when its offer time is not known any more.
    pub fn missing(&mut self, offered_at: Option<u64>) {
        match offered_at {
            Some(at) => {
                let slice = self.slice(at);
                self.missing[slice] += 1;
            }
            None => self.missing.iter_mut().for_each(|missing| *missing += 1),
        }
    }

    /// Every metric that was measured, under every key that thresholds may use.
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        let mut put = |key: MetricKey, trend: Trend| {
            if !trend.is_empty() {
                metrics.set_trend(key, trend);
            }
        };
        let mut phases: Vec<Option<&str>> = vec![None];
        let names: BTreeSet<&str> = self
            .phases
            .iter()
            .map(|phase| phase.name.as_str())
            .collect();
        phases.extend(names.into_iter().map(Some));
        for phase in phases {
            let key = |name: &str| match phase {
                Some(phase) => MetricKey::new(name).with("phase", phase),
                None => MetricKey::new(name),
            };
            put(key("accept_ms"), self.sum(&self.accept, phase));
            let mut all = Trend::new();
            for (sink, slices) in self.sinks.iter().zip(&self.effect) {
                let trend = self.sum(slices, phase);
                all.merge(&trend);
                put(key("effect_ms").with("sink", sink), trend);
            }
            put(key("effect_ms"), all);
        }
        for fault in &self.faults {
            if let Some(ms) = self.recovery_ms(fault) {
                let key = MetricKey::new("recovery_ms").with("fault", &fault.name);
                metrics.set_value(key, ms);
            }
        }
        metrics
    }

    fn sum(&self, slices: &[Trend], phase: Option<&str>) -> Trend {
        let mut sum = Trend::new();
        for (slice, trend) in slices.iter().enumerate() {
            let (from, until) = self.bounds(slice);
            let within = |window: &PhaseWindow| window.from_ns <= from && until <= window.until_ns;
            let selected = phase.is_none_or(|name| {
                self.phases
                    .iter()
                    .any(|window| window.name == name && within(window))
            });
            if selected && from >= self.measure_from_ns && !trend.is_empty() {
                sum.merge(trend);
            }
        }
        sum
    }

    /// From the heal until the last event offered before it had its first effect in every sink. Not measured when nothing
    /// was offered before, or when some of that never showed.
    fn recovery_ms(&self, fault: &FaultSpan) -> Option<f64> {
        let mut last = None;
        for slice in 0..=self.cuts.len() {
            let (_, until) = self.bounds(slice);
            if until <= fault.until_ns {
                if self.missing[slice] > 0 {
                    return None;
                }
                last = last.max(self.last_effect[slice]);
            }
        }
        last.map(|last| last.saturating_sub(fault.until_ns) as f64 / 1e6)
    }

    /// The trends without a selector and those by sink, for a report.
    pub fn report(metrics: &Metrics) -> impl Iterator<Item = (&MetricKey, &Trend)> {
        metrics.iter().filter_map(|(key, measured)| match measured {
            Measured::Trend(trend) => Some((key, trend)),
            Measured::Value(_) => None,
        })
    }
}

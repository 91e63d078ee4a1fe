//! Latencies from the intended offer, online, by sink and by slice of the offer time.
//!
//! The windows of phases and faults cut the offer time into slices that lie within or without each of them, so that one
//! histogram a slice serves every selector.

use crate::around::{Signs, calm};
use crate::metrics::{Measured, Metrics, Trend};
use crate::spec::{JudgeSpec, PhaseWindow};
use crate::threshold::MetricKey;
use crate::timeline::{ACCEPT, Timeline};
use std::collections::BTreeSet;

/// What became of the events that were offered in a slice, by the first answer to each.
#[derive(Clone, Copy, Default)]
pub struct OfferCounts {
    pub offered: u64,
    pub rejected: u64,
    pub indeterminate: u64,
}

pub struct Latencies {
    /// Where slices begin, but for the first, which begins at 0.
    cuts: Vec<u64>,
    phases: Vec<PhaseWindow>,
    measure_from_ns: u64,
    sinks: Vec<String>,
    accept: Vec<Trend>,
    /// By sink, by slice.
    effect: Vec<Vec<Trend>>,
    /// By slice.
    counts: Vec<OfferCounts>,
    /// By lane of the timeline, by the slice in which they came, whenever they were offered.
    came: Vec<Vec<u64>>,
    last_offer_ns: u64,
    pub timeline: Timeline,
    /// Answers that were errors, by when they came.
    pub errors: Signs,
    /// The slice of the last offer: events come mostly in order. Likewise of what came last.
    recent: Recent,
    recently_came: Recent,
}

/// From, until, index.
type Recent = (u64, u64, usize);

/// The slice of a time.
#[inline]
fn slice(cuts: &[u64], recent: &mut Recent, at: u64) -> usize {
    if recent.0 <= at && at < recent.1 {
        return recent.2;
    }
    let slice = cuts.partition_point(|&cut| cut <= at);
    let (from, until) = bounds(cuts, slice);
    *recent = (from, until, slice);
    slice
}

fn bounds(cuts: &[u64], slice: usize) -> (u64, u64) {
    let from = slice.checked_sub(1).map_or(0, |before| cuts[before]);
    (from, cuts.get(slice).copied().unwrap_or(u64::MAX))
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
        let cuts = phases.chain(faults).chain([spec.measure_from_ns]);
        let cuts: BTreeSet<u64> = cuts.chain(calm(spec).map(|(_, until)| until)).collect();
        let cuts: Vec<u64> = cuts.into_iter().filter(|&cut| cut > 0).collect();
        let slices = cuts.len() + 1;
        let first = (0, cuts.first().copied().unwrap_or(u64::MAX), 0);
        Self {
            phases: spec.phases.clone(),
            measure_from_ns: spec.measure_from_ns,
            sinks: spec.sinks.iter().map(|sink| sink.name.clone()).collect(),
            accept: vec![Trend::new(); slices],
            effect: vec![vec![Trend::new(); slices]; spec.sinks.len()],
            counts: vec![OfferCounts::default(); slices],
            last_offer_ns: 0,
            timeline: Timeline::new(spec),
            errors: Signs::new(&spec.faults),
            came: vec![vec![0; slices]; 1 + spec.sinks.len()],
            recent: first,
            recently_came: first,
            cuts,
        }
    }

    #[inline]
    fn slice(&mut self, offered_at: u64) -> usize {
        slice(&self.cuts, &mut self.recent, offered_at)
    }

    fn bounds(&self, slice: usize) -> (u64, u64) {
        bounds(&self.cuts, slice)
    }

    #[inline]
    fn count(&mut self, lane: usize, at: u64) {
        let slice = slice(&self.cuts, &mut self.recently_came, at);
        self.came[lane][slice] += 1;
    }

    #[inline]
    pub fn offered(&mut self, stream: usize, at: u64) {
        self.timeline.offered(stream, at);
        let slice = self.slice(at);
        let counts = &mut self.counts[slice];
        counts.offered += 1;
        self.last_offer_ns = self.last_offer_ns.max(at);
    }

    #[inline]
    pub fn accepted(&mut self, stream: usize, offered_at: u64, at: u64) {
        let took = at.saturating_sub(offered_at);
        self.timeline.came(stream, ACCEPT, offered_at, took);
        let slice = self.slice(offered_at);
        self.accept[slice].record_ns(took);
        self.count(ACCEPT, at);
    }

    /// The first answer was an error. Where nothing is to come of the events, a rejection is what is wanted.
    pub fn refused(&mut self, stream: usize, offered_at: u64, at: u64, definitely: bool) {
        if !self.timeline.expects(stream, ACCEPT) {
            return;
        }
        let slice = self.slice(offered_at);
        let counts = &mut self.counts[slice];
        counts.rejected += u64::from(definitely);
        counts.indeterminate += u64::from(!definitely);
        self.errors.saw(at);
    }

    #[inline]
    pub fn effect(&mut self, stream: usize, sink: usize, offered_at: u64, at: u64) {
        let took = at.saturating_sub(offered_at);
        self.timeline.came(stream, 1 + sink, offered_at, took);
        let slice = self.slice(offered_at);
        self.effect[sink][slice].record_ns(took);
        self.count(1 + sink, at);
    }

    /// What was offered in a stretch that begins and ends where a phase or a fault does.
    pub fn counts(&self, from_ns: u64, until_ns: u64) -> OfferCounts {
        let mut sum = OfferCounts::default();
        for (slice, counts) in self.counts.iter().enumerate() {
            let (from, until) = self.bounds(slice);
            if from_ns <= from && until <= until_ns {
                sum.offered += counts.offered;
                sum.rejected += counts.rejected;
                sum.indeterminate += counts.indeterminate;
            }
        }
        sum
    }

    /// Times until a lane of the timeline had the events that were offered in such a stretch.
    pub fn times(&self, lane: usize, from_ns: u64, until_ns: u64) -> Trend {
        let slices = match lane.checked_sub(1) {
            None => &self.accept,
            Some(sink) => &self.effect[sink],
        };
        let mut sum = Trend::new();
        for (slice, trend) in slices.iter().enumerate() {
            let (from, until) = self.bounds(slice);
            if from_ns <= from && until <= until_ns && !trend.is_empty() {
                sum.merge(trend);
            }
        }
        sum
    }

    /// How many came to a lane of the timeline in such a stretch, whenever they were offered.
    pub fn came(&self, lane: usize, from_ns: u64, until_ns: u64) -> u64 {
        let slices = self.came[lane].iter().enumerate();
        let within = slices.filter(|(slice, _)| {
            let (from, until) = self.bounds(*slice);
            from_ns <= from && until <= until_ns
        });
        within.map(|(_, count)| count).sum()
    }

    pub const fn last_offer_ns(&self) -> u64 {
        self.last_offer_ns
    }

    pub fn sinks(&self) -> usize {
        self.sinks.len()
    }

    pub fn sink_name(&self, sink: usize) -> &str {
        &self.sinks[sink]
    }

    /// Every metric that was measured, under every key that thresholds may use.
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        let mut put = |key: MetricKey, mut trend: Trend| {
            if !trend.is_empty() {
                trend.close();
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

    /// The trends without a selector and those by sink, for a report.
    pub fn report(metrics: &Metrics) -> impl Iterator<Item = (&MetricKey, &Trend)> {
        metrics.iter().filter_map(|(key, measured)| match measured {
            Measured::Trend(trend) => Some((key, trend)),
            Measured::Value(_) | Measured::Over(_) => None,
        })
    }
}

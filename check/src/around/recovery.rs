//! When events fare as before again. `docs/measures.md` says the same in words.

use super::calm;
use crate::latency::Latencies;
use crate::metrics::Measured;
use crate::spec::{FaultSpan, JudgeSpec};
use crate::timeline::Coarse;

/// Stretch over which rate and latency are taken.
const WINDOW_NS: u64 = 1_000_000_000;
/// For so long they must stay within the band, unless something else begins.
const HOLD_NS: u64 = 3_000_000_000;
/// Share of the rate before that must be reached.
const RATE_MIN: f64 = 0.9;
/// The 99th percentile may be so many times the one before ...
const SLOWER_MAX: f64 = 2.0;
/// ... or so much longer: below that, a busy machine's hiccup would be a fault's consequence.
const SLOWER_NS: f64 = 50e6;
/// Without so many events in a lane before the faults there is nothing to compare with.
const BASELINE_EVENTS_MIN: u64 = 20;

/// Sums up to each bucket, of one lane: due, came, came later than the limit.
struct Lane {
    sums: Vec<[u64; 3]>,
    /// Share that came before the faults.
    share: f64,
}

/// How the windows of a run fared, against the time before its faults.
pub struct Band<'a> {
    faults: &'a [FaultSpan],
    lanes: Vec<Lane>,
    width_ns: u64,
    /// The load ended before this bucket.
    end: usize,
    /// All in buckets: a window, how long it must hold, how long before a disturbance events are still on their way.
    window: usize,
    hold: usize,
    on_the_way: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fared {
    Well,
    Badly,
    /// Nothing was offered.
    Unknown,
}

impl<'a> Band<'a> {
    /// `None` when there is nothing to compare with.
    pub fn new(spec: &'a JudgeSpec, latencies: &Latencies) -> Option<Self> {
        let timeline = &latencies.timeline;
        let (from_ns, until_ns) = calm(spec)?;
        let width_ns = timeline.width_ns();
        let buckets = |ns: u64| usize::try_from(ns.div_ceil(width_ns)).unwrap_or(usize::MAX);
        let calm = buckets(from_ns)..(until_ns / width_ns) as usize;
        let mut slowest_ns = 0;
        let mut lanes = Vec::new();
        for lane in 0..timeline.lanes() {
            let before = latencies.times(lane, from_ns, until_ns);
            let Some(p99_ms) = before.percentile_ms(99.0) else {
                continue;
            };
            let limit_ns = (p99_ms * 1e6 * SLOWER_MAX).max(p99_ms * 1e6 + SLOWER_NS) as u64;
            let mut sums = vec![[0; 3]];
            let mut sum = [0; 3];
            for bucket in 0..timeline.len() {
                let times = timeline.times(bucket, lane);
                sum[0] += timeline.due(bucket, lane);
                sum[1] += times.map_or(0, Coarse::count);
                sum[2] += times.map_or(0, |times| times.above(limit_ns));
                sums.push(sum);
            }
            let mut lane = Lane { sums, share: 0.0 };
            let [due, came, _] = lane.between(calm.start, calm.end);
            if came >= BASELINE_EVENTS_MIN && due > 0 {
                lane.share = came as f64 / due as f64;
                slowest_ns = slowest_ns.max(limit_ns);
                lanes.push(lane);
            }
        }
        let window = buckets(WINDOW_NS);
        (!lanes.is_empty()).then(|| Self {
            faults: &spec.faults,
            lanes,
            width_ns,
            end: timeline.len(),
            window,
            hold: buckets(HOLD_NS),
            on_the_way: buckets(slowest_ns).min(window),
        })
    }

    /// From a fault's injection.
    pub fn since_injection(&self, fault: &FaultSpan) -> Option<Measured> {
        let heal = self.bucket(fault.until_ns);
        let disturbed = [heal]
            .into_iter()
            .chain(self.injections(|at| at > fault.from_ns));
        self.recovery(
            fault.from_ns,
            heal + self.hold,
            &disturbed.collect::<Vec<_>>(),
        )
    }

    /// From a fault's heal.
    pub fn since_heal(&self, fault: &FaultSpan) -> Option<Measured> {
        let heal = self.bucket(fault.until_ns);
        let disturbed = self.injections(|at| at >= fault.until_ns);
        self.recovery(
            fault.until_ns,
            heal + self.hold,
            &disturbed.collect::<Vec<_>>(),
        )
    }

    fn bucket(&self, at: u64) -> usize {
        (at / self.width_ns) as usize
    }

    fn injections(&self, which: impl Fn(u64) -> bool) -> impl Iterator<Item = usize> {
        let times = self.faults.iter().map(|fault| fault.from_ns);
        times.filter(move |&at| which(at)).map(|at| self.bucket(at))
    }

    /// From `since_ns` until events fare as before. What begins to go badly at `look_until` or later, or after the next
    /// injection, has other causes. `disturbed`: the buckets in which the heal and other faults begin.
    fn recovery(&self, since_ns: u64, look_until: usize, disturbed: &[usize]) -> Option<Measured> {
        let first = self.bucket(since_ns);
        let others = self.injections(|at| at > since_ns).min();
        let look_until = look_until.min(others.unwrap_or(usize::MAX)).min(self.end);
        let whole = |from: usize| {
            let next = disturbed.iter().filter(|&&at| at > from).min();
            next.map_or(self.end, |at| {
                at.saturating_sub(self.on_the_way).min(self.end)
            })
        };
        let seen = (first..look_until)
            .filter(|&at| at + self.window <= self.before(others))
            .map(|at| (at, self.fared(at)));
        let mut fared_well = false;
        let mut bad = None;
        for (at, fared) in seen {
            fared_well |= fared == Fared::Well;
            if fared == Fared::Badly {
                bad = Some(at);
                break;
            }
        }
        let Some(bad) = bad else {
            return fared_well.then_some(Measured::Value(0.0));
        };
        let is_back = |&at: &usize| {
            let until = (at + self.hold).min(whole(at));
            until >= at + self.window
                && self.fared(at) == Fared::Well
                && (at..=until - self.window).all(|at| self.fared(at) != Fared::Badly)
        };
        let ms =
            |bucket: usize| (bucket as u64 * self.width_ns).saturating_sub(since_ns) as f64 / 1e6;
        let back = (bad + 1..self.end).find(is_back);
        Some(back.map_or(Measured::Over(ms(self.end)), |at| Measured::Value(ms(at))))
    }

    /// Events offered before this bucket were through before the next fault.
    fn before(&self, injection: Option<usize>) -> usize {
        injection.map_or(self.end, |at| {
            at.saturating_sub(self.on_the_way).min(self.end)
        })
    }

    /// How the events of the window from a bucket on fared.
    fn fared(&self, from: usize) -> Fared {
        let until = from + self.window;
        let mut fared = Fared::Unknown;
        for lane in &self.lanes {
            let [due, came, late] = lane.between(from, until);
            if due == 0 {
                continue;
            }
            let enough = came as f64 >= RATE_MIN * lane.share * due as f64;
            if !enough || late * 100 > came {
                return Fared::Badly;
            }
            fared = Fared::Well;
        }
        fared
    }
}

impl Lane {
    fn between(&self, from: usize, until: usize) -> [u64; 3] {
        let last = self.sums.len() - 1;
        let (from, until) = (self.sums[from.min(last)], self.sums[until.min(last)]);
        [0, 1, 2].map(|of| until[of].saturating_sub(from[of]))
    }
}

//! What became of the events of each stretch of intended offer time, in a fixed number of buckets.
//!
//! An event belongs to the bucket it was offered in, whenever its effects came: so a bucket tells how somebody fared who
//! came at that time. When a run outgrows the buckets, neighbours are put together and each is twice as wide.

mod coarse;

pub use coarse::Coarse;

use crate::spec::{Expected, JudgeSpec};

/// Width of a bucket in a run of up to three minutes.
pub const WIDTH_MIN_NS: u64 = 100_000_000;
/// Few in tests, so that short histories outgrow them.
pub const BUCKETS_MAX: usize = if cfg!(test) { 200 } else { 2048 };

/// The lane of acceptances; those of the sinks follow in the spec's order.
pub const ACCEPT: usize = 0;

pub struct Timeline {
    width_ns: u64,
    /// By bucket, by lane: events offered that are due there.
    due: Vec<u32>,
    /// By lane, by bucket: how long it took those that came.
    came: Vec<Vec<Coarse>>,
    /// By stream, by lane: whether the stream's events are due there.
    expects: Vec<Box<[bool]>>,
    /// The last bucket that was used: from, until, index.
    recent: (u64, u64, usize),
}

impl Timeline {
    pub fn new(spec: &JudgeSpec) -> Self {
        let expects = |stream: usize| {
            let of = |sink: &crate::spec::SinkSpec| sink.expected(stream as u16);
            let anywhere = spec.sinks.iter().any(|sink| of(sink) != Expected::Nothing);
            let sinks = spec.sinks.iter().map(|sink| of(sink) == Expected::Effect);
            let accepts = anywhere || spec.sinks.is_empty();
            std::iter::once(accepts).chain(sinks).collect()
        };
        Self {
            width_ns: WIDTH_MIN_NS,
            due: Vec::new(),
            came: vec![Vec::new(); 1 + spec.sinks.len()],
            expects: (0..spec.loads.len()).map(expects).collect(),
            recent: (0, 0, 0),
        }
    }

    pub const fn width_ns(&self) -> u64 {
        self.width_ns
    }

    pub fn lanes(&self) -> usize {
        self.came.len()
    }

    /// Buckets up to the last in which anything was offered.
    pub fn len(&self) -> usize {
        self.due.len() / self.came.len()
    }

    /// Whether the events of a stream are to come to anything.
    pub fn expects(&self, stream: usize, lane: usize) -> bool {
        self.expects
            .get(stream)
            .is_some_and(|lanes| lanes.get(lane).is_some_and(|due| *due))
    }

    #[inline]
    pub fn offered(&mut self, stream: usize, at: u64) {
        let bucket = self.bucket(at);
        let lanes = self.came.len();
        if self.due.len() <= bucket * lanes {
            self.due.resize((bucket + 1) * lanes, 0);
        }
        let due = &mut self.due[bucket * lanes..][..lanes];
        for (due, expects) in due.iter_mut().zip(&self.expects[stream]) {
            *due += u32::from(*expects);
        }
    }

    /// An event of a stream came to a lane, so long after it was offered.
    #[inline]
    pub fn came(&mut self, stream: usize, lane: usize, offered_at: u64, after_ns: u64) {
        if !self.expects(stream, lane) {
            return;
        }
        let bucket = self.bucket(offered_at);
        let came = &mut self.came[lane];
        if came.len() <= bucket {
            came.resize(bucket + 1, Coarse::default());
        }
        came[bucket].record(after_ns);
    }

    pub fn due(&self, bucket: usize, lane: usize) -> u64 {
        let at = bucket * self.came.len() + lane;
        self.due.get(at).map_or(0, |&due| u64::from(due))
    }

    /// `None`: nothing came.
    pub fn times(&self, bucket: usize, lane: usize) -> Option<&Coarse> {
        self.came[lane].get(bucket)
    }

    #[inline]
    fn bucket(&mut self, at: u64) -> usize {
        let (from, until, bucket) = self.recent;
        if from <= at && at < until {
            return bucket;
        }
        self.find(at)
    }

    #[cold]
    fn find(&mut self, at: u64) -> usize {
        while at / self.width_ns >= BUCKETS_MAX as u64 {
            self.fold();
        }
        let bucket = at / self.width_ns;
        let from = bucket * self.width_ns;
        self.recent = (from, from.saturating_add(self.width_ns), bucket as usize);
        bucket as usize
    }

    /// Puts neighbours together.
    fn fold(&mut self) {
        self.width_ns *= 2;
        let lanes = self.came.len();
        let pair = |pair: &[u32]| {
            let lane = |lane: usize| pair.iter().skip(lane).step_by(lanes).sum();
            (0..lanes).map(lane).collect::<Vec<u32>>()
        };
        self.due = self.due.chunks(2 * lanes).flat_map(pair).collect();
        for came in &mut self.came {
            let pair = |pair: &[Coarse]| {
                let mut sum = Coarse::default();
                pair.iter().for_each(|one| sum.merge(one));
                sum
            };
            *came = came.chunks(2).map(pair).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::LoadSpec;

    #[test]
    fn however_long_a_run_is_the_buckets_stay_few_and_nothing_is_lost() {
        let mut timeline = Timeline::new(&JudgeSpec {
            loads: vec![LoadSpec {
                name: String::new(),
                events: 0,
            }],
            ..JudgeSpec::default()
        });
        for second in 0..100_000_u64 {
            let at = second * 1_000_000_000;
            timeline.offered(0, at);
            timeline.came(0, ACCEPT, at, 5_000_000);
        }
        assert!(timeline.len() <= BUCKETS_MAX, "{}", timeline.len());
        assert!(timeline.len() > BUCKETS_MAX / 3, "{}", timeline.len());
        let total = |of: &dyn Fn(usize) -> u64| (0..timeline.len()).map(of).sum::<u64>();
        assert_eq!(total(&|bucket| timeline.due(bucket, ACCEPT)), 100_000);
        let came = |bucket| timeline.times(bucket, ACCEPT).map_or(0, Coarse::count);
        assert_eq!(total(&came), 100_000);
    }
}

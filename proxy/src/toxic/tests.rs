//! Toxics in virtual time, each beside an oracle that is slow and obvious.

use super::{Direction, End, Out, Pipeline, ToxicKind, ToxicSpec};
use bytes::Bytes;
use proptest::prelude::*;
use squall_plan::fault::Distribution;
use squall_plan::rng::Streams;
use std::collections::VecDeque;

const MS: u64 = 1_000_000;

/// Bytes that a source has to send, by time.
type Script = Vec<(u64, usize)>;

/// A pipeline with a clock that jumps from event to event.
struct World {
    pipeline: Pipeline,
    now_ns: u64,
    /// What left and when.
    out: Vec<(u64, Bytes)>,
    end: Option<(u64, End)>,
    /// When each chunk of the script got in.
    came: Vec<u64>,
}

impl World {
    fn new(toxics: &[ToxicSpec]) -> Self {
        Self::seeded(toxics, 1, 0)
    }

    fn seeded(toxics: &[ToxicSpec], seed: u64, ordinal: u64) -> Self {
        let mut pipeline = Pipeline::new("proxy", Streams::new(seed), ordinal);
        for toxic in toxics {
            pipeline.add(0, toxic);
        }
        Self {
            pipeline,
            now_ns: 0,
            out: Vec::new(),
            end: None,
            came: Vec::new(),
        }
    }

    fn collect(&mut self) {
        loop {
            self.pipeline.run(self.now_ns);
            let Some(out) = self.pipeline.pop() else {
                return;
            };
            assert!(self.end.is_none(), "{out:?} after the end");
            match out {
                Out::Bytes(data) => self.out.push((self.now_ns, data)),
                Out::End(end) => self.end = Some((self.now_ns, end)),
            }
        }
    }

    /// Goes through everything that is due up to `until_ns`.
    fn advance(&mut self, until_ns: u64) {
        self.collect();
        while let Some(due) = self.pipeline.next_timer().filter(|due| *due <= until_ns) {
            assert!(due > self.now_ns, "time stands still at {due}");
            self.now_ns = due;
            self.collect();
        }
        self.now_ns = self.now_ns.max(until_ns);
    }

    /// Sends the script, each chunk at its time or when there is room, then the end; and waits for what follows.
    fn play(&mut self, script: &Script, end: Option<u64>) {
        let mut sent = 0;
        let mut waiting: VecDeque<(u64, Bytes)> = VecDeque::new();
        for (at, count) in script {
            waiting.push_back((*at, numbered(sent, *count)));
            sent += count;
        }
        while let Some((at, _)) = waiting.front() {
            let at = (*at).max(self.now_ns);
            self.advance(at);
            if self.end.is_some() {
                return;
            }
            if !self.pipeline.has_room() {
                // Back-pressure: the source waits for the next thing that happens.
                let Some(due) = self.pipeline.next_timer() else {
                    return;
                };
                self.advance(due);
                continue;
            }
            if let Some((_, data)) = waiting.pop_front() {
                self.came.push(self.now_ns);
                self.pipeline.push(self.now_ns, data);
                self.collect();
            }
        }
        if let Some(at) = end {
            self.advance(at.max(self.now_ns));
            self.pipeline.end(End::Half);
        }
        self.advance(u64::MAX / 2);
    }

    fn bytes(&self) -> Vec<u8> {
        self.out
            .iter()
            .flat_map(|(_, data)| data.to_vec())
            .collect()
    }

    /// When byte number `index` left.
    fn left(&self, index: usize) -> u64 {
        let mut before = 0;
        for (at, data) in &self.out {
            before += data.len();
            if index < before {
                return *at;
            }
        }
        panic!("byte {index} never left")
    }
}

/// `count` bytes of an endless stream in which places differ, from `start` on.
fn numbered(start: usize, count: usize) -> Bytes {
    (start..start + count)
        .map(|at| u8::try_from((at ^ (at >> 7)) & 0xff).unwrap_or(0))
        .collect()
}

fn total(script: &Script) -> usize {
    script.iter().map(|(_, count)| count).sum()
}

fn toxic(kind: ToxicKind) -> ToxicSpec {
    ToxicSpec::new(kind, Direction::Upstream)
}

fn script() -> impl Strategy<Value = Script> {
    let chunk = (0..200_u64, 1..40_000_usize);
    prop::collection::vec(chunk, 1..40).prop_map(|chunks| {
        let mut at = 0;
        let step = |(gap_ms, count)| {
            at += gap_ms * MS;
            (at, count)
        };
        chunks.into_iter().map(step).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Oracle: a chunk leaves `latency` after it came, or with the one before it if that is later.
    #[test]
    fn latency_is_exact(script in script(), latency_ms in -5..2_000_i64) {
        let kind = ToxicKind::Latency { latency_ms, jitter_ms: 0 };
        let mut world = World::new(&[toxic(kind)]);
        world.play(&script, None);
        let delay = u64::try_from(latency_ms).unwrap_or(0) * MS;
        let (mut before, mut index) = (0, 0);
        for (came, (_, count)) in world.came.iter().zip(&script) {
            before = before.max(came + delay);
            prop_assert_eq!(world.left(index), before);
            index += count;
        }
        prop_assert_eq!(world.bytes(), numbered(0, total(&script)).to_vec());
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_keeps_the_order(
        script in script(), latency_ms in 0..300_i64, jitter_ms in 1..300_i64, seed in any::<u64>(),
    ) {
        let kind = ToxicKind::Latency { latency_ms, jitter_ms };
        let mut world = World::seeded(&[toxic(kind)], seed, 3);
        world.play(&script, None);
        let ns = |ms: i64| u64::try_from(ms).unwrap_or(0) * MS;
        let (mut index, mut latest) = (0, 0);
        for (came, (_, count)) in world.came.iter().zip(&script) {
            latest = latest.max(came + ns(latency_ms + jitter_ms));
            let left = world.left(index);
            prop_assert!(left >= came + ns(latency_ms - jitter_ms) && left <= latest);
            index += count;
        }
        prop_assert_eq!(world.bytes(), numbered(0, total(&script)).to_vec());
    }

    /// Oracle: each chunk as late as one draw of the distribution, and none before the one in front of it.
    #[test]
    fn a_spread_delay_is_no_less_than_it_can_be_and_keeps_the_order(
        script in script(), latency_ms in 0..300_u64, jitter_ms in 1..300_u64, seed in any::<u64>(),
    ) {
        let kind = ToxicKind::Spread {
            latency_ns: latency_ms * MS,
            jitter_ns: jitter_ms * MS,
            distribution: Distribution::Pareto,
        };
        let mut world = World::seeded(&[toxic(kind)], seed, 3);
        world.play(&script, None);
        let (mut index, mut before) = (0, 0);
        for (came, (_, count)) in world.came.iter().zip(&script) {
            let left = world.left(index);
            prop_assert!(left >= came + latency_ms * MS && left >= before);
            before = left;
            index += count;
        }
        prop_assert_eq!(world.bytes(), numbered(0, total(&script)).to_vec());
    }

    /// Oracle: a line that is busy for `bytes / rate` with each chunk.
    #[test]
    fn bandwidth_is_exact(script in script(), rate_kb_s in 1..5_000_i64) {
        let mut world = World::new(&[toxic(ToxicKind::Bandwidth { rate_kb_s })]);
        world.play(&script, None);
        let rate = u64::try_from(rate_kb_s).unwrap_or(1);
        let (mut free, mut index) = (0, 0);
        for (came, (_, count)) in world.came.iter().zip(&script) {
            free = free.max(*came) + *count as u64 * MS / rate;
            index += count;
            prop_assert_eq!(world.left(index - 1), free);
        }
        // Never ahead of the rate by more than the part of 100 ms that leaves at once.
        let mut passed = 0;
        for (at, data) in &world.out {
            passed += data.len() as u64;
            prop_assert!(passed <= rate * (at / MS + 1) + rate * 100);
            prop_assert!(data.len() as u64 <= rate * 100);
        }
        prop_assert_eq!(world.bytes(), numbered(0, total(&script)).to_vec());
    }

    #[test]
    fn the_slicer_cuts_about_the_average_and_pauses(
        script in script(), average in 40..5_000_i64, share in 0..90_i64, delay_us in 0..3_000_i64,
    ) {
        let variation = average * share / 100;
        let kind = ToxicKind::Slicer {
            average_size_bytes: average, size_variation_bytes: variation, delay_us,
        };
        let mut world = World::new(&[toxic(kind)]);
        world.play(&script, None);
        let longest = usize::try_from(average + variation).unwrap_or(0);
        for (_, piece) in &world.out {
            prop_assert!(!piece.is_empty() && piece.len() <= longest, "{}", piece.len());
        }
        let pause = u64::try_from(delay_us).unwrap_or(0) * 1_000;
        for pair in world.out.windows(2) {
            prop_assert!(pair[1].0 >= pair[0].0 + pause);
        }
        prop_assert_eq!(world.bytes(), numbered(0, total(&script)).to_vec());
    }

    #[test]
    fn limit_data_passes_exactly_so_many_bytes(script in script(), bytes in 0..400_000_i64) {
        let mut world = World::new(&[toxic(ToxicKind::LimitData { bytes })]);
        let end = script.last().map_or(0, |(at, _)| at + MS);
        world.play(&script, Some(end));
        let limit = usize::try_from(bytes).unwrap_or(0);
        let passed = total(&script).min(limit);
        prop_assert_eq!(world.bytes(), numbered(0, passed).to_vec());
        let expected = if total(&script) >= limit { End::Close } else { End::Half };
        prop_assert_eq!(world.end.map(|(_, end)| end), Some(expected));
    }

    #[test]
    fn timeout_lets_nothing_pass_and_closes_when_it_is_quiet(script in script(), timeout_ms in 0..500_i64) {
        let mut world = World::new(&[toxic(ToxicKind::Timeout { timeout_ms })]);
        world.play(&script, None);
        prop_assert!(world.out.is_empty());
        // Oracle: the first gap that is long enough, from the start on.
        let timeout = u64::try_from(timeout_ms).unwrap_or(0) * MS;
        let mut last = 0;
        for (at, _) in &script {
            if *at >= last + timeout {
                break;
            }
            last = *at;
        }
        let expected = (timeout_ms > 0).then_some((last + timeout, End::Close));
        prop_assert_eq!(world.end, expected);
    }

    /// Whatever is added, changed and taken away meanwhile: toxics that drop nothing lose nothing.
    #[test]
    fn no_byte_is_lost_or_moved_by_changes_of_toxics(
        script in script(),
        first in prop::collection::vec(harmless(), 0..3),
        changes in prop::collection::vec((0..2_000_u64, change()), 0..12),
        seed in any::<u64>(),
    ) {
        let mut world = World::seeded(&[], seed, 0);
        for (number, kind) in first.into_iter().enumerate() {
            world.pipeline.add(0, &named(number, kind));
        }
        let mut sent = 0;
        let mut events: Vec<(u64, Event)> = Vec::new();
        for (at, count) in &script {
            events.push((*at, Event::Send(numbered(sent, *count))));
            sent += count;
        }
        events.extend(changes.into_iter().map(|(at, change)| (at * MS, Event::Change(change))));
        events.sort_by_key(|(at, _)| *at);
        for (at, event) in events {
            world.advance(at);
            match event {
                Event::Send(data) => world.pipeline.push(at, data),
                Event::Change(change) => change.apply(at, &mut world.pipeline),
            }
        }
        world.pipeline.end(End::Half);
        // A rate of zero holds for ever: what is left is taken away in the end.
        world.advance(u64::MAX / 4);
        for number in 0..NAMES {
            world.pipeline.remove(&name(number));
            world.advance(u64::MAX / 4);
        }
        prop_assert_eq!(world.bytes(), numbered(0, sent).to_vec());
        prop_assert_eq!(world.end.map(|(_, end)| end), Some(End::Half));
        prop_assert!(world.pipeline.is_gone());
        prop_assert_eq!(world.pipeline.bytes(), 0);
    }
}

enum Event {
    Send(Bytes),
    Change(Change),
}

const NAMES: usize = 4;

fn name(number: usize) -> String {
    format!("toxic {number}")
}

fn named(number: usize, kind: ToxicKind) -> ToxicSpec {
    ToxicSpec {
        name: name(number),
        ..toxic(kind)
    }
}

#[derive(Clone, Debug)]
enum Change {
    Add(usize, ToxicKind, f32),
    Update(usize, i64, f32),
    Remove(usize),
}

impl Change {
    fn apply(self, now_ns: u64, pipeline: &mut Pipeline) {
        match self {
            Self::Add(number, kind, toxicity) => {
                if pipeline.toxic(&name(number)).is_none() {
                    let spec = named(number, kind);
                    pipeline.add(now_ns, &ToxicSpec { toxicity, ..spec });
                }
            }
            Self::Update(number, value, toxicity) => {
                if let Some(mut spec) = pipeline.toxic(&name(number)).cloned() {
                    for (_, attribute) in spec.kind.attributes() {
                        *attribute = value;
                    }
                    spec.toxicity = toxicity;
                    pipeline.update(now_ns, &spec);
                }
            }
            Self::Remove(number) => pipeline.remove(&name(number)),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let toxicity = || prop_oneof![Just(0.0_f32), Just(0.5), Just(1.0)];
    prop_oneof![
        (0..NAMES, harmless(), toxicity()).prop_map(|(n, kind, t)| Change::Add(n, kind, t)),
        (0..NAMES, 0..300_i64, toxicity()).prop_map(|(n, v, t)| Change::Update(n, v, t)),
        (0..NAMES).prop_map(Change::Remove),
    ]
}

fn harmless() -> impl Strategy<Value = ToxicKind> {
    prop_oneof![
        (0..300_i64, 0..200_i64).prop_map(|(latency_ms, jitter_ms)| ToxicKind::Latency {
            latency_ms,
            jitter_ms
        }),
        (0..400_i64).prop_map(|rate_kb_s| ToxicKind::Bandwidth { rate_kb_s }),
        (0..400_i64).prop_map(|delay_ms| ToxicKind::SlowClose { delay_ms }),
        (500..4_000_i64, 0..500_i64, 0..500_i64).prop_map(|(average, variation, delay_us)| {
            ToxicKind::Slicer {
                average_size_bytes: average,
                size_variation_bytes: variation,
                delay_us,
            }
        }),
        Just(ToxicKind::Noop),
    ]
}

#[test]
fn slow_close_delays_the_end_and_nothing_else() {
    let mut world = World::new(&[toxic(ToxicKind::SlowClose { delay_ms: 70 })]);
    world.play(&vec![(5 * MS, 10), (6 * MS, 20)], Some(9 * MS));
    assert_eq!((world.left(0), world.left(29)), (5 * MS, 6 * MS));
    assert_eq!(world.end, Some((79 * MS, End::Half)));
    assert_eq!(world.pipeline.take_tally().held_ends, 1);
}

#[test]
fn reset_peer_swallows_the_first_bytes_and_resets_later() {
    let mut world = World::new(&[toxic(ToxicKind::ResetPeer { timeout_ms: 40 })]);
    world.play(&vec![(5 * MS, 10), (6 * MS, 20)], None);
    assert!(world.out.is_empty());
    assert_eq!(world.end, Some((45 * MS, End::Reset)));
    assert_eq!(world.pipeline.take_tally().dropped_bytes, 10);
}

#[test]
fn a_rate_of_zero_holds_all_until_it_is_changed() {
    let spec = toxic(ToxicKind::Bandwidth { rate_kb_s: 0 });
    let mut world = World::new(std::slice::from_ref(&spec));
    world.pipeline.push(0, numbered(0, 100));
    world.advance(1_000_000 * MS);
    assert!(world.out.is_empty() && world.pipeline.next_timer().is_none());
    assert_eq!(world.pipeline.bytes(), 100);
    let kind = ToxicKind::Bandwidth { rate_kb_s: 1 };
    let now = world.now_ns;
    world.pipeline.update(now, &ToxicSpec { kind, ..spec });
    world.collect();
    assert_eq!(world.bytes().len(), 100, "what is in hand leaves at once");
}

#[test]
fn a_removed_timeout_closes_what_it_has_emptied() {
    let mut world = World::new(&[toxic(ToxicKind::Timeout { timeout_ms: 0 })]);
    world.pipeline.push(0, numbered(0, 100));
    world.advance(MS);
    world.pipeline.remove("timeout_upstream");
    world.collect();
    assert_eq!(world.end, Some((MS, End::Close)));
    assert!(world.pipeline.is_gone());
}

#[test]
fn limit_data_counts_on_under_a_new_limit() {
    let spec = toxic(ToxicKind::LimitData { bytes: 50 });
    let mut world = World::new(std::slice::from_ref(&spec));
    world.pipeline.push(0, numbered(0, 30));
    world.advance(MS);
    let kind = ToxicKind::LimitData { bytes: 40 };
    world.pipeline.update(MS, &ToxicSpec { kind, ..spec });
    world.pipeline.push(MS, numbered(30, 30));
    world.advance(2 * MS);
    assert_eq!(world.bytes(), numbered(0, 40).to_vec());
    assert_eq!(world.end.map(|(_, end)| end), Some(End::Close));
}

#[test]
fn two_latencies_add_up() {
    let latency = |name: &str, latency_ms| ToxicSpec {
        name: name.to_owned(),
        ..toxic(ToxicKind::Latency {
            latency_ms,
            jitter_ms: 0,
        })
    };
    let mut world = World::new(&[latency("a", 30), latency("b", 12)]);
    world.play(&vec![(0, 1), (MS, 1), (50 * MS, 1)], None);
    let left: Vec<_> = world.out.iter().map(|(at, _)| at / MS).collect();
    assert_eq!(left, [42, 43, 92]);
}

#[test]
fn held_bytes_are_those_that_had_to_wait() {
    let kind = ToxicKind::Latency {
        latency_ms: 10,
        jitter_ms: 0,
    };
    let mut world = World::new(&[toxic(kind)]);
    world.play(&vec![(0, 5), (MS, 6)], None);
    assert_eq!(world.pipeline.take_tally().held_bytes, 11);
    let mut world = World::new(&[toxic(ToxicKind::Noop)]);
    world.play(&vec![(0, 5), (MS, 6)], None);
    assert_eq!(world.pipeline.take_tally().held_bytes, 0);
}

/// Which of the first connections a toxic acts on.
fn acting(seed: u64, toxicity: f32) -> Vec<bool> {
    let spec = ToxicSpec {
        toxicity,
        ..toxic(ToxicKind::Timeout { timeout_ms: 0 })
    };
    let acts = |ordinal| {
        let mut world = World::seeded(std::slice::from_ref(&spec), seed, ordinal);
        world.play(&vec![(0, 1)], None);
        world.out.is_empty()
    };
    (0..2_000).map(acts).collect()
}

#[test]
fn toxicity_is_a_share_of_connections_and_a_seed_repeats_it() {
    let drawn = acting(5, 0.3);
    assert_eq!(drawn, acting(5, 0.3));
    assert_ne!(drawn, acting(6, 0.3));
    let share = drawn.iter().filter(|acts| **acts).count();
    assert!((530..670).contains(&share), "{share} of 2000");
    assert!(acting(5, 0.0).iter().all(|acts| !acts));
    assert!(acting(5, 1.0).iter().all(|acts| *acts));
}

#[test]
fn jitter_repeats_for_the_same_seed_and_ordinal_only() {
    let leave = |seed, ordinal| {
        let kind = ToxicKind::Latency {
            latency_ms: 500,
            jitter_ms: 400,
        };
        let mut world = World::seeded(&[toxic(kind)], seed, ordinal);
        world.play(&(0..20).map(|n| (n * 2_000 * MS, 1)).collect(), None);
        world.out.iter().map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(leave(1, 7), leave(1, 7));
    assert_ne!(leave(1, 7), leave(1, 8));
    assert_ne!(leave(1, 7), leave(2, 7));
}

#[test]
fn a_slow_reader_is_felt_at_the_front() {
    let kind = ToxicKind::Latency {
        latency_ms: 1,
        jitter_ms: 0,
    };
    let mut pipeline = Pipeline::new("proxy", Streams::new(0), 0);
    pipeline.add(0, &toxic(kind));
    let mut pushed = 0;
    let mut now = 0;
    while pipeline.has_room() {
        pipeline.push(now, numbered(0, 10));
        pushed += 1;
        now += 2 * MS;
        pipeline.run(now);
        assert!(pushed < 5_000, "it takes without end");
    }
    // Its own buffer, one in hand, and what waits for the socket.
    assert_eq!(pushed, 1024 + 1 + 8);
    while pipeline.pop().is_some() {
        pipeline.run(now);
        pushed -= 1;
    }
    assert_eq!(pushed, 0);
}

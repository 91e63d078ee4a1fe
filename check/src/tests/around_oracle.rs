//! Recovery and stretches against a slow oracle: lists of events, each definition of `docs/measures.md` written out anew.

use super::generate::op;
use crate::{
    EventId, FaultSpan, Health, Judge, JudgeSpec, Kind, LoadSpec, Measure, Op, Reading, Semantics,
    SinkSpec, Throughput,
};
use proptest::collection::vec;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

/// When it was offered, accepted and first seen in the sink, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Event {
    offered: u64,
    accepted: Option<u64>,
    effect: Option<u64>,
}

#[derive(Clone, Debug)]
struct Run {
    events: Vec<Event>,
    /// From and until, in milliseconds.
    faults: Vec<(u64, u64)>,
}

/// Something that hurts events offered from a time on: latency, or rejection where it is `None`.
type Hurt = (u64, u64, Option<u64>);

fn run() -> impl Strategy<Value = Run> {
    let faults = vec((1_000..18_000_u64, 100..6_000_u64), 1..4);
    let hurts = vec(
        (
            0..20_000_u64,
            50..4_000_u64,
            prop::option::weighted(0.7, 20..3_000_u64),
        ),
        0..5,
    );
    (faults, hurts, 5..40_u64, 5..25_u64, any::<u64>()).prop_map(
        |(faults, hurts, every, seconds, seed)| Run {
            events: events(&hurts, every, seconds * 1_000, seed),
            faults: faults
                .into_iter()
                .map(|(from, length)| (from, from + length))
                .collect(),
        },
    )
}

fn events(hurts: &[Hurt], every: u64, until: u64, mut random: u64) -> Vec<Event> {
    let of = |offered: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let usual = 3 + (random >> 60);
        let hurt = hurts
            .iter()
            .find(|(from, length, _)| (*from..from + length).contains(&offered));
        let took = hurt.map_or(Some(usual), |(_, _, took)| *took);
        Event {
            offered,
            accepted: took.map(|_| offered + 1),
            effect: took.map(|took| offered + took),
        }
    };
    (0..until).step_by(every as usize).map(of).collect()
}

impl Run {
    fn spec(&self) -> JudgeSpec {
        let fault = |(index, &(from, until)): (usize, &(u64, u64))| FaultSpan {
            name: format!("fault-{index}"),
            from_ns: from * MS,
            until_ns: until * MS,
        };
        JudgeSpec {
            loads: vec![LoadSpec {
                name: "sign-ups".to_owned(),
                events: self.events.len() as u64,
            }],
            sinks: vec![SinkSpec::new(
                "users",
                Semantics::AtLeastOnce,
                Reading::Tail,
            )],
            faults: self.faults.iter().enumerate().map(fault).collect(),
            ..JudgeSpec::default()
        }
    }

    /// By the time at which each was recorded.
    fn ops(&self) -> Vec<Op> {
        let mut ops = Vec::new();
        for (sequence, event) in self.events.iter().enumerate() {
            let id = EventId::new(0, sequence as u64);
            let mut add = |kind, ms: u64| {
                ops.push(Op {
                    at: ms * MS,
                    ..op(kind, id, 0, 0, 0)
                });
            };
            add(Kind::Offered, event.offered);
            match event.accepted {
                Some(at) => add(Kind::Accepted, at),
                None => add(Kind::Rejected, event.offered + 2),
            }
            if let Some(at) = event.effect {
                add(Kind::Effect, at);
            }
        }
        ops.sort_by_key(|op| op.at);
        ops
    }

    fn within(&self, from: u64, until: u64) -> Vec<&Event> {
        let is_in = |event: &&Event| (from..until).contains(&event.offered);
        self.events.iter().filter(is_in).collect()
    }
}

/// Nearest rank.
fn p99(mut times: Vec<u64>) -> Option<u64> {
    times.sort_unstable();
    let rank = (times.len() * 99).div_ceil(100);
    times.get(rank.checked_sub(1)?).copied()
}

/// The lower end of the eighth of a doubling in which a time lies, in units of 1024 ns.
fn eighth(ns: u64) -> u64 {
    let units = ns / 1024;
    let mut step = 1;
    while units / step >= 16 {
        step *= 2;
    }
    units / step * step
}

struct Oracle<'a> {
    run: &'a Run,
    /// Width of a bucket, in milliseconds.
    width: u64,
    /// By lane (accept, effect): share, and the limit in nanoseconds.
    before: Vec<(usize, f64, u64)>,
}

fn took(event: &Event, lane: usize) -> Option<u64> {
    let at = [event.accepted, event.effect][lane]?;
    Some((at - event.offered) * MS)
}

impl<'a> Oracle<'a> {
    fn new(run: &'a Run) -> Self {
        let first = run.faults.iter().map(|fault| fault.0).min().unwrap();
        let calm_us = first * 1_000 - 1_000_000.min(first * 500);
        let mut width = 100;
        while run.events.last().unwrap().offered / width >= 200 {
            width *= 2;
        }
        let calm_ms = calm_us.div_ceil(1_000);
        let mut before = Vec::new();
        for lane in 0..2 {
            let calm = run.within(0, calm_ms);
            let times: Vec<u64> = calm.iter().filter_map(|event| took(event, lane)).collect();
            // Whole buckets only.
            let whole = run.within(0, calm_us / 1_000 / width * width);
            let came = whole.iter().filter(|event| took(event, lane).is_some());
            let came = came.count();
            if let Some(p99) = p99(times).filter(|_| came >= 20) {
                let share = came as f64 / whole.len() as f64;
                before.push((lane, share, (p99 * 2).max(p99 + 50 * MS)));
            }
        }
        Self { run, width, before }
    }

    /// `None`: nothing was offered.
    fn fared_well(&self, bucket: u64) -> Option<bool> {
        let from = bucket * self.width;
        let events = self.run.within(from, from + self.window() * self.width);
        if events.is_empty() {
            return None;
        }
        let lane_is_well = |&(lane, share, limit): &(usize, f64, u64)| {
            let times: Vec<u64> = events
                .iter()
                .filter_map(|event| took(event, lane))
                .collect();
            let enough = times.len() as f64 >= 0.9 * share * events.len() as f64;
            let late = times
                .iter()
                .filter(|&&ns| eighth(ns) > eighth(limit))
                .count();
            enough && late * 100 <= times.len()
        };
        Some(self.before.iter().all(lane_is_well))
    }

    fn window(&self) -> u64 {
        1_000_u64.div_ceil(self.width)
    }

    fn end(&self) -> u64 {
        self.run.events.last().unwrap().offered / self.width + 1
    }

    fn on_the_way(&self) -> u64 {
        let limits = self.before.iter().map(|(_, _, limit)| limit);
        let slowest = limits.max().map_or(0, |ns| ns.div_ceil(self.width * MS));
        slowest.min(self.window())
    }

    fn recovery(&self, since: u64, heal: u64, from_injection: bool) -> Option<Measure> {
        if self.before.is_empty() {
            return None;
        }
        let injections = self.run.faults.iter().map(|fault| fault.0);
        let next = injections.clone().filter(|&at| at > since).min();
        let next = next.map(|at| at / self.width);
        let cut = |at: u64| at.saturating_sub(self.on_the_way()).min(self.end());
        let hold = 3_000_u64.div_ceil(self.width);
        let start = since / self.width;
        let mut bad = None;
        let mut well = false;
        for bucket in start..heal / self.width + hold {
            let before_next = next.is_none_or(|next| bucket < next);
            let whole = bucket + self.window() <= next.map_or(self.end(), cut);
            if bad.is_some() || bucket >= self.end() || !before_next || !whole {
                continue;
            }
            match self.fared_well(bucket) {
                Some(false) => bad = Some(bucket),
                Some(true) => well = true,
                None => {}
            }
        }
        let Some(bad) = bad else {
            let ms = 0.0;
            return well.then_some(Measure { ms, over: false });
        };
        let disturbed = injections
            .filter(|&at| {
                if from_injection {
                    at > since
                } else {
                    at >= heal
                }
            })
            .chain(from_injection.then_some(heal))
            .map(|at| at / self.width);
        let disturbed: Vec<u64> = disturbed.collect();
        for bucket in bad + 1..self.end() {
            let quiet = disturbed.iter().copied().filter(|&at| at > bucket).min();
            let until = (bucket + hold).min(quiet.map_or(self.end(), cut));
            if until < bucket + self.window() || self.fared_well(bucket) != Some(true) {
                continue;
            }
            let fared = (bucket..=until - self.window()).map(|at| self.fared_well(at));
            if fared.into_iter().all(|well| well != Some(false)) {
                let ms = (bucket * self.width).saturating_sub(since) as f64;
                return Some(Measure { ms, over: false });
            }
        }
        let ms = (self.end() * self.width).saturating_sub(since) as f64;
        Some(Measure { ms, over: true })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_measure_is_the_oracles(run in run()) {
        let mut judge = Judge::new(run.spec());
        judge.ops(&run.ops());
        let judgement = judge.finish(Health::sound(1, []));
        let oracle = Oracle::new(&run);
        for (measures, &(from, until)) in judgement.faults.iter().zip(&run.faults) {
            prop_assert_eq!(measures.recovery, oracle.recovery(from, until, true));
            prop_assert_eq!(measures.heal_recovery, oracle.recovery(until, until, false));
            let next = run.faults.iter().map(|fault| fault.0).filter(|&at| at >= until).min();
            for (stretch, from, until) in [
                (&measures.during, from, until),
                (&measures.after, until, next.unwrap_or(u64::MAX)),
            ] {
                let events = run.within(from, until);
                let refused = events.iter().filter(|event| event.accepted.is_none()).count();
                let found = stretch.as_ref().map(|it| (it.offered, it.rejected));
                let told = (events.len() as u64, refused as u64);
                prop_assert_eq!(found, (told.0 > 0).then_some(told));
                let slowest = events.iter().filter_map(|event| took(event, 1)).max();
                let max = stretch.as_ref().and_then(|it| Some(it.effect.get("users")?.max_ms));
                prop_assert_eq!(max, slowest.map(|ns| (ns / MS) as f64));
            }
            let first = run.faults.iter().map(|fault| fault.0).min().unwrap();
            let calm_us = first * 1_000 - 1_000_000.min(first * 500);
            let rate = |of: fn(&Event) -> Option<u64>, from_us: u64, until_us: u64| {
                let came = run.events.iter().filter_map(of);
                let came = came.filter(|at| (from_us..until_us).contains(&(at * 1_000)));
                came.count() as f64 / (((until_us - from_us) * 1_000) as f64 / 1e9)
            };
            let told = |of: fn(&Event) -> Option<u64>| Throughput {
                before: rate(of, 0, calm_us),
                during: rate(of, from * 1_000, until * 1_000),
            };
            prop_assert_eq!(measures.accepted, Some(told(|event| event.accepted)));
            prop_assert_eq!(measures.effects.get("users"), Some(&told(|event| event.effect)));
            let error = run.events.iter().filter(|event| event.accepted.is_none());
            let error = error.map(|event| event.offered + 2);
            let error = error.filter(|&at| from <= at && at <= until + 3_000).min();
            prop_assert_eq!(measures.detect_ms, error.map(|at| (at - from) as f64));
        }
    }
}

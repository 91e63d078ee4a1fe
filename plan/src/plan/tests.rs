use super::timeline::timeline;
use super::{Arrivals, Environment, Plan, PlannedLoad};
use crate::scenario::{Arrival, Keys, Load, LoadEntry, Stage};
use crate::system::IdPlace;
use crate::units::{Rate, SECOND_NS};
use proptest::prelude::*;

pub(crate) fn load(stages: Vec<Stage>, arrival: Arrival) -> PlannedLoad {
    let load = Load {
        name: "test".into(),
        entry: LoadEntry::Topic {
            topic: "t".into(),
            id: IdPlace::Key,
        },
        headers: std::collections::BTreeMap::new(),
        body: serde_json::Value::Null,
        size_bytes: None,
        key: "{{key}}".into(),
        keys: Keys::Uniform { count: 100 },
        arrival,
        stages,
        outcomes: vec![],
        timeout_ns: SECOND_NS,
        connections: 1,
        odd: None,
    };
    let timeline = timeline(&load, 0);
    let events = timeline.iter().map(|stage| stage.events).sum();
    PlannedLoad {
        load,
        timeline,
        events,
    }
}

fn rate() -> impl Strategy<Value = Rate> {
    (0_u64..5_000_000_000).prop_map(Rate)
}

fn stage() -> impl Strategy<Value = Stage> {
    let length = 1_u64..2 * SECOND_NS;
    prop_oneof![
        (rate(), length.clone()).prop_map(|(rate, for_ns)| Stage::Constant { rate, for_ns }),
        (rate(), rate(), length.clone()).prop_map(|(from, to, for_ns)| Stage::Ramp {
            from,
            to,
            for_ns
        }),
        (0_u64..500).prop_map(|count| Stage::Burst { count }),
        length.clone().prop_map(|for_ns| Stage::Pause { for_ns }),
        (rate(), 0.0_f64..=1.0, 1_000_u64..SECOND_NS, length).prop_map(
            |(mean, share, period_ns, for_ns)| {
                let amplitude = Rate((mean.0 as f64 * share) as u64);
                Stage::Sine {
                    mean,
                    amplitude,
                    period_ns,
                    for_ns,
                }
            }
        ),
    ]
}

fn arrival() -> impl Strategy<Value = Arrival> {
    prop_oneof![Just(Arrival::Uniform), Just(Arrival::Poisson)]
}

/// The rate at a moment, for the slow oracle.
fn rate_at(stage: &Stage, t: f64) -> f64 {
    match *stage {
        Stage::Constant { rate, .. } => rate.per_second(),
        Stage::Ramp { from, to, for_ns } => {
            from.per_second() + (to.per_second() - from.per_second()) * t / (for_ns as f64 / 1e9)
        }
        Stage::Sine {
            mean,
            amplitude,
            period_ns,
            ..
        } => {
            mean.per_second()
                + amplitude.per_second()
                    * (std::f64::consts::TAU * t / (period_ns as f64 / 1e9)).sin()
        }
        Stage::Burst { .. } | Stage::Pause { .. } => 0.0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arrivals_are_ordered_dense_inside_their_stage_and_as_many_as_planned(
        stages in prop::collection::vec(stage(), 1..5), arrival in arrival(), seed: u64,
    ) {
        let load = load(stages, arrival);
        let all: Vec<super::Arrival> = Arrivals::new(&load, 0, seed).collect();
        prop_assert_eq!(all.len() as u64, load.events);
        prop_assert!(all.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
        prop_assert!(all.iter().enumerate().all(|(index, one)| one.sequence == index as u64 && one.key < 100));
        let mut rest = all.iter();
        for stage in &load.timeline {
            for one in rest.by_ref().take(stage.events as usize) {
                prop_assert!(one.at_ns >= stage.at_ns && one.at_ns <= stage.at_ns + stage.for_ns);
            }
        }
        let again: Vec<super::Arrival> = Arrivals::new(&load, 0, seed).collect();
        prop_assert_eq!(all, again);
    }

    /// Uniform arrivals against the rate summed in small steps.
    #[test]
    fn uniform_arrivals_follow_the_rate(stage in stage(), seed: u64) {
        let load = load(vec![stage], Arrival::Uniform);
        if matches!(stage, Stage::Burst { .. }) {
            return Ok(());
        }
        let steps = 20_000;
        let step = stage.for_ns() as f64 / 1e9 / f64::from(steps);
        let mut times = Arrivals::new(&load, 0, seed).map(|one| one.at_ns as f64 / 1e9).peekable();
        let (mut sum, mut seen) = (0.0, 0.0);
        for index in 0..steps {
            let t = (f64::from(index) + 0.5) * step;
            sum += rate_at(&stage, t) * step;
            while times.next_if(|time| *time <= (f64::from(index) + 1.0) * step).is_some() {
                seen += 1.0;
            }
            // The k-th event comes when the sum reaches k, the first at 0: seen is one ahead at most, give or take a step.
            prop_assert!(seen - sum <= 1.6 + sum * 0.01 && sum - seen <= 1.6 + sum * 0.01, "{seen} for {sum}");
        }
    }
}

#[test]
fn poisson_gaps_scatter_as_they_should() {
    let load = load(
        vec![Stage::Constant {
            rate: Rate::from_per_second(1000),
            for_ns: 50 * SECOND_NS,
        }],
        Arrival::Poisson,
    );
    let times: Vec<f64> = Arrivals::new(&load, 0, 11)
        .map(|one| one.at_ns as f64 / 1e6)
        .collect();
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps
        .iter()
        .map(|gap| (gap - mean) * (gap - mean))
        .sum::<f64>()
        / gaps.len() as f64;
    assert!((0.98..1.02).contains(&mean), "mean gap {mean} ms");
    assert!(
        (0.95..1.05).contains(&(variance / mean / mean)),
        "an exponential's deviation is its mean: {variance}"
    );
}

#[test]
fn constant_spacing_is_exact_over_a_day() {
    let rate = Rate::from_per_second(3);
    assert_eq!(
        super::timeline::constant_at(rate, 3 * 86_400),
        86_400 * SECOND_NS
    );
}

struct NoFiles;

impl crate::scenario::Files for NoFiles {
    fn find(&self, _: &str) -> std::io::Result<(String, String)> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

#[test]
fn odd_events_are_a_load_of_their_own_as_many_as_asked_for_and_within_their_fault() {
    let text = "
squall: 1
name: odd
system:
  use:
    squall-system: 1
    name: mine
    services: { app: { command: [app], ports: { one: 1 } } }
    entry: { topic: { name: t }, body: { id: '{{id}}' } }
    topics: { t: { max.message.bytes: 2000 }, dead: {} }
    sinks: { kept: { directory: a, dead_letters: { topic: dead } }, other: { directory: b } }
load: { stages: [{ rate: 100/s, for: 10s }] }
timing: { warm_up: 1s }
faults:
  - { name: tenth, at: 2s, for: 3s, poison: { share: 10% } }
  - { name: large, at: 4s, oversized: { count: 7 } }
  - { name: twice, at: 5s, for: 1s, duplicates: { count: 9 } }
";
    let request = crate::scenario::Request::default();
    let scenario = crate::scenario::from_text("odd.yaml", text, &request, &NoFiles);
    let scenario = scenario.map_err(|why| why.to_string()).unwrap();
    let plan = Plan::derive(&scenario, 7, Environment::Embedded).unwrap();
    let told: Vec<(&str, u64)> = plan
        .loads
        .iter()
        .skip(1)
        .map(|load| (load.load.name.as_str(), load.events))
        .collect();
    assert_eq!(told, [("tenth", 30), ("large", 7), ("twice", 9)]);
    for (stream, fault) in (1..).zip(&plan.faults) {
        let end = fault.at_ns + fault.for_ns.unwrap();
        for arrival in plan.arrivals(stream).unwrap() {
            assert!((fault.at_ns..=end).contains(&arrival.at_ns), "{fault:?}");
        }
    }
    use crate::scenario::Outcome::{DeadLetter, Effect, Nothing};
    let outcomes = |stream: usize| plan.loads[stream].load.outcomes.clone();
    assert_eq!(
        outcomes(1),
        [DeadLetter, Nothing],
        "the other has no dead letters"
    );
    assert_eq!(outcomes(2), [Nothing, Nothing]);
    assert_eq!(outcomes(3), [Effect, Effect]);
    assert_eq!(plan.loads[2].load.size_bytes, Some(2000 + 64 * 1024));
}

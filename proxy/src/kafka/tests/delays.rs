//! Rules that let frames pass later.

use super::common::{Wire, settings};
use super::oracle::Exchange;
use crate::kafka::{Action, Rule, Rules, Way};
use crate::layer::{Layer, Side};
use proptest::prelude::*;
use squall_plan::fault::Distribution;

fn delay(way: Way, latency_ns: u64, jitter_ns: u64, distribution: Distribution) -> Action {
    Action::Delay {
        way,
        latency_ns,
        jitter_ns,
        distribution,
    }
}

proptest! {
    /// A frame passes when its own delay is over and everything before it has passed.
    #[test]
    fn delayed_requests_keep_their_order(
        gaps in proptest::collection::vec((0u64..500, prop_oneof![Just(3i16), Just(4)]), 1..20),
        latency_ns in 0u64..1_000,
    ) {
        let settings = settings();
        let action = delay(Way::Requests, latency_ns, 0, Distribution::Uniform);
        settings.rules.swap(Rules::new(vec![Rule::new("d", action).for_apis(&[3])]).unwrap());
        let mut wire = Wire::new(&settings);
        let mut expected: Vec<(u64, Vec<u8>)> = Vec::new();
        for (correlation, (gap, key)) in (0..).zip(&gaps) {
            let until_ns = wire.now_ns + gap;
            wire.run_until(until_ns);
            let exchange = Exchange::new(*key, correlation, &[]);
            wire.bytes(Side::Client, &exchange.request);
            let own_ns = wire.now_ns + if *key == 3 { latency_ns } else { 0 };
            let before_ns = expected.last().map_or(0, |(at, _)| *at);
            expected.push((own_ns.max(before_ns), exchange.request));
            let passed = expected.iter().filter(|(at, _)| *at <= wire.now_ns);
            let passed: Vec<u8> = passed.flat_map(|(_, request)| request.clone()).collect();
            prop_assert_eq!(wire.to(Side::Upstream), &passed);
        }
        wire.run_until(u64::MAX / 2);
        let all: Vec<u8> = expected.into_iter().flat_map(|(_, request)| request).collect();
        prop_assert_eq!(wire.to(Side::Upstream), &all);
        let delayed = gaps.iter().filter(|(_, key)| *key == 3).count() as u64;
        let evidence = settings.rules.current().evidence("d").unwrap();
        prop_assert_eq!(evidence.acted, delayed);
        prop_assert!(evidence.held_ns >= delayed * latency_ns);
    }
}

#[test]
fn what_is_held_passes_when_the_rule_ends() {
    let settings = settings();
    let hold = Rule::new("h", Action::Hold { way: Way::Answers }).for_apis(&[3]);
    settings.rules.swap(Rules::new(vec![hold]).unwrap());
    let mut wire = Wire::new(&settings);
    let exchanges = [
        Exchange::new(4, 1, &[]),
        Exchange::new(3, 2, &[]),
        Exchange::new(4, 3, &[]),
    ];
    for exchange in &exchanges {
        wire.bytes(Side::Client, &exchange.request);
        wire.bytes(Side::Upstream, &exchange.answer);
    }
    wire.end(Side::Upstream);
    wire.run_until(1_000_000_000);
    assert_eq!(wire.to(Side::Client), exchanges[0].answer);
    assert_eq!(wire.got.ended, [false, false]);
    let rules = settings.rules.current();
    settings.rules.swap(rules.without("h"));
    wire.poke();
    let all = exchanges.map(|exchange| exchange.answer).concat();
    assert_eq!(wire.to(Side::Client), all);
    assert_eq!(wire.got.ended, [true, false], "the end came behind");
    let evidence = rules.evidence("h").unwrap();
    assert_eq!(
        (evidence.acted, evidence.held_ns),
        (1, 1_000_000_000 - 1_000)
    );
}

#[test]
fn a_sender_waits_when_too_much_is_held() {
    let settings = settings();
    settings
        .rules
        .swap(Rules::new(vec![Rule::new("h", Action::Hold { way: Way::Requests })]).unwrap());
    let mut wire = Wire::new(&settings);
    let request = Exchange::new(3, 1, &vec![0; 1 << 20]).request;
    let mut sent = 0;
    while wire.layer.wants(Side::Client) {
        wire.bytes(Side::Client, &request);
        sent += 1;
        assert!(sent < 100, "without bound");
    }
    assert!(wire.layer.wants(Side::Upstream));
    settings.rules.swap(Rules::default());
    wire.poke();
    assert!(wire.layer.wants(Side::Client));
    assert_eq!(wire.to(Side::Upstream), request.repeat(sent));
}

#[test]
fn a_cut_comes_behind_what_is_delayed_before_it() {
    let settings = settings();
    let late =
        Rule::new("late", delay(Way::Requests, 500, 0, Distribution::Uniform)).for_apis(&[3]);
    let cut = Rule::new(
        "cut",
        Action::Cut {
            way: Way::Requests,
            after_bytes: 6,
        },
    )
    .for_apis(&[4]);
    settings.rules.swap(Rules::new(vec![late, cut]).unwrap());
    let mut wire = Wire::new(&settings);
    let exchanges = [3, 4, 3].map(|key| Exchange::new(key, i32::from(key), &[1; 9]));
    let up: Vec<u8> = exchanges.iter().flat_map(|e| e.request.clone()).collect();
    wire.bytes(Side::Client, &up);
    wire.run_until(1_499);
    assert!(wire.to(Side::Upstream).is_empty());
    wire.run_until(1_000_000_000);
    let expected = [&exchanges[0].request[..], &exchanges[1].request[..6]].concat();
    assert_eq!(wire.to(Side::Upstream), expected);
    assert!(wire.got.reset_ns.is_some_and(|at| at >= 1_500));
}

#[test]
fn jitter_is_spread_as_it_says() {
    for (distribution, low, high) in [
        (Distribution::Uniform, 60, 140),
        (Distribution::Normal, 0, 400),
        (Distribution::Pareto, 100, 600_000_000_000),
    ] {
        let mut rng = squall_plan::rng::Rng::new(5);
        let mut drawn: Vec<u64> = (0..10_001)
            .map(|_| crate::spread::draw(100, 40, distribution, &mut rng))
            .collect();
        drawn.sort_unstable();
        assert!(drawn[0] >= low && drawn[10_000] <= high, "{distribution:?}");
        // The median of a Pareto distribution of shape 1.5 is 2^(2/3) - 1 = 0.587 above its least.
        let median = if distribution == Distribution::Pareto {
            123
        } else {
            100
        };
        assert!(
            drawn[5_000].abs_diff(median) <= 2,
            "{distribution:?}: {}",
            drawn[5_000]
        );
        assert!(drawn[9_900] > 135, "{distribution:?}: {}", drawn[9_900]);
    }
}

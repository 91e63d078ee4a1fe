//! Rules that break frames, against the oracle.

use super::common::{Wire, settings};
use super::oracle::{Did, Exchange, Oracle, frames};
use crate::kafka::{Action, Rule, Rules, Scope, Way};
use crate::layer::{Layer, Side};
use proptest::prelude::*;

const HEARTBEAT: i16 = 12;

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Requests), Just(Way::Answers)]
}

fn rule() -> impl Strategy<Value = Rule> {
    let action = prop_oneof![
        (way(), 0usize..40).prop_map(|(way, after_bytes)| Action::Cut { way, after_bytes }),
        Just(Action::LoseAnswer),
        Just(Action::AnswerError { error: 27 }),
        Just(Action::WithholdAnswers {
            reset_after_ns: None
        }),
    ];
    let keys = proptest::option::of(proptest::collection::vec(
        prop_oneof![2i16..5, Just(HEARTBEAT)],
        1..3,
    ));
    let share_ppm = prop_oneof![Just(1_000_000), 0u32..1_000_000];
    let parties = proptest::option::weighted(0.2, prop_oneof![Just("orders"), Just("payments")]);
    let max = proptest::option::of(0u64..3);
    (action, keys, share_ppm, parties, max).prop_map(
        |(action, keys, share_ppm, party, acts_max)| {
            let apis = match action {
                Action::AnswerError { .. } => Some([HEARTBEAT].into()),
                _ => keys.map(|keys| keys.into_iter().collect()),
            };
            let scope = Scope {
                parties: party.map(|party| [party.to_owned()].into()),
                brokers: None,
            };
            Rule {
                apis,
                share_ppm,
                acts_max,
                scope,
                ..Rule::new("", action)
            }
        },
    )
}

/// Up to three, with names, and one at most that withholds.
fn rules() -> impl Strategy<Value = Vec<Rule>> {
    proptest::collection::vec(rule(), 0..4).prop_map(|mut rules| {
        let mut withholds = 0;
        rules.retain(|rule| {
            withholds += usize::from(matches!(rule.action, Action::WithholdAnswers { .. }));
            withholds < 2 || !matches!(rule.action, Action::WithholdAnswers { .. })
        });
        for (number, rule) in rules.iter_mut().enumerate() {
            rule.name = format!("rule-{number}");
        }
        rules
    })
}

/// Requests that are sent one behind the other before the broker answers.
fn batches() -> impl Strategy<Value = Vec<Vec<(i16, Vec<u8>)>>> {
    let key = prop_oneof![2i16..5, Just(HEARTBEAT)];
    let exchange = (key, proptest::collection::vec(any::<u8>(), 0..30));
    proptest::collection::vec(proptest::collection::vec(exchange, 1..5), 0..6)
}

proptest! {
    #[test]
    fn what_passes_is_what_the_oracle_says(
        rules in rules(),
        batches in batches(),
        pieces in proptest::collection::vec(1usize..50, 1..10),
        ordinal in 0u64..4,
    ) {
        let settings = settings();
        settings.rules.swap(Rules::new(rules.clone()).unwrap());
        let mut wire = Wire::with_ordinal(&settings, ordinal);
        let mut oracle = Oracle::new(&rules, ordinal);
        let mut sizes = pieces.iter().copied().cycle();
        let mut correlation = 0;
        let mut answered = 0;
        let mut asked: Vec<Exchange> = Vec::new();
        for batch in &batches {
            let mut up = Vec::new();
            for (key, body) in batch {
                correlation += 1;
                let exchange = Exchange::new(*key, correlation, body);
                up.extend(&exchange.request);
                oracle.client_sends(&exchange);
                asked.push(exchange);
            }
            send(&mut wire, Side::Client, &up, &mut sizes);
            oracle.broker_answers();
            // The broker answers the requests that reached it, whole.
            let seen = frames(wire.to(Side::Upstream));
            let mut down = Vec::new();
            for request in &seen[answered..] {
                let exchange = asked.iter().find(|exchange| exchange.request == *request);
                down.extend(&exchange.expect("as it was sent").answer);
            }
            answered = seen.len();
            send(&mut wire, Side::Upstream, &down, &mut sizes);
        }
        wire.run_until(wire.now_ns + 1_000_000_000);
        prop_assert_eq!(wire.to(Side::Upstream), &oracle.up);
        prop_assert_eq!(wire.to(Side::Client), &oracle.down);
        prop_assert_eq!(wire.got.reset_ns.is_some(), oracle.is_dead);
        prop_assert_eq!(wire.got.ended, [false, false]);
        let current = settings.rules.current();
        for (rule, did) in rules.iter().zip(&oracle.did) {
            let evidence = current.evidence(&rule.name).unwrap();
            let told = Did { matched: evidence.matched, acted: evidence.acted, swallowed: evidence.swallowed };
            prop_assert_eq!(&told, did, "{}", rule.name);
            prop_assert_eq!(evidence.acted_ns.is_some(), did.acted > 0);
        }
        // What was withheld is missing for good: with the rule the connection ends.
        settings.rules.swap(Rules::default());
        wire.poke();
        wire.run_until(wire.now_ns + 1_000_000_000);
        prop_assert_eq!(wire.got.reset_ns.is_some(), oracle.is_dead || oracle.withholds);
    }
}

fn send(wire: &mut Wire, from: Side, bytes: &[u8], sizes: &mut impl Iterator<Item = usize>) {
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + sizes.next().expect("endless")).min(bytes.len());
        wire.bytes(from, &bytes[at..end]);
        at = end;
    }
}

#[test]
fn withheld_answers_end_in_a_reset_after_their_time() {
    let settings = settings();
    let action = Action::WithholdAnswers {
        reset_after_ns: Some(5_000),
    };
    settings
        .rules
        .swap(Rules::new(vec![Rule::new("w", action).for_apis(&[3])]).unwrap());
    let mut wire = Wire::new(&settings);
    let exchanges = [
        Exchange::new(2, 1, &[]),
        Exchange::new(3, 2, &[]),
        Exchange::new(2, 3, &[]),
    ];
    for exchange in &exchanges {
        wire.bytes(Side::Client, &exchange.request);
        wire.bytes(Side::Upstream, &exchange.answer);
        wire.now_ns += 1_000;
    }
    assert_eq!(wire.to(Side::Client), exchanges[0].answer);
    assert_eq!(wire.layer.next_timer(), Some(2_000 + 5_000));
    wire.run_until(100_000);
    assert_eq!(wire.got.reset_ns, Some(7_000));
    let evidence = settings.rules.current().evidence("w").unwrap();
    assert_eq!(
        (evidence.acted, evidence.swallowed, evidence.resets),
        (1, 2, 1)
    );
}

#[test]
fn a_rule_that_ended_meanwhile_loses_nothing() {
    let settings = settings();
    settings
        .rules
        .swap(Rules::new(vec![Rule::new("lose", Action::LoseAnswer)]).unwrap());
    let mut wire = Wire::new(&settings);
    let exchange = Exchange::new(3, 1, &[8; 20]);
    wire.bytes(Side::Client, &exchange.request);
    let before = settings.rules.current();
    settings
        .rules
        .update(|rules| Ok(rules.without("lose")))
        .unwrap();
    wire.bytes(Side::Upstream, &exchange.answer);
    assert_eq!(wire.to(Side::Client), exchange.answer);
    assert_eq!(before.evidence("lose").unwrap().acted, 0);
    assert_eq!(settings.rules.current().evidence("lose"), None);
}

#[test]
fn shares_are_drawn_anew_for_each_connection_and_the_same_for_each_run() {
    let hits = |ordinal: u64| -> Vec<bool> {
        let settings = settings();
        let rule = Rule::new("e", Action::AnswerError { error: 27 })
            .for_apis(&[HEARTBEAT])
            .share_ppm(300_000);
        settings.rules.swap(Rules::new(vec![rule]).unwrap());
        let mut wire = Wire::with_ordinal(&settings, ordinal);
        (0..2_000)
            .map(|correlation| {
                let before = wire.to(Side::Upstream).len();
                wire.bytes(
                    Side::Client,
                    &Exchange::new(HEARTBEAT, correlation, &[]).request,
                );
                wire.to(Side::Upstream).len() == before
            })
            .collect()
    };
    let first = hits(0);
    assert_eq!(first, hits(0));
    assert_ne!(first, hits(1));
    let count = first.iter().filter(|hit| **hit).count();
    assert!((500..700).contains(&count), "{count} of 2000 at 0.3");
}

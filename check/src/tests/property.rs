//! The judge against the oracle.

use super::{generate, oracle};
use crate::{AnomalyName, Health, Judge, JudgeSpec, Judgement, Op, Verdict};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

fn judge(spec: &JudgeSpec, ops: &[Op]) -> Judgement {
    let mut judge = Judge::new(spec.clone());
    judge.ops(ops);
    judge.finish(Health::sound(spec.sinks.len(), []))
}

fn counts(spec: &JudgeSpec, judgement: &Judgement) -> BTreeMap<(AnomalyName, usize), u64> {
    let sink = |name: &str| {
        spec.sinks
            .iter()
            .position(|sink| sink.name == name)
            .unwrap()
    };
    let anomalies = judgement.anomalies.iter();
    anomalies
        .map(|one| ((one.name, sink(&one.sink)), one.count))
        .collect()
}

fn agree(spec: &JudgeSpec, ops: &[Op]) -> Result<(), TestCaseError> {
    let judgement = judge(spec, ops);
    let found = oracle::judge(spec, ops);
    prop_assert_eq!(counts(spec, &judgement), found.counts.clone());
    let load = judgement.load;
    prop_assert_eq!(
        (
            load.offered,
            load.accepted,
            load.rejected,
            load.indeterminate,
            load.unanswered
        ),
        (
            found.offered,
            found.accepted,
            found.rejected,
            found.indeterminate,
            found.unanswered
        )
    );
    prop_assert_eq!(judgement.lost, found.missing.len() as u64);
    for (ledger, expected) in judgement.sinks.iter().zip(&found.sinks) {
        prop_assert_eq!(
            (ledger.due, ledger.effects, ledger.lost, ledger.in_flight),
            (expected.due, expected.effects, expected.missing, 0)
        );
        prop_assert_eq!(
            (ledger.surplus_effects, ledger.dead_lettered),
            (expected.surplus, expected.dead_lettered)
        );
    }
    let vacuous = spec.sinks.is_empty()
        || judgement.reasons.iter().any(|reason| {
            reason.key.starts_with("effects:") || reason.key.starts_with("accepted:")
        });
    let is_held = oracle::is_held(spec, &found) && !vacuous;
    prop_assert_eq!(
        judgement.verdict == Verdict::Held,
        is_held,
        "{:?}",
        judgement.reasons
    );
    for anomaly in &judgement.anomalies {
        prop_assert_eq!(anomaly.examples.len() as u64, anomaly.count.min(100));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_count_is_the_oracles((spec, ops) in generate::chaos()) {
        agree(&spec, &ops)?;
    }

    #[test]
    fn the_running_account_of_what_is_missing_is_that_of_the_end((spec, ops) in generate::chaos()) {
        let mut judge = Judge::new(spec.clone());
        judge.ops(&ops);
        for sink in 0..spec.sinks.len() {
            let events: std::collections::BTreeSet<_> = ops
                .iter()
                .filter(|op| op.kind == crate::Kind::Accepted)
                .map(|op| op.event)
                .filter(|event| {
                    spec.sinks[sink].expected(event.stream()) != crate::Expected::Nothing
                        && !ops.iter().any(|op| {
                            use crate::Kind::{DeadLettered, Effect, Final};
                            let is_tail = spec.sinks[sink].reading == crate::Reading::Tail;
                            let shows = matches!(op.kind, Effect | DeadLettered)
                                || (op.kind == Final && !is_tail);
                            op.event == *event && usize::from(op.place) == sink && shows
                        })
                })
                .collect();
            prop_assert_eq!(judge.missing(sink), events.len() as u64);
        }
    }

    #[test]
    fn little_memory_costs_no_count_but_where_the_lost_ones_were((mut spec, ops) in generate::chaos()) {
        spec.limits.in_flight_events = 1;
        let found = oracle::judge(&spec, &ops);
        let merge = |counts: BTreeMap<(AnomalyName, usize), u64>| {
            let mut merged = BTreeMap::new();
            for ((name, sink), count) in counts {
                let name = if name == AnomalyName::Unseen { AnomalyName::LostWrite } else { name };
                *merged.entry((name, sink)).or_insert(0) += count;
            }
            merged
        };
        prop_assert_eq!(merge(counts(&spec, &judge(&spec, &ops))), merge(found.counts));
    }

    #[test]
    fn a_held_history_is_held((spec, ops) in generate::held()) {
        prop_assert_eq!(judge(&spec, &ops).verdict, Verdict::Held, "{:?}", judge(&spec, &ops));
        agree(&spec, &ops)?;
    }

    #[test]
    fn a_mutated_history_is_held_only_when_the_oracle_says_so(
        (spec, mut ops) in generate::held(),
        mutations in proptest::collection::vec((0..4_u8, any::<Index>(), any::<Index>()), 1..3),
    ) {
        for (how, a, b) in mutations {
            if ops.is_empty() {
                break;
            }
            let (a, b) = (a.index(ops.len()), b.index(ops.len()));
            match how {
                0 => { ops.remove(a); }
                1 => ops.insert(b, ops[a]),
                2 => ops.swap(a, b),
                _ => ops.truncate(a),
            }
        }
        agree(&spec, &ops)?;
    }
}

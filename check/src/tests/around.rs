//! Measures around faults: cases worth reading.

use super::generate::op;
use crate::{
    EventId, FaultSpan, Health, Judge, JudgeSpec, Judgement, Kind, LoadSpec, Measure, Op, Reading,
    Semantics, Sign, SinkSpec, Threshold, Verdict,
};

const MS: u64 = 1_000_000;

fn spec(events: u64, faults: &[(u64, u64)], thresholds: &[(&str, &str)]) -> JudgeSpec {
    let fault = |(index, &(from_ms, until_ms)): (usize, &(u64, u64))| FaultSpan {
        name: format!("fault-{index}"),
        from_ns: from_ms * MS,
        until_ns: until_ms * MS,
    };
    let threshold = |(key, limit): &(&str, &str)| Threshold::parse(key, limit).unwrap();
    JudgeSpec {
        loads: vec![LoadSpec {
            name: "sign-ups".to_owned(),
            events,
        }],
        sinks: vec![SinkSpec::new(
            "users",
            Semantics::ExactlyOnce,
            Reading::Tail,
        )],
        faults: faults.iter().enumerate().map(fault).collect(),
        thresholds: thresholds.iter().map(threshold).collect(),
        ..JudgeSpec::default()
    }
}

/// One event each 10 ms; `took_ms` says how long its effect takes, if it is accepted at all.
fn history(events: u64, took_ms: impl Fn(u64) -> Option<u64>) -> Vec<Op> {
    let of = |sequence: u64| {
        let ms = sequence * 10;
        let event = EventId::new(0, sequence);
        let at = |kind, ms: u64| Op {
            at: ms * MS,
            ..op(kind, event, 0, 0, 0)
        };
        match took_ms(ms) {
            Some(took) => vec![
                at(Kind::Offered, ms),
                at(Kind::Accepted, ms + 2),
                at(Kind::Effect, ms + took),
            ],
            None => vec![at(Kind::Offered, ms), at(Kind::Rejected, ms + 7)],
        }
    };
    (0..events).flat_map(of).collect()
}

fn judge(spec: &JudgeSpec, ops: &[Op], change: impl Fn(&mut Health)) -> Judgement {
    let mut judge = Judge::new(spec.clone());
    judge.ops(ops);
    let faults = spec.faults.iter().map(|fault| fault.name.as_str());
    let mut health = Health::sound(1, faults);
    change(&mut health);
    judge.finish(health)
}

const fn took(ms: f64) -> Option<Measure> {
    Some(Measure { ms, over: false })
}

/// Nothing shows between 3 s and 5.5 s.
fn stalled(ms: u64) -> Option<u64> {
    Some(if (3_000..5_500).contains(&ms) {
        5_500 - ms + 5
    } else {
        5
    })
}

#[test]
fn recovery_lasts_until_the_backlog_of_the_fault_is_gone() {
    let limits = [
        ("recovery_ms{fault:fault-0}", "value<=2500"),
        ("heal_recovery_ms{fault:fault-0}", "value<=500"),
    ];
    let spec = spec(1_000, &[(3_000, 5_000)], &limits);
    let judgement = judge(&spec, &history(1_000, stalled), |_| {});
    assert_eq!(judgement.verdict, Verdict::Held, "{judgement:#?}");
    let measures = &judgement.faults[0];
    assert_eq!(measures.recovery, took(2_500.0));
    assert_eq!(measures.heal_recovery, took(500.0));
    let p99 = |stretch: &Option<crate::Stretch>| stretch.as_ref().unwrap().effect["users"].p99_ms;
    assert_eq!(p99(&measures.before), 5.0);
    assert!((2_400.0..2_510.0).contains(&p99(&measures.during)));
    assert!((400.0..510.0).contains(&p99(&measures.after)));
    assert_eq!(measures.during.as_ref().unwrap().offered, 200);
    assert!((measures.during.as_ref().unwrap().rate - 100.0).abs() < 0.1);
}

/// One worker does 50 a second of the 100 that are offered; while the fault holds, three more help it.
#[test]
fn what_scaling_brought_is_told_by_when_things_were_done() {
    let limits = [
        ("effect_gain{fault:fault-0,sink:users}", "value>3.9"),
        ("effect_gain{fault:fault-0}", "value<4.1"),
        ("accept_gain{fault:fault-0}", "value<1.1"),
    ];
    let spec = spec(800, &[(5_000, 6_000)], &limits);
    let done = |event: u64| match event {
        0..250 => 20 * event,
        250..450 => 5_000 + 5 * (event - 250),
        _ => 6_000 + 20 * (event - 450),
    };
    let ops = history(800, |ms| Some((done(ms / 10) + 5).saturating_sub(ms)));
    let judgement = judge(&spec, &ops, |_| {});
    assert_eq!(judgement.verdict, Verdict::Held, "{judgement:#?}");
    let users = judgement.faults[0].effects["users"];
    assert!((users.before - 50.0).abs() < 1.0 && (users.during - 200.0).abs() < 2.0);
}

#[test]
fn a_shifted_fault_span_shows_in_every_measure() {
    let ops = history(1_000, stalled);
    let measured = |from, until| {
        let judgement = judge(&spec(1_000, &[(from, until)], &[]), &ops, |_| {});
        judgement.faults[0].clone()
    };
    let right = measured(3_000, 5_000);
    for (from, until) in [(2_900, 4_900), (3_100, 5_100), (3_000, 5_100)] {
        let shifted = measured(from, until);
        assert_ne!(
            (shifted.recovery, shifted.heal_recovery),
            (right.recovery, right.heal_recovery)
        );
        assert_ne!(
            (shifted.during, shifted.after),
            (right.during.clone(), right.after.clone())
        );
    }
}

#[test]
fn what_never_recovers_crosses_a_limit_that_had_passed_and_leaves_a_longer_one_open() {
    let ops = history(1_000, |ms| (ms < 3_000).then_some(5));
    let verdict = |limit: &str| {
        let spec = spec(
            1_000,
            &[(3_000, 5_000)],
            &[("recovery_ms{fault:fault-0}", limit)],
        );
        let judgement = judge(&spec, &ops, |_| {});
        assert_eq!(
            judgement.faults[0].recovery,
            Some(Measure {
                ms: 7_000.0,
                over: true
            })
        );
        (judgement.verdict, judgement.reasons.len())
    };
    assert_eq!(verdict("value<6000"), (Verdict::Violated, 0));
    assert_eq!(verdict("value<8000"), (Verdict::Inconclusive, 1));
    assert_eq!(verdict("value>6000"), (Verdict::Held, 0));
}

#[test]
fn without_traffic_or_a_time_before_nothing_is_measured() {
    let limit = [("recovery_ms{fault:fault-0}", "value<8000")];
    for fault in [(20_000, 22_000), (0, 2_000)] {
        let spec = spec(1_000, &[fault], &limit);
        let judgement = judge(&spec, &history(1_000, |_| Some(5)), |_| {});
        assert_eq!(judgement.faults[0].recovery, None);
        assert_eq!(judgement.verdict, Verdict::Inconclusive, "{fault:?}");
        assert_eq!(judgement.thresholds[0].observed, None);
    }
}

#[test]
fn errors_hinder_recovery_as_much_as_slowness_does() {
    let errors = |ms: u64| (!(3_000..4_200).contains(&ms)).then_some(5);
    let spec = spec(
        1_000,
        &[(3_000, 6_000)],
        &[("detect_ms{fault:fault-0}", "value==7")],
    );
    let judgement = judge(&spec, &history(1_000, errors), |_| {});
    let measures = &judgement.faults[0];
    // One rejected event in ten is still within the band, at either end.
    let Some(Measure { ms, over: false }) = measures.recovery else {
        panic!("{:?}", measures.recovery);
    };
    assert!((1_100.0..=1_200.0).contains(&ms), "{ms}");
    assert_eq!(measures.heal_recovery, took(0.0));
    assert_eq!(measures.during.as_ref().unwrap().rejected, 120);
    assert_eq!(measures.detected_by.as_deref(), Some("error"));
    assert_eq!(judgement.verdict, Verdict::Held, "{judgement:#?}");
}

#[test]
fn a_fault_that_nobody_notices_needs_no_recovery_and_is_not_detected() {
    let spec = spec(1_000, &[(3_000, 5_000)], &[]);
    let measures = &judge(&spec, &history(1_000, |_| Some(5)), |_| {}).faults[0];
    assert_eq!(measures.recovery, took(0.0));
    assert_eq!(measures.heal_recovery, took(0.0));
    assert_eq!((measures.detect_ms, &measures.detected_by), (None, &None));
}

#[test]
fn the_first_of_errors_and_signs_detects_and_neither_earlier_nor_much_later_ones() {
    let ops = history(1_000, |ms| (ms != 1_000 && ms != 4_000).then_some(5));
    let spec = spec(1_000, &[(3_000, 5_000)], &[]);
    let detected = |sign_ms: u64| {
        let sign = Sign {
            at_ns: sign_ms * MS,
            what: "election".to_owned(),
        };
        let judgement = judge(&spec, &ops, |health| {
            health.signs.insert("fault-0".to_owned(), sign.clone());
        });
        let measures = &judgement.faults[0];
        (
            measures.detect_ms.unwrap(),
            measures.detected_by.clone().unwrap(),
        )
    };
    assert_eq!(detected(3_500), (500.0, "election".to_owned()));
    assert_eq!(detected(4_500), (1_007.0, "error".to_owned()));
    assert_eq!(detected(2_500), (1_007.0, "error".to_owned()));
}

#[test]
fn of_two_faults_each_has_its_own_recovery() {
    let took_ms = |ms: u64| {
        Some(match ms {
            3_000..4_000 => 4_005 - ms,
            9_000..11_500 => 11_505 - ms,
            _ => 5,
        })
    };
    let spec = spec(1_600, &[(3_000, 5_500), (9_000, 11_000)], &[]);
    let judgement = judge(&spec, &history(1_600, took_ms), |_| {});
    let of = |fault: usize| {
        let measures = &judgement.faults[fault];
        (measures.recovery, measures.heal_recovery)
    };
    assert_eq!(of(0), (took(1_000.0), took(0.0)));
    assert_eq!(of(1), (took(2_500.0), took(500.0)));
    let after = judgement.faults[0].after.as_ref().unwrap();
    assert_eq!(after.offered, 350, "up to the next injection");
}

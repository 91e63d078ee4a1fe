//! Single cases that are worth reading.

use super::generate::op;
use crate::{
    AnomalyName, EventId, Expected, Health, Judge, JudgeSpec, Judgement, Kind, Limits, LoadSpec,
    OffsetRange, Op, PhaseWindow, Place, Reading, Semantics, SinkSpec, Standing, Threshold,
    Verdict,
};

const MS: u64 = 1_000_000;

pub fn spec(semantics: Semantics, reading: Reading, events: u64) -> JudgeSpec {
    JudgeSpec {
        loads: vec![LoadSpec {
            name: "sign-ups".to_owned(),
            events,
        }],
        sinks: vec![SinkSpec::new("users", semantics, reading)],
        ..JudgeSpec::default()
    }
}

fn judge(spec: &JudgeSpec, ops: &[Op]) -> Judgement {
    let mut judge = Judge::new(spec.clone());
    judge.ops(ops);
    let faults: Vec<_> = spec
        .faults
        .iter()
        .map(|fault| fault.name.as_str())
        .collect();
    judge.finish(Health::sound(spec.sinks.len(), faults))
}

fn event(sequence: u64) -> EventId {
    EventId::new(0, sequence)
}

fn at(mut op: Op, ms: u64) -> Op {
    op.at = ms * MS;
    op
}

/// Offered at the time, accepted 2 ms and taken effect `effect_ms` later.
fn whole(sequence: u64, ms: u64, effect_ms: u64) -> [Op; 3] {
    [
        at(op(Kind::Offered, event(sequence), 0, -1, 0), ms),
        at(
            op(Kind::Accepted, event(sequence), 0, 0, sequence as i64),
            ms + 2,
        ),
        at(
            op(Kind::Effect, event(sequence), 0, 0, sequence as i64),
            ms + effect_ms,
        ),
    ]
}

#[test]
fn lost_events_come_with_their_offsets_and_an_example() {
    let spec = spec(Semantics::ExactlyOnce, Reading::Tail, 200);
    let mut ops: Vec<Op> = (0..200)
        .flat_map(|sequence| whole(sequence, sequence, 5))
        .collect();
    ops.retain(|op| op.kind != Kind::Effect || !(40..=76).contains(&op.event.sequence()));
    let judgement = judge(&spec, &ops);
    assert_eq!(judgement.verdict, Verdict::Violated);
    assert_eq!(judgement.lost, 37);
    let lost = &judgement.anomalies[0];
    assert_eq!((lost.name, lost.count), (AnomalyName::LostWrite, 37));
    assert_eq!(lost.examples[0].event, event(40));
    let place = Place {
        partition: 0,
        offset: 40,
    };
    assert_eq!(lost.examples[0].place, Some(place));
    let range = OffsetRange {
        stream: 0,
        partition: 0,
        first_offset: 40,
        last_offset: 76,
        count: 37,
    };
    assert_eq!(lost.ranges, [range]);
}

#[test]
fn what_was_cut_off_at_the_end_is_unseen() {
    let spec = spec(Semantics::AtLeastOnce, Reading::Tail, 100);
    let mut ops: Vec<Op> = (0..100)
        .flat_map(|sequence| whole(sequence, sequence, 5))
        .collect();
    ops.retain(|op| op.kind != Kind::Effect || op.event.sequence() < 90);
    let judgement = judge(&spec, &ops);
    let names: Vec<_> = judgement
        .anomalies
        .iter()
        .map(|one| (one.name, one.count))
        .collect();
    assert_eq!(names, [(AnomalyName::Unseen, 10)]);
}

#[test]
fn a_row_that_was_seen_and_is_gone_from_the_final_read_is_lost() {
    let spec = spec(Semantics::AtLeastOnce, Reading::Reread, 3);
    let mut ops: Vec<Op> = (0..3).flat_map(|sequence| whole(sequence, 0, 5)).collect();
    ops.extend([0, 1].map(|sequence| op(Kind::Final, event(sequence), 0, -1, 0)));
    let judgement = judge(&spec, &ops);
    assert_eq!(judgement.anomalies[0].name, AnomalyName::LostWrite);
    assert_eq!(judgement.anomalies[0].examples[0].event, event(2));
}

#[test]
fn commit_before_effect_is_legal_under_at_most_once_only() {
    for (semantics, verdict, standing) in [
        (Semantics::AtMostOnce, Verdict::Held, Standing::Allowed),
        (
            Semantics::AtLeastOnce,
            Verdict::Violated,
            Standing::Violation,
        ),
        (
            Semantics::ExactlyOnce,
            Verdict::Violated,
            Standing::Violation,
        ),
    ] {
        let spec = spec(semantics, Reading::Tail, 9);
        let mut ops: Vec<Op> = (0..9).flat_map(|sequence| whole(sequence, 0, 5)).collect();
        ops.retain(|op| op.kind != Kind::Effect || op.event.sequence() != 4);
        let judgement = judge(&spec, &ops);
        assert_eq!(judgement.verdict, verdict);
        assert_eq!(judgement.anomalies[0].standing, standing);
        assert_eq!(judgement.sinks[0].lost, 1);
    }
}

#[test]
fn an_event_lost_in_two_sinks_is_one_lost_event_and_two_cases() {
    let mut spec = spec(Semantics::ExactlyOnce, Reading::Tail, 100);
    let mailbox = SinkSpec::new("mailbox", Semantics::AtLeastOnce, Reading::Tail);
    spec.sinks.push(mailbox);
    let mut ops: Vec<Op> = (0..100)
        .flat_map(|sequence| whole(sequence, sequence, 5))
        .collect();
    let mails = ops.iter().filter(|op| op.kind == Kind::Effect);
    let mut mails: Vec<Op> = mails.map(|op| Op { place: 1, ..*op }).collect();
    ops.retain(|op| op.kind != Kind::Effect || !(40..50).contains(&op.event.sequence()));
    mails.retain(|op| !(45..52).contains(&op.event.sequence()));
    ops.extend(mails);
    let judgement = judge(&spec, &ops);
    assert_eq!(judgement.lost, 12);
    let cases = |sink: usize| (judgement.sinks[sink].lost, judgement.anomalies[sink].count);
    assert_eq!((cases(0), cases(1)), ((10, 10), (7, 7)));
    let mut unsound = Judge::new(spec.clone());
    unsound.ops(&ops);
    let mut health = Health::sound(2, []);
    health.drain = crate::Shown::no("It did not end.", "Wait.");
    health.sinks[1].in_flight = Some(100);
    health.sinks[0].in_flight = Some(0);
    let judgement = unsound.finish(health);
    assert_eq!(judgement.lost, 10, "the mails may be on their way");
}

#[test]
fn poison_belongs_into_the_dead_letters_and_nowhere_else() {
    let mut spec = spec(Semantics::ExactlyOnce, Reading::Tail, 3);
    spec.sinks[0].expects = vec![Expected::DeadLetter];
    let offers = (0..3).flat_map(|sequence| whole(sequence, 0, 5));
    let mut ops: Vec<Op> = offers.filter(|op| op.kind != Kind::Effect).collect();
    let dead = |sequence| op(Kind::DeadLettered, event(sequence), 0, 0, 0);
    ops.extend([dead(0), dead(1)]);
    let swallowed = judge(&spec, &ops);
    assert_eq!((swallowed.verdict, swallowed.lost), (Verdict::Violated, 1));
    ops.push(dead(2));
    assert_eq!(judge(&spec, &ops).verdict, Verdict::Held);
    ops.push(op(Kind::Effect, event(2), 0, 0, 0));
    let taken = judge(&spec, &ops);
    assert_eq!(taken.anomalies[0].name, AnomalyName::UnexpectedEffect);
    assert_eq!(taken.verdict, Verdict::Violated);
}

#[test]
fn probes_count_nowhere() {
    let mut spec = spec(Semantics::ExactlyOnce, Reading::Tail, 1);
    spec.probe_stream = Some(1);
    let mut ops = whole(0, 0, 5).to_vec();
    let probe = EventId::new(1, 0);
    ops.push(op(Kind::Offered, probe, 1, -1, 0));
    ops.extend([op(Kind::Effect, probe, 0, 0, 0); 2]);
    let judgement = judge(&spec, &ops);
    assert_eq!(
        (judgement.verdict, judgement.load.offered),
        (Verdict::Held, 1)
    );
}

#[test]
fn latency_counts_from_the_offer_by_sink_and_phase() {
    let mut spec = spec(Semantics::ExactlyOnce, Reading::Tail, 300);
    let window = |name: &str, from, until| PhaseWindow {
        name: name.to_owned(),
        from_ns: from * MS,
        until_ns: until * MS,
    };
    spec.phases = vec![
        window("before", 0, 100),
        window("during", 100, 200),
        window("after", 200, 1_000),
    ];
    spec.measure_from_ns = 50 * MS;
    let took = |sequence: u64| match sequence {
        0..50 => 9_000,
        50..100 => 10,
        100..200 => 500,
        _ => 20,
    };
    let ops: Vec<Op> = (0..300)
        .flat_map(|sequence| whole(sequence, sequence, took(sequence)))
        .collect();
    for (key, expression) in [
        ("effect_ms{sink:users,phase:before}", "max<10.1"),
        ("effect_ms{phase:before}", "count==50"),
        ("effect_ms{phase:during}", "p(50)>499"),
        ("effect_ms{phase:after}", "p(99.9)<21"),
        ("effect_ms{sink:users}", "max<501"),
        ("effect_ms", "count==250"),
        ("accept_ms", "avg==2"),
    ] {
        spec.thresholds
            .push(Threshold::parse(key, expression).unwrap());
    }
    let judgement = judge(&spec, &ops);
    assert_eq!(
        judgement.verdict,
        Verdict::Held,
        "{:#?}",
        judgement.thresholds
    );
}

#[test]
fn an_effect_may_be_recorded_before_its_offer() {
    let mut spec = spec(Semantics::ExactlyOnce, Reading::Tail, 1);
    spec.thresholds = vec![
        Threshold::parse("effect_ms", "max==5").unwrap(),
        Threshold::parse("accept_ms", "max==2").unwrap(),
    ];
    let mut ops = whole(0, 10, 5);
    ops.reverse();
    assert_eq!(
        judge(&spec, &ops).verdict,
        Verdict::Held,
        "{:?}",
        judge(&spec, &ops)
    );
}

#[test]
fn when_too_much_is_in_flight_latencies_err_to_the_long_side() {
    let mut spec = spec(Semantics::ExactlyOnce, Reading::Tail, 3_200);
    spec.limits = Limits {
        in_flight_events: 64,
        ..Limits::default()
    };
    spec.thresholds = vec![
        Threshold::parse("effect_ms", "min>=7").unwrap(),
        Threshold::parse("effect_ms", "max<=7.1").unwrap(),
    ];
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for sequence in 0..3_200 {
        let [offered, accepted, effect] = whole(sequence, sequence / 100, 7);
        first.extend([offered, accepted]);
        last.push(effect);
    }
    first.append(&mut last);
    let judgement = judge(&spec, &first);
    // Events of a group are a millisecond apart at most here.
    assert!(judgement.thresholds[0].ok, "{:?}", judgement.thresholds);
    let longest = judgement.thresholds[1].observed.unwrap();
    assert!((7.0..8.1).contains(&longest), "{longest}");
    assert_eq!(judgement.lost, 0);
}

#[test]
fn memory_is_given_back_once_events_are_done_and_counts_stay() {
    let mut judge = Judge::new(spec(Semantics::ExactlyOnce, Reading::Tail, 32_000));
    for sequence in 0..32_000 {
        judge.ops(&whole(sequence, sequence, 5));
    }
    // Chunks are small in tests, so their own size dominates.
    assert!(
        judge.memory_bytes() < 4 * 32_000,
        "{}",
        judge.memory_bytes()
    );
    judge.op(&op(Kind::Effect, event(777), 0, 0, 0));
    let judgement = judge.finish(Health::sound(1, []));
    assert_eq!(
        (judgement.load.offered, judgement.load.accepted),
        (32_000, 32_000)
    );
    let sink = &judgement.sinks[0];
    assert_eq!(
        (sink.due, sink.effects, sink.duplicated),
        (32_000, 32_000, 1)
    );
    assert_eq!(judgement.anomalies[0].examples[0].event, event(777));
}

#[test]
fn alike_events_with_something_to_tell_are_counted_each() {
    let mut spec = spec(Semantics::AtLeastOnce, Reading::Tail, 320);
    spec.sinks[0].expects = vec![Expected::Nothing];
    // The effect before the acceptance, so that a chunk is done once its events are.
    let ops: Vec<Op> = (0..320)
        .map(|sequence| whole(sequence, 0, 5))
        .flat_map(|[offered, accepted, effect]| [offered, effect, accepted])
        .collect();
    let judgement = judge(&spec, &ops);
    let unexpected = &judgement.anomalies[0];
    assert_eq!(
        (unexpected.name, unexpected.count),
        (AnomalyName::UnexpectedEffect, 320)
    );
    assert_eq!(
        (unexpected.examples.len(), unexpected.examples[99].event),
        (100, event(99))
    );
}

#[test]
fn a_garbled_id_costs_no_memory() {
    let mut judge = Judge::new(spec(Semantics::ExactlyOnce, Reading::Tail, u64::MAX));
    judge.op(&op(Kind::Effect, event(1 << 47), 0, 0, 0));
    judge.op(&op(Kind::Effect, EventId::UNREADABLE, 0, 0, 0));
    assert!(judge.memory_bytes() < 1_000);
    let judgement = judge.finish(Health::sound(1, []));
    assert_eq!(judgement.anomalies[0].name, AnomalyName::Phantom);
    assert_eq!(judgement.anomalies[0].count, 2);
}

#[test]
fn a_judgement_survives_json() {
    let spec = spec(Semantics::ExactlyOnce, Reading::Tail, 5);
    let ops: Vec<Op> = (0..4).flat_map(|sequence| whole(sequence, 0, 5)).collect();
    let judgement = judge(&spec, &ops);
    let text = serde_json::to_string(&judgement).unwrap();
    assert_eq!(serde_json::from_str::<Judgement>(&text).unwrap(), judgement);
    assert!(
        text.starts_with(r#"{"verdict":"held","headline":null,"load":{"offered":4"#),
        "{text}"
    );
}

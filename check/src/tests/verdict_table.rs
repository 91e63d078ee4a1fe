//! The decision table, row by row.

use super::fixed::spec;
use super::generate::op;
use crate::{
    Evaluated, EventId, Expected, FaultHealth, FaultSpan, Headline, Health, InvariantSpec, Judge,
    JudgeSpec, Judgement, Kind, Op, Reading, Semantics, Shown, Threshold, Verdict, Weight,
};

const EVENTS: u64 = 10;

/// What is wrong with the effects.
#[derive(Clone, Copy, Debug)]
enum Effects {
    Whole,
    Lost(u64),
    Twice,
    Phantom,
    Disordered,
    OfRejected,
    DeadInstead,
}

fn ops(effects: Effects) -> Vec<Op> {
    let mut ops = Vec::new();
    for sequence in 0..EVENTS {
        let event = EventId::new(0, sequence);
        ops.push(op(Kind::Offered, event, 0, -1, 0));
        let rejected = matches!(effects, Effects::OfRejected) && sequence == 3;
        ops.push(op(
            if rejected {
                Kind::Rejected
            } else {
                Kind::Accepted
            },
            event,
            0,
            -1,
            -1,
        ));
    }
    let effect = |sequence| op(Kind::Effect, EventId::new(0, sequence), 0, 0, 0);
    let mut line: Vec<Op> = (0..EVENTS).map(effect).collect();
    match effects {
        Effects::Whole | Effects::OfRejected => {}
        Effects::Lost(n) => line.truncate((EVENTS - n) as usize),
        Effects::Twice => line.push(effect(1)),
        Effects::Phantom => line.push(effect(EVENTS + 5)),
        Effects::Disordered => line.swap(2, 3),
        Effects::DeadInstead => line[4].kind = Kind::DeadLettered,
    }
    ops.append(&mut line);
    ops
}

fn not_shown() -> Shown {
    Shown::no("It was not so.", "Make it so.")
}

fn base() -> JudgeSpec {
    let mut spec = spec(Semantics::ExactlyOnce, Reading::Tail, EVENTS + 1);
    spec.sinks[0].ordered = true;
    spec.sinks[0].dead_letters_allowed = false;
    spec.faults = vec![FaultSpan {
        name: "crash".to_owned(),
        from_ns: 0,
        until_ns: 1,
    }];
    spec
}

fn run(spec: JudgeSpec, effects: Effects, change: fn(&mut Health)) -> Judgement {
    let mut judge = Judge::new(spec);
    judge.ops(&ops(effects));
    let mut health = Health::sound(1, ["crash"]);
    change(&mut health);
    judge.finish(health)
}

type Row = (
    &'static str,
    Effects,
    fn(&mut Health),
    Verdict,
    Option<Headline>,
);

const HELD: (Verdict, Option<Headline>) = (Verdict::Held, None);
const INCONCLUSIVE: (Verdict, Option<Headline>) = (Verdict::Inconclusive, None);

const fn violated(headline: Headline) -> (Verdict, Option<Headline>) {
    (Verdict::Violated, Some(headline))
}

const fn row(
    name: &'static str,
    effects: Effects,
    change: fn(&mut Health),
    (verdict, headline): (Verdict, Option<Headline>),
) -> Row {
    (name, effects, change, verdict, headline)
}

#[test]
fn the_decision_table() {
    use Effects::{DeadInstead, Disordered, Lost, OfRejected, Phantom, Twice, Whole};
    let table: Vec<Row> = vec![
        row("all shown", Whole, |_| {}, HELD),
        row("lost", Lost(1), |_| {}, violated(Headline::Loss)),
        row("twice", Twice, |_| {}, violated(Headline::Duplicate)),
        row("phantom", Phantom, |_| {}, violated(Headline::Duplicate)),
        row(
            "of a rejected",
            OfRejected,
            |_| {},
            violated(Headline::Duplicate),
        ),
        row("disordered", Disordered, |_| {}, violated(Headline::Order)),
        row(
            "dead instead",
            DeadInstead,
            |_| {},
            violated(Headline::Loss),
        ),
        // What was not shown.
        row(
            "steady",
            Whole,
            |health| health.steady_state = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "rate",
            Whole,
            |health| health.rate = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "drain",
            Whole,
            |health| health.drain = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "recorder",
            Whole,
            |health| health.recorder = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "harness",
            Whole,
            |health| health.harness = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "system",
            Whole,
            |health| health.system = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "final read",
            Whole,
            |health| health.sinks[0].final_read = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "no sink told",
            Whole,
            |health| health.sinks.clear(),
            INCONCLUSIVE,
        ),
        row(
            "no fault told",
            Whole,
            |health| health.faults.clear(),
            INCONCLUSIVE,
        ),
        row(
            "nothing told",
            Whole,
            |health| *health = Health::default(),
            INCONCLUSIVE,
        ),
        row(
            "no bite",
            Whole,
            |health| fault(health).bit = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "no heal",
            Whole,
            |health| fault(health).healed = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "no proof",
            Whole,
            |health| {
                fault(health)
                    .proofs
                    .insert("leader-moved".to_owned(), not_shown());
            },
            INCONCLUSIVE,
        ),
        row(
            "another requirement",
            Whole,
            |health| {
                health.others.insert("ready".to_owned(), not_shown());
            },
            INCONCLUSIVE,
        ),
        // A violation under less strain is a violation.
        row(
            "lost, rate",
            Lost(1),
            |health| health.rate = not_shown(),
            violated(Headline::Loss),
        ),
        row(
            "lost, no bite",
            Lost(1),
            |health| fault(health).bit = not_shown(),
            violated(Headline::Loss),
        ),
        row(
            "twice, nothing told",
            Twice,
            |health| *health = Health::default(),
            violated(Headline::Duplicate),
        ),
        row(
            "order, nothing told",
            Disordered,
            |health| *health = Health::default(),
            violated(Headline::Order),
        ),
        // A loss that is not proven.
        row(
            "lost, final read",
            Lost(1),
            |health| health.sinks[0].final_read = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "lost, recorder",
            Lost(1),
            |health| health.recorder = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "phantom, recorder",
            Phantom,
            |health| health.recorder = not_shown(),
            INCONCLUSIVE,
        ),
        row(
            "the drain ended: nothing is on its way",
            Lost(3),
            |health| health.sinks[0].in_flight = Some(3),
            violated(Headline::Loss),
        ),
        // The drain gave up.
        row(
            "stuck",
            Lost(3),
            |health| drain(health, Some(3)),
            violated(Headline::Stuck),
        ),
        row(
            "stuck, more lag than is missing",
            Lost(3),
            |health| drain(health, Some(9)),
            violated(Headline::Stuck),
        ),
        row(
            "more is missing than is in flight",
            Lost(3),
            |health| drain(health, Some(2)),
            violated(Headline::Loss),
        ),
        row(
            "nobody knows what is in flight",
            Lost(3),
            |health| drain(health, None),
            INCONCLUSIVE,
        ),
        row(
            "stuck, final read",
            Lost(3),
            |health| {
                drain(health, Some(3));
                health.sinks[0].final_read = not_shown();
            },
            INCONCLUSIVE,
        ),
    ];
    for (name, effects, change, verdict, headline) in table {
        let judgement = run(base(), effects, change);
        assert_eq!(
            (judgement.verdict, judgement.headline),
            (verdict, headline),
            "{name}: {judgement:#?}"
        );
        if verdict == Verdict::Inconclusive {
            assert!(
                judgement
                    .reasons
                    .iter()
                    .all(|reason| { reason.why.ends_with('.') && reason.mend.ends_with('.') })
            );
        }
    }
}

fn fault(health: &mut Health) -> &mut FaultHealth {
    health.faults.get_mut("crash").unwrap()
}

fn drain(health: &mut Health, in_flight: Option<u64>) {
    health.drain = not_shown();
    health.sinks[0].in_flight = in_flight;
}

#[test]
fn thresholds_decide_only_where_they_were_measured_fairly() {
    let with = |key: &str, expression: &str, change: fn(&mut Health)| {
        let mut spec = base();
        spec.thresholds = vec![Threshold::parse(key, expression).unwrap()];
        let judgement = run(spec, Effects::Whole, change);
        (judgement.verdict, judgement.headline)
    };
    assert_eq!(with("effect_ms", "p(99)<100", |_| {}), HELD);
    assert_eq!(
        with("effect_ms", "p(99)>100", |_| {}),
        violated(Headline::Slow)
    );
    let saturated: fn(&mut Health) = |health| health.harness = not_shown();
    assert_eq!(with("effect_ms", "p(99)>100", saturated), INCONCLUSIVE);
    let slow: fn(&mut Health) = |health| health.rate = not_shown();
    assert_eq!(
        with("effect_ms", "p(99)>100", slow),
        violated(Headline::Slow)
    );
    assert_eq!(with("drain_ms", "value<5", |_| {}), INCONCLUSIVE);
    assert_eq!(
        with("effect_ms{sink:nobody}", "p(99)<100", |_| {}),
        INCONCLUSIVE
    );
    let measured: fn(&mut Health) = |health| {
        health
            .metrics
            .set_value(crate::MetricKey::new("drain_ms"), 4.0)
    };
    assert_eq!(with("drain_ms", "value<5", measured), HELD);
    let nonsense: fn(&mut Health) = |health| {
        health
            .metrics
            .set_value(crate::MetricKey::new("drain_ms"), f64::NAN)
    };
    assert_eq!(with("drain_ms", "value<5", nonsense), INCONCLUSIVE);
}

#[test]
fn a_threshold_that_only_warns_or_counts_elsewhere_changes_nothing() {
    let with = |weight, key: &str, expression: &str| {
        let mut spec = base();
        let threshold = Threshold::parse(key, expression).unwrap();
        spec.thresholds = vec![threshold.weighing(weight)];
        let judgement = run(spec, Effects::Whole, |_| {});
        assert!(!judgement.thresholds[0].ok, "it is told all the same");
        (judgement.verdict, judgement.headline)
    };
    for weight in [Weight::Warns, Weight::Elsewhere] {
        assert_eq!(with(weight, "effect_ms", "p(99)>100"), HELD);
        assert_eq!(with(weight, "drain_ms", "value<5"), HELD);
    }
    let slow = violated(Headline::Slow);
    assert_eq!(with(Weight::Counts, "effect_ms", "p(99)>100"), slow);
}

#[test]
fn a_broken_invariant_is_violated_where_the_run_had_come_to_rest() {
    let with = |weight, effects, change: fn(&mut Health)| {
        let mut spec = base();
        let name = "books".to_owned();
        spec.invariants = vec![InvariantSpec { name, weight }];
        let judgement = run(spec, effects, change);
        (judgement.verdict, judgement.headline)
    };
    let (counts, warns) = (Weight::Counts, Weight::Warns);
    let whole = Effects::Whole;
    assert_eq!(with(counts, whole, |health| say(health, met())), HELD);
    let broken = violated(Headline::Invariant);
    assert_eq!(with(counts, whole, |health| say(health, off())), broken);
    assert_eq!(with(warns, whole, |health| say(health, off())), HELD);
    let failed = |health: &mut Health| say(health, Evaluated::Failed("No file.".to_owned()));
    assert_eq!(with(counts, whole, failed), INCONCLUSIVE);
    assert_eq!(with(warns, whole, failed), HELD);
    assert_eq!(with(counts, whole, |_| {}), INCONCLUSIVE, "nobody asked");
    let in_flight = |health: &mut Health| {
        say(health, off());
        drain(health, Some(0));
    };
    assert_eq!(with(counts, whole, in_flight), INCONCLUSIVE);
    let lost = violated(Headline::Loss);
    let lost_too = with(counts, Effects::Lost(1), |health| say(health, off()));
    assert_eq!(lost_too, lost, "the graver one gives the headline");
    // A rate that was not reached excuses nothing.
    let slow = |health: &mut Health| {
        say(health, off());
        health.rate = not_shown();
    };
    assert_eq!(with(counts, whole, slow), broken);
}

fn say(health: &mut Health, evaluated: Evaluated) {
    health.invariants.insert("books".to_owned(), evaluated);
}

fn met() -> Evaluated {
    Evaluated::Met("no row".to_owned())
}

fn off() -> Evaluated {
    Evaluated::Broken("1 row".to_owned())
}

#[test]
fn a_run_that_was_stopped_for_its_harm_is_violated_and_never_held() {
    let harmed = |effects, change: fn(&mut Health)| {
        let judgement = run(base(), effects, change);
        (judgement.verdict, judgement.headline)
    };
    let stop = |health: &mut Health| health.harm = Some("Half were errors.".to_owned());
    assert_eq!(harmed(Effects::Whole, stop), violated(Headline::Harm));
    assert_eq!(harmed(Effects::Lost(1), stop), violated(Headline::Loss));
    let unfair = |health: &mut Health| {
        health.harm = Some("Half were errors.".to_owned());
        health.steady_state = not_shown();
    };
    assert_eq!(harmed(Effects::Whole, unfair), INCONCLUSIVE);
}

#[test]
fn an_empty_run_is_never_held() {
    let empty = Judge::new(base()).finish(Health::sound(1, ["crash"]));
    assert_eq!(empty.verdict, Verdict::Inconclusive);
    assert_eq!(empty.reasons[0].key, "offered");

    let mut offered_only = Judge::new(base());
    offered_only.op(&op(Kind::Offered, EventId::new(0, 0), 0, -1, 0));
    offered_only.op(&op(Kind::Rejected, EventId::new(0, 0), 0, -1, -1));
    let judgement = offered_only.finish(Health::sound(1, ["crash"]));
    assert_eq!(judgement.verdict, Verdict::Inconclusive);

    let mut no_sinks = base();
    no_sinks.sinks.clear();
    assert_eq!(
        run(no_sinks, Effects::Whole, |_| {}).verdict,
        Verdict::Inconclusive
    );

    let mut lenient = spec(Semantics::AtMostOnce, Reading::Tail, EVENTS);
    lenient.faults = base().faults;
    assert_eq!(
        run(lenient, Effects::Lost(EVENTS), |_| {}).verdict,
        Verdict::Inconclusive
    );
}

#[test]
fn a_load_that_is_refused_as_it_should_be_has_shown_what_it_can() {
    let refused = |outcome| {
        let mut spec = spec(Semantics::ExactlyOnce, Reading::Tail, 1);
        spec.sinks[0].expects = vec![Expected::Nothing];
        let mut judge = Judge::new(spec);
        judge.op(&op(Kind::Offered, EventId::new(0, 0), 0, -1, 0));
        judge.op(&op(outcome, EventId::new(0, 0), 0, -1, -1));
        judge.finish(Health::sound(1, [])).verdict
    };
    assert_eq!(refused(Kind::Rejected), Verdict::Held);
    assert_eq!(refused(Kind::Indeterminate), Verdict::Inconclusive);
}

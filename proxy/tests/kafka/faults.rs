//! Rules bite, and clients make of it what they must.

use crate::common::{duplicates, produce, producer, read_all, start};
use squall_plan::fault::Distribution;
use squall_proxy::kafka::{Action, KafkaFront, PRODUCE, Rule, Way};

const COUNT: usize = 2_000;
const NOT_LEADER_OR_FOLLOWER: i16 = 6;
const HEARTBEAT: i16 = 12;

fn set(front: &KafkaFront, rule: Rule) {
    front
        .update_rules(|rules| rules.with(rule))
        .expect("a rule");
}

/// Many small requests, so that shares of them are many too.
const SMALL: [(&str, &str); 2] = [("batch.num.messages", "5"), ("message.timeout.ms", "30000")];

#[test]
fn not_leader_for_a_share_of_produce_is_retried_without_loss() {
    let fixture = start();
    let front = fixture.front("orders");
    let error = NOT_LEADER_OR_FOLLOWER;
    let rule = Rule::new("not-leader", Action::AnswerError { error });
    set(&front, rule.for_apis(&[PRODUCE]).share_ppm(300_000));
    let producer = producer(&front, &SMALL);
    let acknowledged = produce(&producer, COUNT);
    assert_eq!(acknowledged.len(), COUNT);
    let evidence = front.rules().current().evidence("not-leader").unwrap();
    // Unforwarded: it is nowhere twice, even without idempotence.
    assert_eq!(duplicates(&acknowledged, &read_all(&front)), 0);
    assert!(
        evidence.acted > 20 && evidence.matched > evidence.acted * 2,
        "{evidence:?}"
    );
    assert_eq!((evidence.passed_over, evidence.resets), (0, 0));
}

/// Finding K21: an answer is lost, the client retries.
fn lost_answers(idempotence: &str) -> usize {
    let fixture = start();
    let front = fixture.front("orders");
    let rule = Rule::new("lose", Action::LoseAnswer).for_apis(&[PRODUCE]);
    set(&front, rule.share_ppm(100_000).acts_max(10));
    let mut settings = SMALL.to_vec();
    settings.push(("enable.idempotence", idempotence));
    let producer = producer(&front, &settings);
    let acknowledged = produce(&producer, COUNT);
    assert_eq!(acknowledged.len(), COUNT);
    let evidence = front
        .rules()
        .current()
        .evidence("lose")
        .expect("its evidence");
    assert!(
        evidence.acted > 0 && evidence.resets == evidence.acted,
        "{evidence:?}"
    );
    assert_eq!(evidence.swallowed, evidence.acted);
    duplicates(&acknowledged, &read_all(&front))
}

#[test]
fn a_lost_answer_is_a_duplicate_without_idempotence() {
    assert!(lost_answers("false") > 0);
}

#[test]
fn a_lost_answer_is_nothing_with_idempotence() {
    assert_eq!(lost_answers("true"), 0);
}

#[test]
fn cut_requests_and_answers_are_retried() {
    for (way, after_bytes) in [(Way::Requests, 20), (Way::Requests, 0), (Way::Answers, 7)] {
        let fixture = start();
        let front = fixture.front("orders");
        let rule = Rule::new("cut", Action::Cut { way, after_bytes });
        set(
            &front,
            rule.for_apis(&[PRODUCE]).share_ppm(100_000).acts_max(5),
        );
        let producer = producer(
            &front,
            &[("enable.idempotence", "true"), ("batch.num.messages", "5")],
        );
        let acknowledged = produce(&producer, COUNT);
        assert_eq!(acknowledged.len(), COUNT);
        assert_eq!(
            duplicates(&acknowledged, &read_all(&front)),
            0,
            "{way:?} {after_bytes}"
        );
        let evidence = front.rules().current().evidence("cut").unwrap();
        assert!(
            evidence.acted > 0 && evidence.resets == evidence.acted,
            "{evidence:?}"
        );
    }
}

#[test]
fn withheld_answers_come_to_light_when_the_rule_ends() {
    let fixture = start();
    let front = fixture.front("orders");
    let withhold = Action::WithholdAnswers {
        reset_after_ns: None,
    };
    set(&front, Rule::new("withhold", withhold).for_apis(&[PRODUCE]));
    let producer = producer(&front, &[("enable.idempotence", "true")]);
    let rules = front.rules().current();
    let acknowledged = std::thread::scope(|scope| {
        scope.spawn(|| {
            crate::common::wait_for("answers are withheld", || {
                rules
                    .evidence("withhold")
                    .is_some_and(|evidence| evidence.swallowed > 3)
            });
            front
                .update_rules(|rules| Ok(rules.without("withhold")))
                .unwrap();
        });
        produce(&producer, COUNT)
    });
    assert_eq!(acknowledged.len(), COUNT);
    assert_eq!(duplicates(&acknowledged, &read_all(&front)), 0);
    let evidence = rules.evidence("withhold").unwrap();
    assert!(
        evidence.resets > 0 && evidence.resets == evidence.acted,
        "{evidence:?}"
    );
}

#[test]
fn heartbeats_are_delayed_by_name() {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let fixture = start();
    let front = fixture.front("billing");
    let settings = [
        ("group.id", "billing"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "100"),
    ];
    let consumer: BaseConsumer = crate::common::client(&front, &settings).create().unwrap();
    consumer.subscribe(&["t"]).unwrap();
    let latency_ns = 1_500_000_000;
    let delay = Action::Delay {
        way: Way::Requests,
        latency_ns,
        jitter_ns: 0,
        distribution: Distribution::Uniform,
    };
    set(&front, Rule::new("late", delay).for_apis(&[HEARTBEAT]));
    crate::common::wait_for("a heartbeat was late", || {
        let _ = consumer.poll(std::time::Duration::from_millis(20));
        let evidence = front.rules().current().evidence("late").unwrap();
        evidence.acted > 0
    });
    let evidence = front.rules().current().evidence("late").unwrap();
    assert!(evidence.held_ns_max >= latency_ns, "{evidence:?}");
}

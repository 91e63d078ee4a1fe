//! Plans for a cluster that others use too.
#![allow(clippy::unwrap_used)]

mod support;

use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Request, from_text};
use support::{Memory, sets};

const SCENARIO: &str = "\
squall: 1
name: away
system: { use: systems/signup.yaml }
load: { topic: signups, stages: [{ rate: 10/s, for: 10s }] }
faults:
  - { name: one, at: 1s, for: 1s, delay: { from: consumer-db, to: leader(signups/0), by: 5ms } }
  - { name: two, at: 3s, for: 1s, isolate: { target: consumer-db, from: coordinator(consumer-db) } }
abort_if: { 'lag{group:consumer-db}': value>9 }
";

fn derive(text: &str, request: &Request) -> Result<Plan, String> {
    let files = Memory(String::new());
    let scenario = from_text("away.yaml", text, request, &files).map_err(|all| all.to_string())?;
    let plan = Plan::derive(&scenario, 1, Environment::External);
    plan.map_err(|problems| problems.to_string())
}

#[test]
fn every_name_of_a_topic_or_group_gets_the_prefix_once() {
    let plan = derive(SCENARIO, &Request::default()).unwrap();
    let first = plan.with_prefix("squall-1-");
    assert_eq!(first.cluster.prefix, "squall-1-");
    let again = first.with_prefix("squall-22-");
    for (plan, prefix) in [(&first, "squall-1-"), (&again, "squall-22-")] {
        let json = serde_json::to_value(plan).unwrap();
        let topics = plan.cluster.topics.iter();
        let names: Vec<&str> = topics.map(|topic| topic.name.as_str()).collect();
        let wanted = ["signups", "signups.email.dead", "signups.db.dead"];
        assert_eq!(names, wanted.map(|name| format!("{prefix}{name}")));
        let spec = &plan.system.spec;
        let db = format!("{prefix}consumer-db");
        assert_eq!(spec.service("consumer-db").unwrap().group, Some(db.clone()));
        let users = spec.sink("users").unwrap();
        assert_eq!(users.group, Some(db.clone()));
        let letters = users.dead_letters.as_ref().unwrap();
        assert_eq!(letters.topic, format!("{prefix}signups.db.dead"));
        let entry = &json["loads"][0]["load"]["entry"]["topic"]["topic"];
        assert_eq!(*entry, format!("{prefix}signups"));
        let faults = json["faults"].to_string();
        let leader = format!("\"topic\":\"{prefix}signups\"");
        let coordinator = format!("\"group\":\"{db}\"");
        assert!(faults.contains(&leader) && faults.contains(&coordinator));
        assert_eq!(plan.abort_if[0].metric, format!("lag{{group:{db}}}"));
    }
}

#[test]
fn a_system_with_names_of_its_own_is_refused() {
    let fixed = sets(&["system.env.consumer-db={DEAD_LETTER_TOPIC: dead, GROUP: mine}"]);
    let told = derive(SCENARIO, &fixed).unwrap_err();
    assert!(told.contains("{{topic.signups.db.dead}}"), "{told}");
    assert!(told.contains("{{group}}"), "{told}");
    assert!(!told.contains("{{topic.signups}}"), "{told}");
}

#[test]
fn names_that_a_system_has_fixed_are_used_as_they_are_where_that_is_allowed() {
    let fixed =
        sets(&["system.env.consumer-db={DEAD_LETTER_TOPIC: signups.db.dead, GROUP: consumer-db}"]);
    let files = Memory(String::new());
    let mut scenario = from_text("away.yaml", SCENARIO, &fixed, &files).unwrap();
    scenario.cluster.may_disturb = true;
    let plan = Plan::derive(&scenario, 1, Environment::External).unwrap();
    for prefix in ["squall-1-", "squall-22-"] {
        let plan = plan.with_prefix("squall-1-").with_prefix(prefix);
        let topics = plan.cluster.topics.iter();
        let names: Vec<&str> = topics.map(|topic| topic.name.as_str()).collect();
        let own = [
            format!("{prefix}signups"),
            format!("{prefix}signups.email.dead"),
        ];
        assert_eq!(names, [own[0].as_str(), own[1].as_str(), "signups.db.dead"]);
        let group = |name: &str| {
            plan.system
                .spec
                .service(name)
                .unwrap()
                .group
                .clone()
                .unwrap()
        };
        assert_eq!(group("consumer-db"), "consumer-db");
        assert_eq!(group("consumer-email"), format!("{prefix}consumer-email"));
        assert_eq!(plan.abort_if[0].metric, "lag{group:consumer-db}");
    }
}

#[test]
fn what_would_disturb_others_is_refused_with_its_reason() {
    for (set, reason) in [
        (
            "faults=[{name: k, at: 1s, for: 1s, kill: leader(signups/0)}]",
            "not Squall's",
        ),
        ("bus.kafka.broker.num.io.threads=2", "bus.kafka.broker"),
        ("bus.kafka.links.latency=50ms", "bus.kafka.links"),
    ] {
        let told = derive(SCENARIO, &sets(&[set])).unwrap_err();
        assert!(told.contains(reason), "{set}: {told}");
    }
}

#[test]
fn a_scenario_is_no_place_for_a_password() {
    let text = format!("{SCENARIO}bus: {{ kafka: {{ external: {{ sasl.password: hidden }} }} }}\n");
    let told = derive(&text, &Request::default()).unwrap_err();
    assert!(told.contains("SQUALL_KAFKA_SASL_PASSWORD"), "{told}");
    assert!(!told.contains("hidden"), "{told}");
    let set = "bus.kafka.external.sasl.password=hidden";
    assert!(derive(SCENARIO, &sets(&[set])).is_err());
}

use super::*;

const SCORING: Scoring = Scoring { runs: 2, seeds: 2 };

fn burst(sets: &[&str]) -> Result<Score, Failure> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/burst.yaml");
    let choice = PlanChoice {
        seed: None,
        set: sets.iter().map(|set| (*set).to_owned()).collect(),
        events: None,
        variant: None,
        environment: Environment::Sim,
        allow_disturbing: false,
    };
    score(Path::new(file), &choice, SCORING)
}

fn lie<'a>(score: &'a Score, name: &str, sink: &str) -> &'a Lie {
    let of_sink = |lie: &&Lie| lie.sink.as_deref().unwrap_or_default() == sink;
    let named = score.lies.iter().filter(|lie| lie.name == name);
    named
        .clone()
        .find(of_sink)
        .unwrap_or_else(|| panic!("{name} {sink}: {score}"))
}

#[test]
fn what_the_expectations_say_is_caught_and_what_they_leave_open_is_missed() {
    let score = burst(&[]).unwrap();
    assert_eq!(score.held, 2);
    let caught = [
        ("acknowledged, dropped", "", "lost-write"),
        ("refused, yet done", "", "rejected-effect"),
        ("effect never made", "users", "lost-write"),
        ("effect never made", "mailbox", "lost-write"),
        ("effect vanished", "users", "lost-write"),
        ("effect twice", "users", "duplicate-effect"),
        ("effect of nothing", "mailbox", "phantom"),
        ("effects a minute late", "users", "effect_ms{sink:users}"),
    ];
    for (name, sink, by) in caught {
        let lie = lie(&score, name, sink);
        assert_eq!((lie.told, lie.caught), (2, 2), "{name} {sink}\n{score}");
        assert!(
            lie.by.iter().any(|one| one == by),
            "{name} {sink}: {:?}",
            lie.by
        );
    }
    // The mailbox promises at least once, nobody asked for an order, and dead letters are allowed.
    let missed = [
        ("effect twice", "mailbox"),
        ("order of a key lost", "users"),
        ("dead letter instead", "users"),
    ];
    for (name, sink) in missed {
        let lie = lie(&score, name, sink);
        assert_eq!((lie.told, lie.caught), (2, 0), "{name} {sink}\n{score}");
    }
    // No broker goes, so nobody notices that it would not know its duty.
    assert_eq!(lie(&score, "elect_unclean", "").caught, 0, "{score}");
}

#[test]
fn what_the_score_says_to_add_catches_the_lie() {
    let sets = [
        "expect.sinks.mailbox=exactly-once",
        "expect.order=[users]",
        "expect.dead_letters=expected-only",
    ];
    let score = burst(&sets).unwrap();
    for (name, sink) in [
        ("effect twice", "mailbox"),
        ("order of a key lost", "users"),
        ("dead letter instead", "users"),
    ] {
        let lie = lie(&score, name, sink);
        assert_eq!((lie.told, lie.caught), (2, 2), "{name} {sink}\n{score}");
    }
}

#[test]
fn a_scenario_that_is_violated_anyway_has_no_score() {
    let failure = burst(&["expect.thresholds={ \"effect_ms{sink:users}\": [\"p(50)<0.001\"] }"])
        .expect_err("no score");
    assert!(failure.to_string().contains("without any lie"), "{failure}");
}

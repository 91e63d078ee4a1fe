//! What bad files say: everything at once, each at its place, each with its fix.

mod support;

use squall_plan::plan::Environment;
use squall_plan::scenario::{Request, from_text};
use squall_plan::{Plan, Problems};
use support::{BURST, Memory, SIGNUP, sets, variant};

fn problems(text: &str, request: &Request) -> Problems {
    from_text("bad.yaml", text, request, &Memory(String::new()))
        .expect_err("the text is meant to be bad")
}

fn assert_each_is_placed_and_mended(found: &Problems) {
    for problem in &found.0 {
        let placed = problem.line > 0 && problem.column > 0;
        assert!(placed && !problem.fix.is_empty(), "{problem:?}");
    }
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let found = problems(include_str!("bad/many.yaml"), &Request::default());
    assert!(found.0.len() >= 35, "{found}");
    assert_each_is_placed_and_mended(&found);
    insta::assert_snapshot!(found);
}

#[test]
fn every_mistake_of_a_system_file_is_reported_at_once() {
    let scenario = "squall: 1\nname: x\nsystem: { use: system.yaml }\nload: { topic: order, stages: [{ burst: 1 }] }\n";
    let memory = Memory(include_str!("bad/system.yaml").to_owned());
    let found = from_text("good.yaml", scenario, &Request::default(), &memory).unwrap_err();
    assert_each_is_placed_and_mended(&found);
    insta::assert_snapshot!(found);
}

#[test]
fn what_cannot_be_together_is_refused() {
    let found = problems(include_str!("bad/crossed.yaml"), &Request::default());
    assert_each_is_placed_and_mended(&found);
    insta::assert_snapshot!(found);
}

#[test]
fn arguments_are_checked_like_the_file() {
    let request = Request {
        variant: Some("ack-1".into()),
        sets: [
            "bus.kafka.brokres=5",
            "bus.kafka.brokers=many",
            "system.use",
            "load.stages.7.rate=5/s",
            "load.stages.0.rate=5",
            "=",
            "bus.kafka.brokers=[1",
            "squall=2",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    insta::assert_snapshot!(problems(BURST, &request));
}

#[test]
fn a_setting_of_kafka_s_is_guessed_from_a_part_of_its_name() {
    let cases = [
        ("bus.kafka.client.idempotence=true", "enable.idempotence"),
        (
            "bus.kafka.client.session.timeout=6000",
            "session.timeout.ms",
        ),
        (
            "bus.kafka.broker.session.timeout=6000",
            "broker.session.timeout.ms",
        ),
        ("bus.kafka.topics.signups.retention=1", "retention.ms"),
    ];
    for (set, meant) in cases {
        let found = problems(BURST, &sets(&[set]));
        let fix = format!("did you mean `{meant}`?");
        assert_eq!(found.0.len(), 1, "{found}");
        assert_eq!(found.0[0].fix, fix, "{set}: {found}");
    }
    let in_file = BURST.replace("client: {", "client: { idempotence: true,");
    assert_ne!(in_file, BURST);
    let found = problems(&in_file, &Request::default());
    assert_eq!(
        found.0[0].fix, "did you mean `enable.idempotence`?",
        "{found}"
    );
}

#[test]
fn keys_with_dots_are_found_by_set() {
    let request = sets(&[
        "bus.kafka.topics.signups.min.insync.replicas=3",
        "bus.kafka.topics.signups.email.dead.partitions=2",
        "bus.kafka.client.linger.ms=7",
        "load.stages.1.rate=50/s",
        "expect.thresholds.drain_ms=[value<1000]",
        "system.scale.consumer-email=5",
        "load.body.data.user=you",
    ]);
    let scenario = from_text("burst.yaml", BURST, &request, &Memory(String::new())).unwrap();
    let topic = |name: &str| {
        scenario
            .cluster
            .topics
            .iter()
            .find(|topic| topic.name == name)
            .unwrap()
    };
    assert_eq!(topic("signups").min_insync_replicas, 3);
    assert_eq!(topic("signups.email.dead").partitions, 2);
    assert_eq!(
        scenario.cluster.topics.len(),
        3,
        "no topic came into being by mistake"
    );
    assert_eq!(scenario.cluster.client["linger.ms"], "7");
    assert_eq!(scenario.loads[0].stages[1].events(), 250);
    assert_eq!(
        scenario.expect.thresholds.last().unwrap().expression,
        "value<1000"
    );
    assert_eq!(scenario.system.scale["consumer-email"], 5);
    assert_eq!(scenario.loads[0].body["data"]["user"], "you");
}

#[test]
fn null_takes_a_key_away() {
    let request = sets(&[
        "load.http=null",
        "load.topic=signups",
        "bus.kafka.client.acks=null",
    ]);
    let scenario = from_text("burst.yaml", BURST, &request, &Memory(String::new())).unwrap();
    assert_eq!(scenario.loads[0].entry.to_string(), "topic signups");
    assert!(scenario.cluster.client.is_empty());
}

#[test]
fn a_variant_changes_what_it_says_and_no_more() {
    let plain = from_text(
        "burst.yaml",
        BURST,
        &Request::default(),
        &Memory(String::new()),
    )
    .unwrap();
    let acks_1 = from_text(
        "burst.yaml",
        BURST,
        &variant("acks-1"),
        &Memory(String::new()),
    )
    .unwrap();
    assert_eq!(acks_1.cluster.client["acks"], "1");
    assert_eq!(acks_1.expect.anomalies, ["lost-write"]);
    assert_eq!(acks_1.expect.sinks, plain.expect.sinks);
    assert_eq!(acks_1.loads, plain.loads);
    assert_eq!(acks_1.variant.as_deref(), Some("acks-1"));
}

#[test]
fn an_unquoted_template_is_explained() {
    let text = BURST.replace("\"{{key}}\"", "{{key}}");
    insta::assert_snapshot!(problems(&text, &Request::default()));
}

#[test]
fn yaml_oddities_are_problems_and_not_surprises() {
    let cases = [
        ("nothing", ""),
        ("a list", "- squall: 1"),
        ("two documents", "squall: 1\n---\nsquall: 1\n"),
        ("a tab", "squall:\n\t- 1"),
        ("a tag", "squall: !!int 1\n"),
        ("an alias to nowhere", "squall: *one\n"),
        ("an anchor in itself", "squall: &a [*a]\n"),
        ("the wrong version", "squall: 2\n"),
        ("a quoted version", "squall: '1'\n"),
    ];
    let shown: Vec<String> = cases
        .iter()
        .map(|(name, text)| format!("# {name}\n{}\n", problems(text, &Request::default())))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn aliases_cannot_blow_up() {
    let mut text = String::from("squall: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let found = problems(&text, &Request::default()).to_string();
    assert!(found.contains("aliases counted"), "{found}");
    let deep = format!("squall: {}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(problems(&deep, &Request::default()).0.len(), 1);
    let wide = format!("squall: [{}]", "1, ".repeat(5_000));
    assert!(
        problems(&wide, &Request::default())
            .to_string()
            .contains("more than 1000 entries")
    );
    let large = format!("squall: 1\nname: {}", "x".repeat(2 << 20));
    assert!(
        problems(&large, &Request::default())
            .to_string()
            .contains("1 MiB")
    );
}

#[test]
fn many_problems_do_not_fill_the_memory() {
    let text: String = (0..900)
        .map(|index| format!("unknown_{index}: 1\n"))
        .collect();
    assert_eq!(
        problems(&text, &Request::default()).0.len(),
        Problems::LIMIT
    );
}

#[test]
fn an_event_without_a_place_for_its_id_is_refused() {
    let scenario =
        "squall: 1\nname: x\nsystem: { use: system.yaml }\nload: { stages: [{ burst: 1 }] }\n";
    let found = |id: &str, body: &str| {
        let system = SIGNUP.replace("id: { header: ce-id }", &format!("id: {id}"));
        let from = system.find("  body: {").unwrap();
        let to = from + system[from..].find('\n').unwrap();
        let system = format!("{}  body: {body}{}", &system[..from], &system[to..]);
        from_text("x.yaml", scenario, &Request::default(), &Memory(system))
            .err()
            .map(|problems| problems.to_string())
    };
    assert_eq!(found("{ json: /data/id }", "{ data: {} }"), None);
    assert_eq!(found("body", "'event {{ id }}'"), None);
    assert_eq!(found("{ json: /list/0 }", "{ list: [1] }"), None);
    for (id, body) in [
        ("{ json: /data/id }", "{ type: a }"),
        ("{ json: /id }", "text"),
        ("body", "{ a: \"{{key}}\" }"),
        ("{ json: /list/1 }", "{ list: [1] }"),
    ] {
        assert!(
            found(id, body).is_some_and(|shown| shown.contains("the id")),
            "{id} {body}"
        );
    }
}

#[test]
fn messages_are_safe_to_print() {
    let text = format!(
        "squall: 1\n\"a\\e[31m{}\": 1\nname: \"\\a\"\n",
        "x".repeat(900)
    );
    let shown = problems(&text, &Request::default()).to_string();
    assert!(shown.contains("u{1b}"), "{shown:?}");
    assert!(
        !shown.chars().any(|c| c.is_control() && c != '\n'),
        "{shown:?}"
    );
    assert!(shown.len() < 3_000, "{}", shown.len());
}

#[test]
fn a_system_can_be_written_inline() {
    let system: String = SIGNUP.lines().map(|line| format!("    {line}\n")).collect();
    let text = BURST.replace("use: systems/signup.yaml", &format!("use:\n{system}"));
    let scenario = from_text(
        "inline.yaml",
        &text,
        &Request::default(),
        &Memory(String::new()),
    )
    .unwrap();
    assert_eq!(scenario.system.spec.services.len(), 3);
}

/// What a text says of one line.
fn said_of(line: &str) -> String {
    let text = format!(
        "squall: 1\nname: x\nsystem: {{ use: systems/signup.yaml }}\nload: {{ topic: signups, stages: [{{ burst: 1 }}] }}\n{line}\n"
    );
    match from_text("x.yaml", &text, &Request::default(), &Memory(String::new())) {
        Ok(_) => "good".to_owned(),
        Err(found) => found.to_string(),
    }
}

#[test]
fn thresholds_are_guessed_word_by_word() {
    for (written, meant) in [
        (r#"efect_ms{sink:users}: "p(50)<5""#, "`effect_ms`"),
        (r#"effect_ms{snk:users}: "p(50)<5""#, "`sink`"),
        (r#"effect_ms{sink:uesrs}: "p(50)<5""#, "`users`"),
        (r#"drain_ms: "valeu<5""#, "`value`"),
    ] {
        let said = said_of(&format!("expect:\n  thresholds:\n    {written}"));
        let fix = format!("fix: did you mean {meant}?");
        assert!(said.contains(&fix), "{said}");
    }
    let said = said_of(r#"expect: { thresholds: { effect_ms: "p99<5" } }"#);
    assert!(said.contains("fix: write p(99)"), "{said}");
}

#[test]
fn settings_of_a_topic_that_the_system_hardly_means_are_refused() {
    let topic = |name: &str| {
        said_of(&format!(
            "bus: {{ kafka: {{ topics: {{ {name}: {{ partitions: 2 }} }} }} }}"
        ))
    };
    let said = topic("signup");
    assert!(
        said.contains("x.yaml:5:") && said.contains("did you mean `signups`?"),
        "{said}"
    );
    for good in ["signups", "audit", "email", "signups2"] {
        assert_eq!(topic(good), "good", "{good}");
    }
}

#[test]
fn a_fault_that_a_sink_cannot_have_is_refused_with_the_reason() {
    let cases = [
        ("sink_down: user", "unknown sink `user`"),
        // Nobody is told where it is: consumer-email files mails itself.
        (
            "sink_down: mailbox",
            "no service is told where sink `mailbox` is",
        ),
        (
            "isolate: sink(users)",
            "is a file, and no connection goes there",
        ),
        ("crash: sink(users)", "`crash` cannot aim at a sink"),
        (
            "sink_slow: { sink: broker(1), by: 1s }",
            "cannot stand here",
        ),
    ];
    for (fault, said) in cases {
        let set = format!("faults=[{{name: one, at: 1s, for: 1s, {fault}}}]");
        let found = problems(BURST, &sets(&[&set]));
        assert!(found.0.iter().all(|problem| !problem.fix.is_empty()));
        assert!(found.to_string().contains(said), "{said:?}: {found}");
    }
    let told = "system.env.consumer-email={SMTP_URL: \"smtp://{{sink.mailbox}}\"}";
    for fault in [
        "sink_down: mailbox",
        "delay: { from: consumer-email, to: sink(mailbox), by: 1s }",
    ] {
        let set = format!("faults=[{{name: one, at: 1s, for: 1s, {fault}}}]");
        let request = sets(&[told, &set]);
        let read = from_text("good.yaml", BURST, &request, &Memory(String::new()));
        assert!(read.is_ok(), "{}", read.unwrap_err());
    }
    let wrong = "system.env.consumer-email={A: \"{{sink.users}}\", B: \"{{sink.mail}}\"}";
    let found = problems(BURST, &sets(&[wrong])).to_string();
    assert!(
        found.contains("not served") && found.contains("unknown sink `mail`"),
        "{found}"
    );
}

#[test]
fn a_fault_that_could_meet_nothing_is_refused_with_what_to_do_instead() {
    let cases = [
        (
            "isolate: { target: consumer-db, from: [producer] }",
            "no connection runs between `consumer-db` and these",
        ),
        (
            "flapping: { target: load, from: services }",
            "no connection runs",
        ),
        (
            "delay: { from: consumer-db, to: controller, by: 1s }",
            "no connection runs",
        ),
        (
            "isolate: { target: broker(1), from: broker(1) }",
            "no connection runs",
        ),
        (
            "isolate: load",
            "the load connects to no broker: its requests go straight to the services",
        ),
        (
            "delay: { from: load, to: brokers, by: 1s }",
            "let the load enter by `topic`",
        ),
        (
            "kill: controller",
            "aim at broker(N), or cut it off with isolate",
        ),
        ("pause: controller", "a node of its own"),
    ];
    for (fault, said) in cases {
        let set = format!("faults=[{{name: one, at: 1s, for: 1s, {fault}}}]");
        let found = problems(BURST, &sets(&[&set]));
        assert!(found.to_string().contains(said), "{fault}: {found}");
    }
}

#[test]
fn what_an_environment_cannot_inject_is_refused_when_the_plan_is_made() {
    let derived = |fault: &str, on| {
        let set = format!("faults=[{{name: one, at: 1s, for: 1s, {fault}}}]");
        let scenario = from_text("x.yaml", BURST, &sets(&[&set]), &Memory(String::new()));
        Plan::derive(&scenario.unwrap(), 1, on).map_err(|problems| problems.to_string())
    };
    for fault in [
        "slicer: { from: broker(1), to: brokers }",
        "timeout: { from: brokers, to: controller, after: 1s }",
        "limit_data: { from: everyone, to: brokers, bytes: 1KiB }",
    ] {
        let said = derived(fault, Environment::Embedded).unwrap_err();
        assert!(said.contains("carry messages and not bytes"), "{said}");
        assert!(said.contains("fix: between them isolate"), "{said}");
    }
    let between = "bandwidth: { from: broker(1), to: [brokers, controller], rate: 1KiB/s }";
    assert!(derived(between, Environment::Embedded).is_ok());
    let of_bytes = "timeout: { from: services, to: brokers, after: 1s }";
    let said = derived(of_bytes, Environment::Sim).unwrap_err();
    assert!(said.contains("fix: run it with --on embedded"), "{said}");
    assert!(derived("pause: broker(1)", Environment::Sim).is_ok());
    let cut = "isolate: { target: controller, from: broker(1) }";
    for on in [Environment::Embedded, Environment::Sim, Environment::Docker] {
        assert!(derived(cut, on).is_ok());
    }
}

#[test]
fn invariants_and_live_limits_are_checked_like_the_rest() {
    let cases = [
        (
            "expect.invariants.a={sql: SELECT 1, within: 3s}",
            "`within` belongs to invariants with `command`",
        ),
        (
            "expect.invariants.a={command: [x], rows: [1]}",
            "`rows` belongs to invariants with `sql`",
        ),
        (
            "expect.invariants.a={sql: SELECT 1, database: user}",
            "did you mean `users`?",
        ),
        (
            "expect.invariants.a={command: [], exit: 1}",
            "there is no program",
        ),
        (
            "expect.invariants.a={command: [\"{{rum}}\"]}",
            "did you mean `run`?",
        ),
        (
            "expect.invariants.a={rows: [1]}",
            "add exactly one of `sql`, `command`",
        ),
        (
            "expect.thresholds.drain_ms={limit: value<5, level: wran}",
            "did you mean `warn`?",
        ),
        ("abort_if.eror_share=value>1", "did you mean `error_share`?"),
        ("abort_if.backlog=value>1", "write backlog{sink:NAME}"),
        (
            "abort_if={'lag{group:consumer-bd}': value>1}",
            "did you mean `consumer-db`?",
        ),
        ("abort_if.accept_rate=p(99)>1", "write value>1"),
    ];
    for (set, told) in cases {
        let found = problems(BURST, &sets(&[set])).to_string();
        assert!(found.contains(told), "{set}: {found}");
    }
    let relay = "squall: 1\nname: x\nsystem: { use: systems/relay.yaml }\nload: { stages: [{ burst: 1 }] }\nexpect: { invariants: { a: { sql: SELECT 1 } } }\n";
    let found = problems(relay, &Request::default()).to_string();
    assert!(
        found.contains("the system has 0 sinks with a table"),
        "{found}"
    );
}

#[test]
fn odd_events_need_a_topic_and_ids_that_can_be_told() {
    let cases = [
        ("poison: { share: 10%, count: 3 }", "count"),
        (
            "tombstones: { count: 3, topic: signup }",
            "unknown topic `signup`",
        ),
        ("duplicates: consumer-db", "duplicates"),
    ];
    for (fault, said) in cases {
        let set = format!("faults=[{{name: one, at: 1s, for: 1s, {fault}}}]");
        let found = problems(BURST, &sets(&[&set])).to_string();
        assert!(found.contains(said), "{said:?}: {found}");
    }
    let inline = |entry: &str, fault: &str| {
        format!(
            "squall: 1\nname: x\nsystem: {{ use: {{ squall-system: 1, name: x, services: {{ a: {{ command: [a], ports: 1 }} }}, \
             entry: {{ {entry} }}, topics: {{ t: {{}} }}, sinks: {{ s: {{ directory: d }} }} }} }}\n\
             load: {{ stages: [{{ rate: 1/s, for: 5s }}] }}\nfaults: [{{ name: one, at: 1s, for: 1s, {fault} }}]\n"
        )
    };
    let cases = [
        (
            "http: { path: /e, service: a }",
            "poison: { count: 3 }",
            "needs a topic",
        ),
        (
            "topic: { name: t, id: { json: /id } }",
            "poison: { count: 3 }",
            "travel in the value",
        ),
        (
            "topic: { name: t, id: body }",
            "tombstones: { count: 3 }",
            "travel in the value",
        ),
    ];
    for (entry, fault, said) in cases {
        let found = problems(&inline(entry, fault), &Request::default()).to_string();
        assert!(found.contains(said), "{said:?}: {found}");
    }
}

#[test]
fn what_acts_on_requests_runs_from_clients_to_brokers() {
    let cases = [
        (
            "lose_answer: { from: brokers, to: producer }",
            "requests run from",
        ),
        (
            "cut_request: { from: producer, to: consumer-db }",
            "no connection runs",
        ),
        (
            "delay: { from: brokers, to: brokers, by: 9ms, jitter: 2ms, distribution: normal }",
            "can be spread so",
        ),
        (
            "answer_error: { from: producer, to: brokers, api: ListOffsets, error: NOT_COORDINATOR }",
            "ListOffsets",
        ),
        (
            "answer_error: { from: producer, to: brokers, api: Produce, error: NO_SUCH }",
            "NO_SUCH",
        ),
    ];
    for (fault, said) in cases {
        let set = format!("faults=[{{name: one, at: 1s, for: 1s, {fault}}}]");
        let found = problems(BURST, &sets(&[&set])).to_string();
        assert!(found.contains(said), "{said:?}: {found}");
    }
}

#[test]
fn what_an_environment_refuses_has_its_place_too() {
    let refused = |set: &str, on| {
        let read = from_text("burst.yaml", BURST, &sets(&[set]), &Memory(String::new()));
        Plan::derive(&read.unwrap(), 1, on).unwrap_err().0
    };
    let links = refused("bus.kafka.links={ latency: 50ms }", Environment::Docker);
    assert!(links[0].source.starts_with("--set bus.kafka.links"));
    let drawn = refused("nemesis={ kinds: [timeout] }", Environment::Sim);
    assert!(drawn[0].source.starts_with("--set nemesis"), "{drawn:?}");
    let fault = "faults:\n  - name: later\n    at: 9s\n    for: 1s\n    timeout: { from: services, to: brokers, after: 1s }\n  - { name: one, at: 1s, for: 1s, slow_close: { from: brokers, to: services, by: 1s } }\n";
    let text = BURST.replace("faults: []\n", fault);
    let read = from_text(
        "burst.yaml",
        &text,
        &Request::default(),
        &Memory(String::new()),
    );
    let found = Plan::derive(&read.unwrap(), 1, Environment::Sim).unwrap_err();
    let later = text
        .lines()
        .position(|line| line.contains("timeout:"))
        .unwrap()
        + 1;
    let places: Vec<(usize, usize)> = found.0.iter().map(|one| (one.line, one.column)).collect();
    assert_eq!(places, [(later + 1, 47), (later, 14)], "{found}");
}

#[test]
fn a_nemesis_says_why_it_does_not_draw_a_kind() {
    let told = |kind: &str| {
        let nemesis = format!("nemesis={{ kinds: [{kind}] }}");
        problems(BURST, &sets(&[&nemesis])).to_string()
    };
    let skew = told("clock_skew");
    assert!(
        skew.contains("share its clock") && skew.contains("--on sim"),
        "{skew}"
    );
    assert!(told("scale").contains("write it in `faults`"));
    assert!(told("crahs").contains("did you mean `crash`?"));
}

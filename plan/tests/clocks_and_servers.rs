//! Wrong clocks, and servers that are somebody else's: where Squall can do what to them.
#![allow(clippy::unwrap_used)]

mod support;

use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Request, from_text};
use support::{BURST, Memory, sets};

#[test]
fn servers_of_others_have_an_address_and_only_the_way_to_them_is_troubled() {
    let with = |server: &str, variable: &str, fault: &str| {
        let text = format!(
            "squall: 1\nname: x\nsystem: {{ use: {{ squall-system: 1, name: x, services: {{ a: {{ command: [a], environment: {{ A: \"{variable}\" }} }} }}, \
             entry: {{ topic: {{ name: t }} }}, topics: {{ t: {{}} }}, sinks: {{ s: {{ directory: d }} }}, servers: {{ {server} }} }} }}\n\
             load: {{ body: x, stages: [{{ rate: 1/s, for: 5s }}] }}\nfaults: [{{ name: one, at: 1s, for: 1s, {fault} }}]\n"
        );
        from_text("x.yaml", &text, &Request::default(), &Memory(String::new()))
    };
    let down = "sink_down: db";
    let good = with("db: \"127.0.0.1:5432\"", "{{sink.db}}", down).unwrap();
    assert_eq!(good.system.spec.servers["db"], "127.0.0.1:5432");
    let apart = "isolate: { target: a, from: sink(db) }";
    assert!(with("db: \"127.0.0.1:5432\"", "{{sink.db}}", apart).is_ok());
    let cases = [
        ("db: localhost", "{{sink.db}}", down, "has no address"),
        ("s: \"h:1\"", "", "isolate: a", "is a sink and a server"),
        (
            "db: \"h:1\"",
            "{{sink.bd}}",
            "isolate: a",
            "unknown sink `bd`",
        ),
        ("db: \"h:1\"", "", down, "no service is told"),
        (
            "db: \"h:1\"",
            "{{sink.db}}",
            "sink_slow: { sink: db, by: 9ms }",
            "is its own",
        ),
        (
            "db: \"h:1\"",
            "{{sink.db}}",
            "sink_error: { sink: db, share: 9% }",
            "is its own",
        ),
    ];
    for (server, variable, fault, said) in cases {
        let found = with(server, variable, fault).unwrap_err().to_string();
        assert!(found.contains(said), "{said:?}: {found}");
    }
    let sim = Plan::derive(&good, 1, Environment::Sim).unwrap_err();
    assert!(sim.to_string().contains("servers (db)"), "{sim}");
}

#[test]
fn a_clock_is_skewed_where_each_process_has_its_own() {
    let fault = "faults=[{name: one, at: 1s, for: 1s, clock_skew: {service: producer, by: 5s}}]";
    let read = |fault: &str| {
        let none = Memory(String::new());
        from_text("burst.yaml", BURST, &sets(&[fault]), &none)
    };
    let skewed = |on| {
        let scenario = read(fault).unwrap();
        Plan::derive(&scenario, 1, on)
    };
    assert!(skewed(Environment::Sim).is_ok());
    for on in [
        Environment::Embedded,
        Environment::Docker,
        Environment::External,
    ] {
        let told = skewed(on).unwrap_err().to_string();
        assert!(
            told.contains("share its clock") && told.contains("--on sim"),
            "{told}"
        );
    }
    let broker = fault.replace("producer", "broker(1)");
    let told = read(&broker).unwrap_err().to_string();
    assert!(told.contains("clock_skew"), "{told}");
}

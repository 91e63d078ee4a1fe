//! What is written of a fault or a stage reads as the same.

#![allow(clippy::unwrap_used)]

mod support;

use squall_plan::Plan;
use squall_plan::fault::{Fault, KINDS};
use squall_plan::plan::Environment;
use squall_plan::scenario::{Draft, Request, Scenario, Stage, from_text, written};
use squall_plan::yaml::{self, Node, Place};
use support::{BURST, Memory, sets};

fn place() -> Place {
    Place {
        source: "test".into(),
        line: 0,
        column: 0,
    }
}

fn read(text: &str, request: &Request) -> Scenario {
    from_text("burst.yaml", text, request, &Memory(String::new()))
        .unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// burst.yaml with these faults.
fn with_faults(faults: &str) -> Scenario {
    let set = format!("faults={faults}");
    read(BURST, &sets(&[&set]))
}

#[test]
fn a_written_fault_of_every_kind_is_the_fault() {
    for row in KINDS {
        let lasts = if row.lasts { "for: 2750us, " } else { "" };
        let text = format!(
            "[{{ name: odd, at: 1.5s, {lasts}{}: {} }}]",
            row.key, row.example
        );
        let scenario = with_faults(&text);
        let again = Node::list([written::fault(&scenario.faults[0], &place())], &place());
        let shown = yaml::show(&Node::map([("faults", again)], &place()));
        let changed = BURST.replace("faults: []\n", &shown);
        assert_ne!(changed, BURST, "burst.yaml says `faults: []`");
        let read = read(&changed, &Request::default());
        assert_eq!(read.faults, scenario.faults, "{shown}");
    }
}

#[test]
fn what_a_fault_must_prove_is_written_too() {
    let text = "[{ name: gone, at: 1s, for: 1s, kill: leader(signups/0), prove: [leader-moved, isr-shrank] }]";
    let fault = &with_faults(text).faults[0];
    let shown = yaml::show(&written::fault(fault, &place()));
    assert!(
        shown.contains("prove: [leader-moved, isr-shrank]"),
        "{shown}"
    );
}

#[test]
fn a_schedule_that_a_seed_drew_is_written_out() {
    let drawable = KINDS.iter().filter(|row| row.drawable());
    let kinds: Vec<&str> = drawable.map(|row| row.key).collect();
    let nemesis = format!("nemesis={{ kinds: [{}], every: 500ms }}", kinds.join(", "));
    let request = sets(&[&nemesis]);
    let scenario = read(BURST, &request);
    let draft = Draft::of("burst.yaml", BURST, &request).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let plan = Plan::derive(&scenario, seed, Environment::Embedded).unwrap();
        let text = draft.with_schedule(&plan.faults).to_yaml();
        let again = read(&text, &Request::default());
        let drawn = |fault: &Fault| Fault {
            drawn: true,
            ..fault.clone()
        };
        let again: Vec<Fault> = again.faults.iter().map(drawn).collect();
        assert_eq!(again, plan.faults, "{text}");
        seen.extend(plan.faults.iter().map(|fault| fault.kind.name()));
    }
    assert!(kinds.iter().all(|kind| seen.contains(kind)), "{seen:?}");
}

#[test]
fn a_written_stage_is_the_stage() {
    let stages = "[{ rate: 1.5/s, for: 2s }, { burst: 7 }, { pause: 250ms }, { ramp: { from: 1/s, to: 20/s }, for: 1s }, \
        { sine: { mean: 10/s, amplitude: 5/s, period: 3s }, for: 6s }]";
    let scenario = read(BURST, &sets(&[&format!("load.stages={stages}")]));
    let draft = Draft::of("burst.yaml", BURST, &Request::default()).unwrap();
    let text = draft.with_stages(&scenario.loads).unwrap().to_yaml();
    let read: Vec<Stage> = read(&text, &Request::default()).loads[0].stages.clone();
    assert_eq!(read, scenario.loads[0].stages, "{text}");
}

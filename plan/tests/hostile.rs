//! Whatever the bytes, the answer is a scenario or problems, never a panic.

mod support;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use squall_plan::Problems;
use squall_plan::scenario::{Request, from_text};
use squall_plan::shape::{self, scenario_schema, system_schema};
use squall_plan::yaml;
use support::{BURST, Memory, SIGNUP, Validator};

/// One change to a valid file.
#[derive(Clone, Debug)]
enum Change {
    Cut(usize, usize),
    Insert(usize, String),
    Swap(usize, usize),
    DropLine(usize),
    DoubleLine(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let token = prop_oneof![
        Just("{".to_owned()),
        Just("}".into()),
        Just("[".into()),
        Just(": ".into()),
        Just("\n".into()),
        Just("- ".into()),
        Just("&a ".into()),
        Just("*a".into()),
        Just("\"".into()),
        Just("{{".into()),
        Just("5s".into()),
        Just("-1".into()),
        Just("99999999999999999999".into()),
        Just("null".into()),
        Just("é".into()),
        ".{0,4}",
    ];
    let change = prop_oneof![
        (any::<usize>(), 1..20_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (any::<usize>(), token).prop_map(|(at, text)| Change::Insert(at, text)),
        (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Change::Swap(one, other)),
        any::<usize>().prop_map(Change::DropLine),
        any::<usize>().prop_map(Change::DoubleLine),
    ];
    prop::collection::vec(change, 1..6)
}

fn change(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    for one in changes {
        let mut chars: Vec<char> = text.chars().collect();
        let mut lines: Vec<&str> = text.lines().collect();
        let (count, line_count) = (chars.len().max(1), lines.len().max(1));
        text = match one {
            Change::Cut(at, length) => {
                let at = at % count;
                chars.drain(at..(at + length).min(chars.len()));
                chars.iter().collect()
            }
            Change::Insert(at, new) => {
                chars.splice(at % count..at % count, new.chars());
                chars.iter().collect()
            }
            Change::Swap(one, other) => {
                lines.swap(one % line_count, other % line_count);
                lines.join("\n")
            }
            Change::DropLine(at) => {
                lines.remove(at % line_count);
                lines.join("\n")
            }
            Change::DoubleLine(at) => {
                lines.insert(at % line_count, lines[at % line_count]);
                lines.join("\n")
            }
        };
    }
    text
}

fn survives(text: &str, memory: &Memory) {
    if let Err(problems) = from_text("hostile.yaml", text, &Request::default(), memory) {
        assert!(!problems.is_empty());
        assert!(!problems.to_string().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&String::from_utf8_lossy(&bytes), &Memory(String::new()));
    }

    #[test]
    fn any_yaml_like_text(text in "([a-z]{1,6}:|- |\\[|\\]|\\{|\\}|,|&a|\\*a|\n|  |\"|'|!|\\||>|%|#|@|`|[0-9]s|/s| ){0,80}") {
        survives(&text, &Memory(String::new()));
    }

    #[test]
    fn changed_scenarios(changes in changes()) {
        survives(&change(BURST, &changes), &Memory(String::new()));
    }

    #[test]
    fn changed_systems(changes in changes()) {
        let scenario = BURST.replace("systems/signup.yaml", "system.yaml");
        survives(&scenario, &Memory(change(SIGNUP, &changes)));
    }

    #[test]
    fn any_set(path in "[a-z.0-9{}:_-]{0,40}", value in ".{0,20}") {
        let request = Request { variant: None, sets: vec![format!("{path}={value}"), format!("bus.kafka.topics.{path}={value}")] };
        let _ = from_text("burst.yaml", BURST, &request, &Memory(String::new()));
    }
}

/// What the structural check lets pass, the JSON Schema lets pass: an editor never marks a good file.
#[test]
fn schemas_accept_what_the_check_accepts() {
    let pairs = [
        (BURST, shape::scenario(), Validator::new(scenario_schema())),
        (SIGNUP, shape::system(), Validator::new(system_schema())),
    ];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut good, mut bad) = (0, 0);
    for _ in 0..600 {
        let changes = changes().new_tree(&mut runner).unwrap().current();
        for (text, shape, validator) in &pairs {
            let text = change(text, &changes);
            let mut problems = Problems::default();
            let Some(tree) = yaml::parse("x", &text, &mut problems) else {
                continue;
            };
            if !problems.is_empty() {
                continue;
            }
            shape::check(&tree, shape, "the file", &mut problems);
            let json = tree.to_json();
            if problems.is_empty() {
                good += 1;
                assert_eq!(validator.errors(&json), None, "{text}");
            } else {
                bad += usize::from(validator.errors(&json).is_some());
            }
        }
    }
    assert!(
        good > 50 && bad > 50,
        "good {good}, bad {bad}: the test shows nothing"
    );
}

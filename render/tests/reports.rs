//! What people and scripts read of a report.

use squall_render::report::*;
use squall_render::{Glyphs, github, junit, markdown, terminal};
use std::collections::BTreeMap;

fn measures() -> FaultMeasures {
    let stretch = |p99_ms: f64, rejected| {
        let times = Times {
            count: 100,
            p50_ms: p99_ms / 2.0,
            p99_ms,
            max_ms: p99_ms + 1.0,
        };
        Some(Stretch {
            offered: 100,
            rate: 50.0,
            rejected,
            indeterminate: 0,
            accept: Some(times),
            effect: BTreeMap::from([("users".to_owned(), times)]),
        })
    };
    let took = |ms| Measure { ms, over: false };
    FaultMeasures {
        before: stretch(31.2, 0),
        during: stretch(1840.0, 4),
        after: stretch(35.0, 0),
        detect_ms: Some(212.0),
        detected_by: Some("error".to_owned()),
        recovery: Some(took(1_900.0)),
        heal_recovery: Some(took(0.0)),
        leaderless: Some(Leaderless {
            partitions: 2,
            longest: took(1_400.0),
            worst: Some("signups/3".to_owned()),
        }),
        lag: BTreeMap::from([(
            "consumer-db".to_owned(),
            Lag {
                before: 12.0,
                peak: 900.0,
                drained: Measure {
                    ms: 4_000.0,
                    over: true,
                },
            },
        )]),
        ..FaultMeasures::default()
    }
}

fn report(verdict: Verdict) -> Report {
    Report {
        squall_report: REPORT_VERSION,
        verdict,
        headline: if verdict == Verdict::Held {
            String::new()
        } else {
            "loss".to_owned()
        },
        scenario: "burst".to_owned(),
        variant: None,
        description: "Ten times the usual sign-ups.".to_owned(),
        seed: 7421,
        environment: "embedded".to_owned(),
        exit: if verdict == Verdict::Held { 0 } else { 1 },
        version: "0.1.0".to_owned(),
        started: "2026-11-21T04:24:50Z".to_owned(),
        trace: None,
        setting: "embedded: Squall's Kafka model, 3 brokers".to_owned(),
        duration_s: 21.5,
        load: LoadSummary {
            offered: 1000,
            accepted: 990,
            rejected: 4,
            indeterminate: 6,
            planned: 1000,
            on_time: 1.0,
            unsent: 0,
            pacing_p999_ms: 0.41,
        },
        lost: if verdict == Verdict::Held { 0 } else { 37 },
        faults: vec![FaultSummary {
            name: "crash-db".to_owned(),
            kind: "crash".to_owned(),
            target: "consumer-db".to_owned(),
            at_ms: 10_000.0,
            healed_ms: Some(13_000.0),
            bit: true,
            required: true,
            evidence: vec!["consumer-db/0 ended by SIGKILL".to_owned()],
            demanded: vec![Demand {
                consequence: "group-rebalanced".to_owned(),
                met: true,
                detail: "generation 3".to_owned(),
            }],
            measures: Some(measures()),
        }],
        sinks: vec![SinkSummary {
            name: "users".to_owned(),
            semantics: "exactly-once".to_owned(),
            ok: verdict == Verdict::Held,
            effects: 953,
            lost: if verdict == Verdict::Held { 0 } else { 37 },
            duplicated: 0,
            dead_lettered: 0,
            in_flight: 0,
            indeterminate_effects: 5,
        }],
        anomalies: if verdict == Verdict::Held {
            vec![]
        } else {
            vec![Anomaly {
                name: "lost-write".to_owned(),
                sink: Some("users".to_owned()),
                count: 37,
                events: vec!["7421-0-9874".to_owned()],
                places: vec!["signups/3 offsets 4410-4446".to_owned()],
                story: Some(Story {
                    event: "7421-0-9874".to_owned(),
                    steps: vec![Step {
                        at_ms: 9874.0,
                        what: "accepted".to_owned(),
                        detail: "<script>alert(1)</script> | \u{1b}[2J".to_owned(),
                    }],
                }),
                cure: "Commit after the write.".to_owned(),
            }]
        },
        thresholds: vec![
            Limit {
                metric: "effect_ms{sink:users}".to_owned(),
                expression: "p(99)<3000".to_owned(),
                observed: Some(148.2),
                over: false,
                ok: true,
                weight: String::new(),
            },
            Limit {
                metric: "drain_ms".to_owned(),
                expression: "value<15000".to_owned(),
                observed: None,
                over: false,
                ok: false,
                weight: String::new(),
            },
            Limit {
                metric: "accept_ms".to_owned(),
                expression: "p(99)<10".to_owned(),
                observed: Some(12.5),
                over: false,
                ok: false,
                weight: "warns only".to_owned(),
            },
        ],
        invariants: vec![
            invariant("books-balance", Some(true), "exit 0"),
            invariant(
                "one-row-a-user",
                Some(false),
                "1 row: a|b 2; expected no row",
            ),
            invariant("stock", None, "No such table: <stock>."),
        ],
        stopped: None,
        inconclusive: vec![],
        harness: HarnessSummary {
            tap_resolution_ms: BTreeMap::from([("users".to_owned(), 5.0)]),
            ..HarnessSummary::default()
        },
        again: "squall scenario burst.yaml --seed 7421".to_owned(),
        scope: "One schedule, model brokers.".to_owned(),
    }
}

#[test]
fn the_last_line_is_stable() {
    assert_eq!(
        terminal::last_line(&report(Verdict::Held)),
        "HELD  scenario=burst env=embedded seed=7421 lost=0 anomalies=0 exit=0"
    );
    assert_eq!(
        terminal::last_line(&report(Verdict::Violated)),
        "VIOLATED (loss)  scenario=burst env=embedded seed=7421 lost=37 anomalies=lost-write:37 exit=1"
    );
}

#[test]
fn on_the_last_line_each_lost_event_and_each_kind_of_anomaly_stands_once() {
    let mut report = report(Verdict::Violated);
    let mut mailbox = report.anomalies[0].clone();
    mailbox.sink = Some("mailbox".to_owned());
    let mut doubled = report.anomalies[0].clone();
    (doubled.name, doubled.count) = ("duplicate-effect".to_owned(), 2);
    report.anomalies.extend([mailbox, doubled]);
    assert_eq!(
        terminal::last_line(&report),
        "VIOLATED (loss)  scenario=burst env=embedded seed=7421 lost=37 anomalies=duplicate-effect:2,lost-write:74 exit=1"
    );
}

#[test]
fn the_summary_ends_in_the_last_line_and_shows_what_was_seen() {
    let report = report(Verdict::Violated);
    let text = terminal::summary(&report, "reports/burst-1", Glyphs::Unicode);
    assert_eq!(
        text.lines().last(),
        Some(terminal::last_line(&report).as_str())
    );
    insta::assert_snapshot!(text);
}

#[test]
fn each_fault_has_its_measures_in_one_line_and_in_the_summary() {
    let line = measures().line();
    assert_eq!(
        line,
        "recovered 1.9 s after injection, effect p99 31.2 -> 1840 -> 35.0 ms, detected after 212 ms (error), no leader for 1.4 s"
    );
    let never = FaultMeasures {
        recovery: Some(Measure {
            ms: 7_000.0,
            over: true,
        }),
        ..FaultMeasures::default()
    };
    assert_eq!(
        never.line(),
        "not recovered 7.0 s after injection, when the load ended"
    );
    assert_eq!(FaultMeasures::default().line(), "");
    let of = |efficiency| Throughput {
        before: 50.0,
        during: 180.0,
        gain: Some(3.6),
        efficiency,
    };
    let scaled = FaultMeasures {
        accepted: Some(of(None)),
        effects: BTreeMap::from([("users".to_owned(), of(Some(0.9)))]),
        ..FaultMeasures::default()
    };
    assert_eq!(
        scaled.line(),
        "users 50.0 -> 180 a second, efficiency 90.0 %"
    );
    let markdown = markdown::summary(&report(Verdict::Held));
    let row = "| crash-db | 212 ms | 1.9 s | 0 ms | 1.4 s | 31.2 → 1840 → 35.0 | 0 % → 4.00 % → 0 % | 900 | more than 4.0 s |";
    assert!(markdown.contains(row), "{markdown}");
}

#[test]
fn what_was_never_sent_is_told_from_what_the_system_refused() {
    let mut report = report(Verdict::Inconclusive);
    report.load.unsent = 3;
    let text = terminal::summary(&report, "reports/x", Glyphs::Unicode);
    assert!(text.contains("LOAD    ✗ 1000 of 1000 offered"), "{text}");
    let rejected = "rejected 4 (3 of them never sent: no free connection), indeterminate 6";
    assert!(text.contains(rejected), "{text}");
}

#[test]
fn an_annotation_is_an_error_only_where_the_verdict_hangs_on_it() {
    let text = github::annotations(&report(Verdict::Violated), "burst.yaml");
    let level = |title: &str| {
        let line = text.lines().find(|line| line.contains(title));
        line.and_then(|line| line.split(' ').next())
            .unwrap_or_else(|| panic!("{title} in {text}"))
    };
    assert_eq!(level("lost-write x37"), "::error");
    assert_eq!(level("drain_ms value<15000"), "::error");
    assert_eq!(level("accept_ms p(99)<10"), "::warning");
    assert_eq!(level("one-row-a-user"), "::error");
    let mut unproven = report(Verdict::Inconclusive);
    unproven.inconclusive = vec!["No fault bit.".to_owned()];
    let text = github::annotations(&unproven, "burst.yaml");
    assert!(
        text.contains("::error file=burst.yaml,title=burst%3A nothing is proven::No fault bit."),
        "{text}"
    );
}

#[test]
fn without_utf8_the_summary_is_ascii() {
    let text = terminal::summary(
        &report(Verdict::Held),
        "reports/burst-1",
        Glyphs::from_locale(Some("C")),
    );
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn hostile_text_is_inert_in_every_report() {
    let report = report(Verdict::Violated);
    let summary = terminal::summary(&report, "reports/x", Glyphs::Unicode);
    assert!(!summary.contains('\u{1b}'));
    let markdown = markdown::summary(&report);
    assert!(
        !markdown.contains("<script>") && !markdown.contains('\u{1b}'),
        "{markdown}"
    );
    let xml = junit::xml(&report).unwrap();
    assert!(
        !xml.contains("<script>") && !xml.contains('\u{1b}'),
        "{xml}"
    );
}

#[test]
fn junit_has_a_case_for_each_expectation_with_the_observed_value() {
    let xml = junit::xml(&report(Verdict::Violated)).unwrap();
    assert!(xml.contains("tests=\"10\""), "{xml}");
    assert!(
        xml.contains("failures=\"3\""),
        "verdict, sink and an invariant fail: {xml}"
    );
    assert!(
        xml.contains("errors=\"2\""),
        "a limit never measured is an error, an invariant not evaluated too: {xml}"
    );
    assert!(
        xml.contains("skipped=\"1\""),
        "a limit that only warns is skipped: {xml}"
    );
    assert!(xml.contains("observed 148"), "{xml}");
    let root = xml.lines().find(|line| line.starts_with("<testsuites"));
    let names = root.expect("a root").split('"').step_by(2);
    let names: Vec<&str> = names
        .filter_map(|text| text.trim().strip_suffix('='))
        .map(|text| text.trim_start_matches("<testsuites "))
        .collect();
    assert_eq!(names, ["name", "tests", "failures", "errors"]);
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/report-v1.json");
    let current = format!("{:#}\n", squall_render::report_schema());
    if std::env::var_os("SQUALL_REGENERATE").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        stored, current,
        "run `SQUALL_REGENERATE=1 cargo test -p squall-render`"
    );
}

#[test]
fn a_report_survives_its_json() {
    let report = report(Verdict::Violated);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

fn invariant(name: &str, met: Option<bool>, observed: &str) -> squall_render::report::Invariant {
    squall_render::report::Invariant {
        name: name.to_owned(),
        asked: "SELECT 1".to_owned(),
        met,
        observed: observed.to_owned(),
        weight: String::new(),
    }
}

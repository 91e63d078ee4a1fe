use super::*;
use squall_check::Measure;

const MS: u64 = 1_000_000;

fn around(faults: &[(u64, u64)]) -> Around {
    let fault = |(index, &(from_ms, until_ms)): (usize, &(u64, u64))| FaultSpan {
        name: format!("fault-{index}"),
        from_ns: from_ms * MS,
        until_ns: until_ms * MS,
    };
    Around::new(&JudgeSpec {
        faults: faults.iter().enumerate().map(fault).collect(),
        ..JudgeSpec::default()
    })
}

fn fact(at_ms: u64, kind: &str, text: &str, partition: Option<i32>) -> Note {
    let fact = Fact {
        kind: kind.to_owned(),
        text: text.to_owned(),
        topic: partition.map(|_| "signups".to_owned()),
        partition,
        ..Fact::default()
    };
    Note::new(at_ms * MS, What::Fact(fact))
}

fn in_sync(at_ms: u64, before: &[i32], after: &[i32]) -> Note {
    let place = squall_history::Place {
        topic: "signups",
        partition: 0,
    };
    Note::new(at_ms * MS, What::Fact(place.isr_changed(1, before, after)))
}

fn lag(at_ms: u64, value: f64) -> Note {
    let what = What::Sample {
        metric: "lag".to_owned(),
        labels: BTreeMap::from([("group".to_owned(), "db".to_owned())]),
        value,
    };
    Note::new(at_ms * MS, what)
}

fn elected(at_ms: u64, partition: i32, text: &str) -> Note {
    fact(at_ms, "elected", text, Some(partition))
}

/// Of the only fault.
fn leaderless(notes: &[Note]) -> Option<Leaderless> {
    let mut around = around(&[(3_000, 9_000)]);
    around.notes(notes);
    around.told(20_000 * MS)["fault-0"].leaderless.clone()
}

fn start() -> Vec<Note> {
    vec![
        elected(1, 0, "leader 1, in sync [1, 2, 3]"),
        elected(1, 1, "leader 2, in sync [1, 2, 3]"),
    ]
}

#[test]
fn a_partition_whose_leader_died_had_none_since_the_fault_began() {
    let mut notes = start();
    notes.extend([
        fact(6_000, "fenced", "broker 1: SessionTimeout", None),
        elected(6_100, 0, "leader 2, in sync [2, 3]"),
    ]);
    let told = leaderless(&notes).unwrap();
    assert_eq!((told.partitions, told.longest.ms), (1, 3_100.0));
    assert_eq!(told.worst.as_deref(), Some("signups/0"));
    assert!(!told.longest.over);
}

#[test]
fn a_leader_that_leaves_in_order_or_a_move_back_leaves_no_gap() {
    let mut notes = start();
    notes.extend([
        elected(6_000, 0, "leader 2, in sync [2, 3]"),
        fact(6_001, "fenced", "broker 1: ControlledShutdown", None),
        fact(7_000, "unfenced", "broker 1", None),
        elected(8_000, 0, "leader 1, in sync [1, 2, 3]"),
    ]);
    let told = leaderless(&notes).unwrap();
    assert_eq!((told.partitions, told.longest.ms), (0, 0.0));
}

#[test]
fn a_partition_that_nobody_can_lead_waits_for_one_to_come_back() {
    let mut notes = start();
    notes.push(elected(4_000, 1, "leader none (offline), in sync [2]"));
    assert_eq!(
        leaderless(&notes).unwrap().longest,
        Measure {
            ms: 16_000.0,
            over: true
        }
    );
    notes.push(elected(9_500, 1, "leader 2, in sync [2]"));
    assert_eq!(
        leaderless(&notes).unwrap().longest,
        Measure {
            ms: 5_500.0,
            over: false
        }
    );
}

#[test]
fn a_leader_is_missed_from_when_it_was_hit_and_not_from_an_earlier_fault() {
    let injected = |at_ms: u64, name: &str, detail: &str| {
        let what = What::Fault {
            name: name.to_owned(),
            state: FaultState::Injected,
            detail: detail.to_owned(),
        };
        Note::new(at_ms * MS, what)
    };
    let mut around = around(&[(3_000, 8_500), (8_000, 10_000)]);
    around.notes(&start());
    around.notes(&[
        injected(3_000, "fault-0", "delay producer to brokers"),
        injected(8_000, "fault-1", "kill broker 1"),
        fact(9_100, "fenced", "broker 1: SessionTimeout", None),
        elected(9_200, 0, "leader 2, in sync [2, 3]"),
    ]);
    let told = around.told(20_000 * MS);
    for fault in ["fault-0", "fault-1"] {
        let leaderless = told[fault].leaderless.clone().unwrap();
        assert_eq!(leaderless.longest.ms, 1_200.0, "{fault}");
    }
}

#[test]
fn what_follows_the_next_injection_is_no_sign_of_a_fault_that_has_healed() {
    let mut around = around(&[(3_000, 7_000), (8_000, 10_000)]);
    around.notes(&start());
    around.notes(&[
        fact(9_100, "fenced", "broker 1: SessionTimeout", None),
        elected(9_200, 0, "leader 2, in sync [2, 3]"),
    ]);
    let signs = around.signs();
    assert!(!signs.contains_key("fault-0"), "{signs:?}");
    assert_eq!(signs["fault-1"].at_ns, 9_200 * MS);
    let told = around.told(20_000 * MS);
    let missed = |fault: &str| told[fault].leaderless.clone().unwrap().partitions;
    assert_eq!((missed("fault-0"), missed("fault-1")), (0, 1));
}

#[test]
fn what_is_taken_down_after_the_drain_is_no_sign_of_a_fault() {
    let rebalanced = |at_ms| fact(at_ms, "rebalanced", "generation 2, 0 members", None);
    let drained = What::Phase {
        name: Phase::Drain,
        began: false,
    };
    let mut late = around(&[(3_000, 5_000)]);
    late.notes(&[Note::new(6_000 * MS, drained), rebalanced(6_500)]);
    assert!(late.signs().is_empty());
    let mut early = around(&[(3_000, 5_000)]);
    early.notes(&[rebalanced(5_500)]);
    assert_eq!(early.signs()["fault-0"].at_ns, 5_500 * MS);
}

#[test]
fn where_no_election_is_told_nothing_is_known_of_leaders() {
    assert_eq!(leaderless(&[lag(4_000, 3.0)]), None);
}

#[test]
fn the_first_sign_since_the_injection_counts_whatever_the_order_of_the_notes() {
    let mut around = around(&[(3_000, 9_000), (5_000, 6_000)]);
    around.notes(&[
        fact(12_001, "rebalanced", "db generation 3", None),
        in_sync(5_500, &[1, 2], &[1, 2, 3]),
        fact(7_000, "rebalanced", "db generation 2", None),
        fact(2_999, "rebalanced", "db generation 1", None),
        in_sync(4_000, &[1, 2, 3], &[1, 2]),
    ]);
    let signs = around.signs();
    let of = |fault: &str| (signs[fault].at_ns / MS, signs[fault].what.as_str());
    assert_eq!(of("fault-0"), (4_000, "ISR shrink"));
    assert_eq!(of("fault-1"), (7_000, "rebalance"));
}

#[test]
fn lag_is_followed_from_its_level_before_to_its_peak_and_down_again() {
    let mut around = around(&[(3_000, 5_000), (15_000, 16_000)]);
    for (at, value) in [
        (1_000, 12.0),
        (3_100, 40.0),
        (4_900, 900.0),
        (5_200, 700.0),
        (7_000, 12.0),
        (8_000, 5.0),
        (15_500, 60.0),
    ] {
        around.notes(&[lag(at, value)]);
    }
    let told = around.told(20_000 * MS);
    let first = told["fault-0"].lags["db"];
    assert_eq!((first.before, first.peak), (12.0, 900.0));
    assert_eq!((first.drained.ms, first.drained.over), (2_000.0, false));
    let second = told["fault-1"].lags["db"];
    assert_eq!((second.peak, second.drained.ms), (60.0, 4_000.0));
    assert!(second.drained.over);
    let metrics = around.metrics(20_000 * MS);
    let of = |key: &str| format!("{:?}", metrics.get(&MetricKey::parse(key).unwrap()));
    assert_eq!(of("lag_peak{group:db}"), "Some(Value(900.0))");
    assert_eq!(of("lag_peak{group:db,fault:fault-1}"), "Some(Value(60.0))");
    assert_eq!(of("lag_drain_ms{fault:fault-1}"), "Some(Over(4000.0))");
    assert_eq!(
        of("lag_drain_ms{fault:fault-0,group:db}"),
        "Some(Value(2000.0))"
    );
}

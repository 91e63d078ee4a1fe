//! Numbers over time against a slow, obvious count, and the bounds that hold for any length of run.

mod support;

use proptest::prelude::*;
use squall_check::{Kind, Op};
use squall_report::series::BUCKETS_MAX;
use squall_report::{Material, Series};
use std::collections::BTreeMap;
use support::*;

/// What happens to one event, in milliseconds after its offer.
#[derive(Clone, Debug)]
struct Life {
    offered_ms: u32,
    answer: Option<(bool, u32)>,
    /// By sink: when its effects show.
    effects: [Vec<u32>; 2],
}

fn life() -> impl Strategy<Value = Life> {
    let effects = || prop::collection::vec(1..4_000_u32, 0..3);
    let answer = prop::option::of((prop::bool::weighted(0.8), 1..3_000_u32));
    (0..20_000_u32, answer, [effects(), effects()]).prop_map(|(offered_ms, answer, effects)| Life {
        offered_ms,
        answer,
        effects,
    })
}

fn rows(lives: &[Life]) -> Vec<Op> {
    let mut rows = Vec::new();
    for (sequence, life) in lives.iter().enumerate() {
        let mut row = |kind, after, place| {
            rows.push(op(
                kind,
                f64::from(life.offered_ms + after),
                sequence as u64,
                place,
            ))
        };
        row(Kind::Offered, 0, 0);
        if let Some((accepted, after)) = life.answer {
            row(
                if accepted {
                    Kind::Accepted
                } else {
                    Kind::Indeterminate
                },
                after,
                0,
            );
        }
        for (sink, effects) in life.effects.iter().enumerate() {
            effects
                .iter()
                .for_each(|&after| row(Kind::Effect, after, sink as u16));
        }
    }
    rows.sort_by_key(|op| op.at);
    rows
}

fn read(lives: &[Life], from_ms: f64, until_ms: f64) -> Series {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan();
    let notes = notes(&plan.faults[0].name, from_ms, until_ms, 26_000.0, "x");
    store(folder.path(), &notes, &rows(lives));
    Series::read(folder.path(), &plan).expect("a whole history")
}

/// Nearest rank, as the histogram counts.
fn percentile(sorted: &[u32], per_cent: f64) -> f64 {
    let rank = ((per_cent / 100.0 * sorted.len() as f64).ceil() as usize).max(1);
    f64::from(sorted[rank - 1])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_event_is_counted_once_and_measured_from_its_offer(lives in prop::collection::vec(life(), 1..120)) {
        let series = read(&lives, 4_000.0, 9_000.0);
        let answers = |accepted: bool| lives.iter().filter(|life| life.answer.is_some_and(|answer| answer.0 == accepted)).count() as u64;
        prop_assert_eq!(series.offered.iter().sum::<u64>(), lives.len() as u64);
        prop_assert_eq!(series.accepted.iter().sum::<u64>(), answers(true));
        prop_assert_eq!(series.indeterminate.iter().sum::<u64>(), answers(false));
        for (sink, of) in series.sinks.iter().enumerate() {
            let all: usize = lives.iter().map(|life| life.effects[sink].len()).sum();
            prop_assert_eq!(of.effects.iter().sum::<u64>(), all as u64);
            let mut firsts: Vec<u32> = lives.iter().filter_map(|life| life.effects[sink].iter().min().copied()).collect();
            firsts.sort_unstable();
            prop_assert_eq!(of.latency.total.count(), firsts.len() as u64);
            for per_cent in [50.0, 99.0] {
                if let Some(found) = of.latency.total.percentile_ms(per_cent) {
                    let expected = percentile(&firsts, per_cent);
                    prop_assert!((found / expected - 1.0).abs() < 0.011, "p{} {} {}", per_cent, found, expected);
                }
            }
            let waits = |life: &&Life| life.answer.is_some_and(|answer| answer.0) && life.effects[sink].is_empty();
            let pending = lives.iter().filter(waits).count() as u64;
            prop_assert_eq!(of.pending.last().copied(), Some(pending));
            let buckets: u64 = of.latency.buckets.iter().map(|bucket| bucket.count()).sum();
            prop_assert_eq!(buckets, firsts.len() as u64);
        }
    }
}

#[test]
fn a_day_fits_the_same_buckets_and_its_page_stays_under_a_megabyte() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plan = plan();
    let events = 200_000_u64;
    plan.loads[0].events = events;
    let day_ms = 24.0 * 3_600e3;
    let mut ops = Vec::new();
    for sequence in 0..events {
        let at = day_ms / events as f64 * sequence as f64;
        // Times that differ, so that nothing draws flat.
        let wobble = (sequence * 7_919 % 1_000) as f64;
        ops.push(op(Kind::Offered, at, sequence, 0));
        ops.push(op(Kind::Accepted, at + 1.0 + wobble, sequence, 0));
        ops.push(op(Kind::Effect, at + 20.0 + wobble * 3.0, sequence, 0));
        ops.push(op(Kind::Effect, at + 30.0 + wobble * 5.0, sequence, 1));
    }
    let mut notes = notes(&plan.faults[0].name, 4e6, 9e6, day_ms, "x");
    for second in 0..400 {
        for (group, partition) in [("consumer-db", 24), ("consumer-email", 24)]
            .into_iter()
            .flat_map(|(group, count)| (0..count).map(move |partition| (group, partition)))
        {
            let behind = f64::from(second * 7 % 900 + partition);
            notes.push(lag_partition(
                f64::from(second) * 2e5,
                group,
                partition,
                behind,
            ));
        }
    }
    for second in 0..20_000 {
        notes.push(lag(
            f64::from(second) * 4e3,
            "consumer-db",
            f64::from(second * 31 % 997),
        ));
        let name = format!("consumer-email-{second}");
        let (replica, pid, detail) = (0, None, String::new());
        let state = squall_history::ServiceState::Killed;
        notes.insert(
            5,
            note(
                f64::from(second) * 4e3,
                squall_history::What::Service {
                    name,
                    replica,
                    pid,
                    state,
                    detail,
                },
            ),
        );
    }
    store(folder.path(), &notes, &ops);
    let series = Series::read(folder.path(), &plan).expect("a whole history");
    assert!(series.grid.count <= BUCKETS_MAX && series.grid.ends_s() >= day_ms / 1e3);
    assert_eq!(series.sinks[1].latency.total.count(), events);
    assert!(series.marks.marks.len() <= 400 && series.marks.marks_left_out > 0);
    let report = report(&plan, "x");
    let page = squall_report::page(Material {
        plan: &plan,
        report: &report,
        series: &series,
        story: None,
    });
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn lag_keeps_its_peaks_and_carries_the_last_value_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan();
    let mut notes = notes(&plan.faults[0].name, 100.0, 200.0, 1_000.0, "x");
    notes.extend([
        lag(-50.0, "a", 4.0),
        lag(210.0, "a", 90.0),
        lag(220.0, "a", 2.0),
        lag(650.0, "b", 1.0),
    ]);
    store(folder.path(), &notes, &[]);
    let series = Series::read(folder.path(), &plan).expect("a whole history");
    let expected: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::from([
        (
            "a",
            [4.0, 4.0, 90.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
                .map(Some)
                .to_vec(),
        ),
        ("b", [vec![None; 6], vec![Some(1.0); 4]].concat()),
    ]);
    let found: BTreeMap<&str, Vec<Option<f64>>> = series
        .lag
        .iter()
        .map(|(group, values)| (group.as_str(), values.clone()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn lag_by_partition_shows_the_worst_of_a_group_that_has_several() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan();
    let mut notes = notes(&plan.faults[0].name, 100.0, 200.0, 1_000.0, "x");
    notes.push(lag(10.0, "a", 36.0));
    for partition in 0..9 {
        notes.push(lag_partition(10.0, "a", partition, f64::from(partition)));
    }
    notes.push(lag_partition(310.0, "a", 8, 0.0));
    notes.push(lag_partition(10.0, "alone", 0, 7.0));
    notes.extend([0, 1].map(|partition| lag_partition(10.0, "level", partition, 0.0)));
    store(folder.path(), &notes, &[]);
    let series = Series::read(folder.path(), &plan).expect("a whole history");
    let (last, values) = &series.lag_partitions["a"][8];
    assert_eq!(last, "signups/8");
    let expected = [8.0, 8.0, 8.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(values, &expected.map(Some).to_vec());
    let report = report(&plan, "x");
    let page = squall_report::page(Material {
        plan: &plan,
        report: &report,
        series: &series,
        story: None,
    });
    let drawn: Vec<&str> = page
        .split("<h3>Lag by partition of ")
        .skip(1)
        .filter_map(|rest| rest.split("</h3>").next())
        .collect();
    assert_eq!(drawn, ["a"], "a group alone, or level, needs none");
    let chart = page.split("Lag by partition of a</h3>").nth(1).expect("it");
    let chart = chart.split("</figure>").next().expect("its end");
    let order: Vec<Option<usize>> = (3..9)
        .map(|partition| chart.find(&format!("data-name=\"signups/{partition}\"")))
        .collect();
    assert!(order[0].is_none(), "five are shown");
    assert!(
        order[1..].is_sorted_by(|a, b| a > b),
        "{order:?}: the worst first"
    );
}

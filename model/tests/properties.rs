//! With acks=all, two in-sync replicas at least and clean elections, no fault that leaves page caches alone loses, doubles or reorders
//! anything; and each planted defect makes that fail.

mod cluster;

use cluster::SECOND;
use cluster::config;
use cluster::life::Life;
use proptest::prelude::*;
use squall_model::kafka::*;
use std::collections::BTreeSet;

fn life(seed: u64, config: &BrokerConfig) -> Life {
    Life::new(seed, config).live(20 * SECOND)
}

/// As many as PROPTEST_CASES says, else few enough for every day.
fn cases(daily: u32) -> u32 {
    let set = std::env::var("PROPTEST_CASES").ok();
    set.and_then(|cases| cases.parse().ok()).unwrap_or(daily)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(16), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_events_and_commits_survive_once_and_in_order(seed: u64, eligible: bool) {
        let config = BrokerConfig { eligible_leader_replicas: eligible, ..config() };
        let life = life(seed, &config);
        prop_assert!(life.violations.is_empty(), "seed {seed}: {:#?}", life.violations);
    }
}

#[test]
fn lives_get_something_done() {
    let lives: Vec<Life> = (0..8).map(|seed| life(seed, &config())).collect();
    let acked = lives.iter().flat_map(|life| &life.producers);
    let acked: usize = acked.map(|producer| producer.acked.len()).sum();
    let commits: i64 = lives.iter().map(|life| life.acked_commit).sum();
    assert!(acked > 8 * 500, "{acked} events");
    assert!(commits > 8 * 50, "{commits} commits");
}

#[test]
fn a_seed_is_one_life() {
    let told = |seed| life(seed, &config()).cluster.facts;
    assert_eq!(told(3), told(3));
    assert_ne!(told(3), told(4));
}

/// The first of so many lives that goes wrong.
fn caught_at(defects: Defects, lives: u32) -> Option<u64> {
    let config = BrokerConfig {
        defects,
        // Followers that are cut off leave the set while the controller still knows them.
        replica_lag_time_max_ms: 1_000,
        ..config()
    };
    (0..u64::from(lives)).find(|seed| {
        let mut life = Life::new(*seed, &config);
        life.cluster.may_lose = true;
        !life.live(20 * SECOND).violations.is_empty()
    })
}

/// The published invariants are not there for show: each of these breaks one of them, by name.
#[test]
fn defects_break_the_published_invariants() {
    let broken_by = |name: &str| {
        let config = BrokerConfig {
            defects: Defects::parse(name).unwrap(),
            replica_lag_time_max_ms: 1_000,
            ..config()
        };
        let broken = (0..40).map(|seed| {
            let mut life = Life::new(seed, &config);
            life.cluster.may_lose = true;
            life.live(20 * SECOND).cluster.published.broken
        });
        let mut broken = broken.skip_while(BTreeSet::is_empty);
        broken.next().unwrap_or_default()
    };
    for (name, invariant) in [
        ("high_watermark_at_log_end", "WeakIsr"),
        ("count_sent_as_replicated", "WeakIsr"),
        ("rejoin_at_once", "StrongIsr"),
        ("shrink_isr_alone", "StrongIsr"),
    ] {
        let broken = broken_by(name);
        let found = broken.iter().any(|told| told.starts_with(invariant));
        assert!(found, "{name}: {broken:#?}");
    }
}

#[test]
fn each_planted_defect_is_caught() {
    let none = Defects::default();
    let rows = [
        (
            "truncate_to_high_watermark",
            Defects {
                truncate_to_high_watermark: true,
                ..none
            },
        ),
        (
            "high_watermark_at_log_end",
            Defects {
                high_watermark_at_log_end: true,
                ..none
            },
        ),
        (
            "forget_producers_at_failover",
            Defects {
                forget_producers_at_failover: true,
                ..none
            },
        ),
        (
            "shrink_isr_alone",
            Defects {
                shrink_isr_alone: true,
                ..none
            },
        ),
    ];
    for (name, defects) in rows {
        let seed = caught_at(defects, 60);
        println!("{name}: {seed:?}");
        assert!(seed.is_some(), "{name}");
    }
    // The same lives and more, so that it is the defects that were found.
    let found = caught_at(none, cases(20));
    assert_eq!(found, None, "without a defect nothing is found");
}

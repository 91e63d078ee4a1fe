//! Whatever happens to brokers, links and the controller: what was acknowledged stays, at its offset, once.

mod support;

use squall_model::kafka::*;
use support::SECOND;
use support::chaos::{self, Faults};
use support::workload::Workload;
use support::world::{World, new_topic};

const TOPIC: Name = Name(7);

fn config() -> BrokerConfig {
    BrokerConfig {
        session_timeout_ms: 3_000,
        heartbeat_interval_ms: 500,
        replica_lag_time_max_ms: 3_000,
        replica_fetch_wait_max_ms: 200,
        high_watermark_checkpoint_interval_ms: 2_000,
        min_insync_replicas: 2,
        offsets_topic: Name(1),
        ..BrokerConfig::default()
    }
}

fn partitions() -> Vec<TopicPartition> {
    (0..2)
        .map(|partition| TopicPartition {
            topic: TOPIC,
            partition,
        })
        .collect()
}

/// One life of a cluster; what went wrong, and how much was done.
fn life(seed: u64, config: BrokerConfig, faults: Faults, span: u64) -> (Vec<String>, usize) {
    let mut world = World::new(seed, 3, config);
    world.run_until(20 * SECOND, "three brokers", |w| {
        w.controller()
            .is_some_and(|c| c.brokers().filter(|(_, f)| !f).count() == 3)
    });
    let created = world.call(NodeId(1), new_topic(TOPIC, 2, &[]));
    assert!(
        matches!(&created, Some(Response::CreateTopics(r)) if !r[0].error.is_error()),
        "{created:?}"
    );
    world.run_until(20 * SECOND, "whole partitions", World::is_whole);
    let mut workload = Workload::new(&mut world, &partitions(), 4, Acks::All);
    chaos::run(&mut world, &mut workload, faults, span);
    workload.oracle.judge(&world, &partitions());
    (
        workload.oracle.violations.clone(),
        workload.oracle.acked_count(),
    )
}

fn holds(seeds: std::ops::Range<u64>, config: &BrokerConfig, faults: Faults) {
    let mut total = 0;
    let lives = seeds.end - seeds.start;
    for seed in seeds {
        let (violations, acked) = life(seed, config.clone(), faults, 40 * SECOND);
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
        total += acked as u64;
    }
    assert!(total > 30 * lives, "only {total} batches were acknowledged");
}

/// The first seed at which a defect shows, so that the tests above can be known to see it.
fn caught(config: &BrokerConfig, faults: Faults, seeds: std::ops::Range<u64>) {
    let all = seeds.clone();
    for seed in seeds {
        let (violations, _) = life(seed, config.clone(), faults, 40 * SECOND);
        if let Some(first) = violations.first() {
            println!("seed {seed}: {first}");
            return;
        }
    }
    panic!("not caught in seeds {all:?}");
}

#[test]
fn what_was_acknowledged_survives_every_fault_but_lost_disks() {
    holds(0..8, &config(), Faults::ALL_BUT_POWER);
}

#[test]
fn it_survives_without_eligible_leader_replicas_too() {
    let config = BrokerConfig {
        eligible_leader_replicas: false,
        ..config()
    };
    holds(100..106, &config, Faults::ALL_BUT_POWER);
}

#[test]
fn unclean_elections_are_caught() {
    let config = BrokerConfig {
        unclean_leader_election: true,
        ..config()
    };
    caught(&config, Faults::ALL_BUT_POWER, 0..40);
}

const POWER: Faults = Faults {
    partitions: true,
    resets: true,
    power: true,
    ..Faults::NONE
};

#[test]
fn with_eligible_leader_replicas_a_lost_memory_costs_nothing() {
    holds(200..206, &config(), POWER);
}

#[test]
fn without_them_it_does() {
    let config = BrokerConfig {
        eligible_leader_replicas: false,
        ..config()
    };
    caught(&config, POWER, 200..230);
}

const BLACKOUTS: Faults = Faults {
    blackouts: true,
    ..Faults::NONE
};

#[test]
fn what_is_flushed_before_it_counts_survives_a_blackout() {
    let config = BrokerConfig {
        log_flush_interval_messages: Some(1),
        ..config()
    };
    holds(300..304, &config, BLACKOUTS);
}

#[test]
fn what_is_not_flushed_does_not() {
    let mut config = config();
    config.log_flush_interval_messages = Some(1);
    config.defects.never_flush = true;
    caught(&config, BLACKOUTS, 300..304);
}

/// `SEEDS=1000..1200 cargo test -p squall-model --test safety -- --ignored many`
#[test]
#[ignore = "long; for a search over many seeds"]
fn many_seeds() {
    let range = std::env::var("SEEDS").unwrap_or_else(|_| "1000..1100".to_owned());
    let (from, to) = range.split_once("..").expect("a range");
    let seeds = from.parse().expect("a seed")..to.parse().expect("a seed");
    holds(seeds.clone(), &config(), Faults::ALL_BUT_POWER);
    holds(seeds, &config(), POWER);
}

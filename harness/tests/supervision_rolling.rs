//! Faults that go on step by step: rolling restarts and deploys, and another number of replicas.
#![allow(clippy::unwrap_used)]

mod supervision_support;
#[path = "supervision_support/world.rs"]
mod world;

use squall::environment::Environment;
use squall::environment::bus::Bus;
use squall::environment::processes;
use squall::environment::supervision::ReplicaId;
use squall_check::Shown;
use squall_history::FaultState;
use squall_plan::fault::{Fault, FaultKind, Proof, Target, Terms};
use std::sync::Arc;
use std::time::{Duration, Instant};
use supervision_support::eventually;
use world::{World, fault, service};

const HOUR_MS: u64 = 3_600_000;
const DOWN: Duration = Duration::from_millis(200);

fn deploy(variable: &str, bugs: &[&str]) -> Fault {
    Fault {
        terms: Terms::Deploy {
            environment: [("VERSION".to_owned(), variable.to_owned())].into(),
            bugs: bugs.iter().map(ToString::to_string).collect(),
        },
        ..fault(
            FaultKind::RollingDeploy,
            service(None),
            0,
            HOUR_MS,
            &[Proof::ProcessRestarted],
        )
    }
}

fn scale(to: u32) -> Fault {
    Fault {
        terms: Terms::Scale { to },
        ..fault(FaultKind::Scale, service(None), 0, HOUR_MS, &[])
    }
}

fn live(world: &Arc<World>) -> Vec<u32> {
    let statuses = world.supervisor().statuses().into_iter();
    let live = statuses.filter(|(_, status)| {
        let process = status.pid().and_then(processes::read);
        process.is_some_and(|process| process.is_alive())
    });
    live.map(|(id, _)| id.replica).collect()
}

#[test]
fn a_rolling_restart_meets_every_broker_and_is_over_when_the_last_is_back() {
    let world = World::new();
    let kind = FaultKind::RollingRestart;
    let proofs = [Proof::ProcessRestarted];
    let roll = Fault {
        terms: Terms::Roll {
            down_ns: DOWN.as_nanos() as u64,
        },
        ..fault(kind, Target::Brokers, 0, HOUR_MS, &proofs)
    };
    let begun = Instant::now();
    let schedule = world.run(std::slice::from_ref(&roll));
    eventually("it is over long before its length", || {
        !world.told(&roll.name, FaultState::Healed).is_empty()
    });
    assert!(begun.elapsed() >= 3 * DOWN, "each was down for a while");
    schedule.finish();
    assert!((1..=3).all(|broker| world.takes_connections(broker)));
    let evidence = &world.told(&roll.name, FaultState::Evidence)[0].1;
    let places = [1, 2, 3].map(|broker| evidence.find(&format!("broker {broker} was gone")));
    assert!(places.is_sorted() && places[0].is_some(), "{evidence}");
    let health = world.health(&roll);
    assert_eq!((&health.bit, &health.healed), (&Shown::Yes, &Shown::Yes));
    assert_eq!(health.proofs["process-restarted"], Shown::Yes);
}

#[test]
fn a_rolling_restart_that_a_broker_ends_has_not_bitten() {
    let world = World::new();
    world.bus.kill(2).unwrap();
    let roll = fault(FaultKind::RollingRestart, Target::Brokers, 0, HOUR_MS, &[]);
    let schedule = world.run(std::slice::from_ref(&roll));
    eventually("it fails", || {
        !world.told(&roll.name, FaultState::Failed).is_empty()
    });
    schedule.finish();
    let health = world.health(&roll);
    assert!(!health.bit.is_shown() && !health.healed.is_shown());
}

#[test]
fn a_rolling_deploy_replaces_every_replica_and_the_new_version_stays() {
    let world = World::new();
    let before = (world.pid(0), world.pid(1));
    let roll = deploy("2", &[]);
    let schedule = world.run(std::slice::from_ref(&roll));
    eventually("it is over", || {
        !world.told(&roll.name, FaultState::Healed).is_empty()
    });
    schedule.finish();
    let after = (world.pid(0).unwrap(), world.pid(1).unwrap());
    assert!(Some(after.0) != before.0 && Some(after.1) != before.1);
    for pid in [after.0, after.1] {
        assert!(processes::carries(pid, "VERSION=2"));
    }
    let health = world.health(&roll);
    assert_eq!((&health.bit, &health.healed), (&Shown::Yes, &Shown::Yes));
    assert_eq!(health.proofs["process-restarted"], Shown::Yes);
}

#[test]
fn a_version_that_does_not_start_goes_no_further_and_the_old_one_is_back() {
    let world = World::new();
    let second = world.pid(1);
    let roll = deploy("2", &["ends-at-once"]);
    let schedule = world.run(std::slice::from_ref(&roll));
    eventually("it fails", || {
        !world.told(&roll.name, FaultState::Failed).is_empty()
    });
    schedule.finish();
    assert_eq!(world.pid(1), second, "the second was never touched");
    assert!(!processes::carries(world.pid(0).unwrap(), "VERSION=2"));
    assert!(!world.health(&roll).bit.is_shown());
}

#[test]
fn replicas_are_added_and_taken_away_again() {
    let world = World::new();
    let before = (world.pid(0), world.pid(1));
    let more = scale(4);
    let schedule = world.run(std::slice::from_ref(&more));
    eventually("four run", || {
        !world.told(&more.name, FaultState::Evidence).is_empty()
    });
    assert_eq!(live(&world), [0, 1, 2, 3]);
    schedule.finish();
    assert_eq!(live(&world), [0, 1]);
    assert_eq!((world.pid(0), world.pid(1)), before);
    // Nothing aims at them any more.
    let known = world.supervisor().replicas_of("a");
    assert_eq!(known, [ReplicaId::new("a", 0), ReplicaId::new("a", 1)]);
    let health = world.health(&more);
    assert_eq!((&health.bit, &health.healed), (&Shown::Yes, &Shown::Yes));
}

#[test]
fn replicas_are_taken_away_and_come_back() {
    let world = World::new();
    let fewer = scale(1);
    let schedule = world.run(std::slice::from_ref(&fewer));
    eventually("one runs", || {
        !world.told(&fewer.name, FaultState::Evidence).is_empty()
    });
    assert_eq!(live(&world), [0]);
    schedule.finish();
    assert_eq!(live(&world), [0, 1]);
    assert_eq!(world.health(&fewer).healed, Shown::Yes);
}

#[test]
fn a_scale_to_what_is_there_shows_nothing() {
    let world = World::new();
    let same = scale(2);
    let schedule = world.run(std::slice::from_ref(&same));
    schedule.heal();
    schedule.finish();
    assert!(!world.health(&same).bit.is_shown());
}

//! Faults against real processes and a bus of bare listeners: injected on time, seen to bite, healed whatever happens.
#![allow(clippy::unwrap_used)]

mod supervision_support;
#[path = "supervision_support/world.rs"]
mod world;

use squall::environment::happenings::Happening;
use squall::environment::notes::Notes;
use squall::environment::processes;
use squall::environment::supervision::ReplicaId;
use squall::faults::{Resolved, inject, resolve};
use squall_check::Shown;
use squall_history::FaultState;
use squall_plan::fault::{Fault, FaultKind, Proof, Target};
use std::time::Duration;
use supervision_support::eventually;
use world::{World, fault, service};

#[test]
fn a_crash_bites_on_time_and_heals_after_its_length() {
    let world = World::new();
    let before = (world.pid(0), world.pid(1));
    let crash = fault(
        FaultKind::Crash,
        service(None),
        100,
        300,
        &[Proof::ProcessRestarted],
    );
    let schedule = world.run(std::slice::from_ref(&crash));
    eventually("it heals", || {
        !world.told(&crash.name, FaultState::Healed).is_empty()
    });
    schedule.finish();
    let injected = world.told(&crash.name, FaultState::Injected)[0].0;
    let healed = world.told(&crash.name, FaultState::Healed)[0].0;
    assert!(
        injected >= 100_000_000 && healed >= 400_000_000,
        "{injected} {healed}"
    );
    let evidence = world.told(&crash.name, FaultState::Evidence);
    assert!(evidence[0].1.contains("ended by SIGKILL"), "{evidence:?}");
    assert_ne!(before, (world.pid(0), world.pid(1)));
    assert!(world.pid(0).is_some() && world.pid(1).is_some());
    let health = world.health(&crash);
    assert_eq!((&health.bit, &health.healed), (&Shown::Yes, &Shown::Yes));
    assert_eq!(health.proofs["process-restarted"], Shown::Yes);
}

#[test]
fn a_crash_of_what_is_down_already_shows_nothing() {
    let world = World::new();
    world.bench.kill(&ReplicaId::new("a", 1));
    let crash = fault(FaultKind::Crash, service(Some(1)), 0, 1, &[]);
    let schedule = world.run(std::slice::from_ref(&crash));
    eventually("it heals", || {
        !world.told(&crash.name, FaultState::Healed).is_empty()
    });
    schedule.finish();
    let health = world.health(&crash);
    assert!(!health.bit.is_shown());
    assert!(health.healed.is_shown() && world.pid(1).is_some());
}

#[test]
fn a_restart_is_asked_for_with_sigterm() {
    let world = World::new();
    let restart = fault(FaultKind::Restart, service(Some(0)), 0, 0, &[]);
    let other = world.pid(1);
    let schedule = world.run(std::slice::from_ref(&restart));
    eventually("it heals", || {
        !world.told(&restart.name, FaultState::Healed).is_empty()
    });
    schedule.finish();
    let evidence = &world.told(&restart.name, FaultState::Evidence)[0].1;
    assert!(
        evidence.starts_with("bit: a/0") && evidence.ends_with("SIGTERM"),
        "{evidence}"
    );
    assert_eq!(world.pid(1), other, "the other replica is left alone");
}

#[test]
fn a_stopped_service_is_gone_until_it_heals() {
    let world = World::new();
    let stop = fault(FaultKind::Stop, service(Some(0)), 0, 3_600_000, &[]);
    let schedule = world.run(std::slice::from_ref(&stop));
    eventually("it bites", || {
        !world.told(&stop.name, FaultState::Evidence).is_empty()
    });
    assert!(world.pid(0).is_none() && world.pid(1).is_some());
    schedule.heal();
    assert!(world.pid(0).is_some());
    schedule.finish();
    assert!(
        world.told(&stop.name, FaultState::Evidence)[0]
            .1
            .ends_with("SIGTERM")
    );
}

#[test]
fn a_paused_service_keeps_its_process_and_goes_on_when_it_heals() {
    let world = World::new();
    let before = world.pid(0).unwrap();
    let pause = fault(FaultKind::Pause, service(Some(0)), 0, 3_600_000, &[]);
    let schedule = world.run(std::slice::from_ref(&pause));
    let stopped = || processes::read(before).unwrap().is_stopped();
    eventually("it bites", || {
        !world.told(&pause.name, FaultState::Evidence).is_empty()
    });
    assert!(stopped());
    schedule.finish();
    eventually("it goes on", || !stopped());
    assert_eq!(world.pid(0), Some(before));
    let health = world.health(&pause);
    assert!(health.bit.is_shown() && health.healed.is_shown());
}

#[test]
fn a_slow_start_is_another_process_that_stands_still_until_it_heals() {
    let world = World::new();
    let before = world.pid(1);
    let slow = fault(
        FaultKind::SlowStart,
        service(Some(1)),
        0,
        3_600_000,
        &[Proof::ProcessRestarted],
    );
    let schedule = world.run(std::slice::from_ref(&slow));
    eventually("it bites", || {
        !world.told(&slow.name, FaultState::Evidence).is_empty()
    });
    let pid = world.pid(1).unwrap();
    assert_ne!(before, Some(pid));
    assert!(processes::read(pid).unwrap().is_stopped());
    let evidence = world.told(&slow.name, FaultState::Evidence);
    assert!(
        evidence[0].1.contains("stands still at its start"),
        "{evidence:?}"
    );
    schedule.finish();
    assert!(!processes::read(pid).unwrap().is_stopped());
    assert_eq!(world.pid(1), Some(pid), "it is the process that started");
    let health = world.health(&slow);
    assert_eq!((&health.bit, &health.healed), (&Shown::Yes, &Shown::Yes));
    assert_eq!(health.proofs["process-restarted"], Shown::Yes);
}

#[test]
fn a_pause_of_what_is_down_shows_nothing() {
    let world = World::new();
    world.bench.kill(&ReplicaId::new("a", 0));
    let pause = fault(FaultKind::Pause, service(Some(0)), 0, 1, &[]);
    let schedule = world.run(std::slice::from_ref(&pause));
    schedule.finish();
    assert!(!world.health(&pause).bit.is_shown());
}

#[test]
fn a_bus_that_cannot_lose_power_says_so_and_nothing_bites() {
    let world = World::new();
    let loss = fault(FaultKind::PowerLoss, Target::Broker(1), 0, 1, &[]);
    let schedule = world.run(std::slice::from_ref(&loss));
    eventually("it fails", || {
        !world.told(&loss.name, FaultState::Failed).is_empty()
    });
    schedule.finish();
    assert!(!world.health(&loss).bit.is_shown() && world.takes_connections(1));
}

#[test]
fn heal_ends_everything_at_once_and_lets_nothing_begin() {
    let world = World::new();
    let hour = 3_600_000;
    let crash = fault(FaultKind::Crash, service(None), 0, hour, &[]);
    let kill = fault(FaultKind::Kill, Target::Broker(1), 0, hour, &[]);
    let never = fault(FaultKind::Kill, Target::Broker(3), hour, 1, &[]);
    let faults = [crash.clone(), kill.clone(), never.clone()];
    let schedule = world.run(&faults);
    let bit = |fault: &Fault| !world.told(&fault.name, FaultState::Evidence).is_empty();
    eventually("both bite", || bit(&crash) && bit(&kill));
    assert!(world.pid(0).is_none() && !world.takes_connections(1));
    schedule.heal();
    assert!(world.pid(0).is_some() && world.pid(1).is_some() && world.takes_connections(1));
    assert!(world.health(&kill).healed.is_shown());
    assert!(!world.health(&never).bit.is_shown());
    assert!(world.takes_connections(3));
}

#[test]
fn faults_heal_when_the_schedule_or_the_injection_is_dropped() {
    let world = World::new();
    let kill = fault(FaultKind::Kill, Target::Broker(2), 0, 3_600_000, &[]);
    let schedule = world.run(std::slice::from_ref(&kill));
    eventually("it bites", || !world.takes_connections(2));
    drop(schedule);
    assert!(world.takes_connections(2));

    let crash = fault(FaultKind::Crash, service(None), 0, 0, &[]);
    let env = world.env();
    let on = resolve(&crash.target, &*env).unwrap();
    let injection = inject(&crash, &on, &env).unwrap();
    assert!(world.pid(0).is_none());
    drop(injection);
    assert!(world.pid(0).is_some());
}

#[test]
fn targets_are_settled_when_the_fault_begins() {
    let world = World::new();
    let at = |target| resolve(&target, &*world.env());
    let group = |group: &str| Target::Coordinator {
        group: group.to_owned(),
    };
    let leader = |partition| Target::Leader {
        topic: "signups".to_owned(),
        partition,
    };
    assert_eq!(at(Target::Controller).unwrap(), Resolved::Broker(2));
    assert_eq!(at(group("workers")).unwrap(), Resolved::Broker(1));
    assert_eq!(at(leader(1)).unwrap(), Resolved::Broker(2));
    assert!(at(leader(7)).is_err() && at(group("strangers")).is_err());
    let one = Resolved::Services(vec![ReplicaId::new("a", 1)]);
    assert_eq!(at(service(Some(1))).unwrap(), one);
    assert!(at(service(Some(2))).is_err());
}

#[test]
fn a_consequence_counts_only_when_the_fault_could_have_caused_it() {
    let world = World::new();
    let elected = |partition, leader| Happening::Elected {
        topic: "signups".to_owned(),
        partition,
        leader,
        clean: true,
    };
    world.happenings.saw(elected(0, 3)); // Before the fault.
    let target = Target::Leader {
        topic: "signups".to_owned(),
        partition: 0,
    };
    let proofs = [Proof::LeaderMoved, Proof::IsrShrank, Proof::GroupRebalanced];
    let kill = fault(FaultKind::Kill, target, 0, 1, &proofs);
    let schedule = world.run(std::slice::from_ref(&kill));
    eventually("it heals", || {
        !world.told(&kill.name, FaultState::Healed).is_empty()
    });
    let shrank = |lost| Happening::IsrShrank {
        topic: "signups".to_owned(),
        partition: 0,
        lost,
    };
    world.happenings.saw(elected(1, 3)); // Broker 1 did not lead it.
    world.happenings.saw(elected(0, 1)); // The same leader again.
    world.happenings.saw(shrank(vec![2])); // Another broker.
    let rebalanced = Happening::Rebalanced {
        group: "workers".to_owned(),
        generation: 4,
    };
    world.happenings.saw(rebalanced);
    let evidence = || world.told(&kill.name, FaultState::Evidence).len();
    eventually("the bite and the rebalance are told", || evidence() == 2);
    let health = world.health(&kill);
    let shown = |proof: &str| health.proofs[proof].is_shown();
    assert!(!shown("leader-moved") && !shown("isr-shrank") && shown("group-rebalanced"));
    world.happenings.saw(elected(0, 2));
    world.happenings.saw(shrank(vec![1]));
    eventually("the rest is told", || evidence() == 4);
    schedule.finish();
    assert!(world.health(&kill).proofs.values().all(Shown::is_shown));
}

#[test]
fn a_service_that_does_not_come_back_is_told() {
    let world = World::new();
    let folder = world.bench.folder.path().join("gone");
    let id = world.bench.declare("b", "exec sleep 1000", |spec| {
        std::fs::create_dir(&folder).unwrap();
        spec.launch.working_directory.clone_from(&folder);
    });
    world.bench.supervisor.spawn(&id).unwrap();
    std::fs::remove_dir(&folder).unwrap();
    let target = Target::Service {
        service: "b".to_owned(),
        replica: None,
    };
    let crash = fault(FaultKind::Crash, target, 0, 1, &[Proof::ProcessRestarted]);
    let schedule = world.run(std::slice::from_ref(&crash));
    let failed = || world.told(&crash.name, FaultState::Failed);
    eventually("it fails to heal", || !failed().is_empty());
    schedule.finish();
    assert!(
        failed()[0].1.contains("its working directory"),
        "{:?}",
        failed()
    );
    let health = world.health(&crash);
    assert!(health.bit.is_shown() && !health.healed.is_shown());
    assert!(!health.proofs["process-restarted"].is_shown());
    let faults = Duration::from_nanos(world.now_ns());
    assert!(faults < Duration::from_secs(60));
}

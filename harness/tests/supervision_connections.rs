//! Faults that act on connections, against a network that only counts: who is hit, what bites, and that all is lifted.
#![allow(clippy::unwrap_used)]

mod supervision_support;
#[path = "supervision_support/world.rs"]
mod world;

use squall::environment::network::End;
use squall::environment::supervision::ReplicaId;
use squall_history::FaultState;
use squall_plan::fault::{Fault, FaultKind, Flow, Target, Terms, Treatment};
use std::collections::BTreeSet;
use std::sync::Arc;
use supervision_support::eventually;
use world::{World, fault, service};

const HOUR_MS: u64 = 3_600_000;

fn on_connections(kind: FaultKind, target: Target, terms: Terms) -> Fault {
    Fault {
        terms,
        ..fault(kind, target, 0, HOUR_MS, &[])
    }
}

fn apart(target: Target, from: &[Target], flow: Flow) -> Fault {
    let terms = Terms::Apart {
        from: from.to_vec(),
        flow,
    };
    on_connections(FaultKind::Isolate, target, terms)
}

/// The ways that are treated while a fault is in force, as `from > to`.
fn ways(fault: &Fault) -> BTreeSet<String> {
    let world = World::new();
    let schedule = world.run(std::slice::from_ref(fault));
    eventually("it is injected", || {
        !world.network.lock().treated.is_empty()
    });
    let inside = world.network.lock();
    let ways = inside.treated.iter();
    let ways = ways.map(|(from, to, _)| format!("{from} > {to}")).collect();
    drop(inside);
    schedule.finish();
    assert!(world.network.lock().treated.is_empty(), "all is lifted");
    ways
}

/// Why it could not be injected.
fn failure(world: &Arc<World>, fault: &Fault) -> String {
    let schedule = world.run(std::slice::from_ref(fault));
    let failed = || world.told(&fault.name, FaultState::Failed);
    eventually("it fails", || !failed().is_empty());
    schedule.finish();
    failed().remove(0).1
}

fn set(ways: &[&str]) -> BTreeSet<String> {
    ways.iter().map(ToString::to_string).collect()
}

#[test]
fn an_isolation_takes_every_way_between_the_two_sides_and_no_other() {
    let leader = Target::Leader {
        topic: "signups".to_owned(),
        partition: 0,
    };
    let both = apart(
        leader.clone(),
        &[Target::Brokers, Target::Controller],
        Flow::Both,
    );
    // The controller is hosted by broker 2 here.
    let expected = [
        "broker 1 > broker 2",
        "broker 1 > broker 3",
        "broker 2 > broker 1",
        "broker 3 > broker 1",
    ];
    assert_eq!(ways(&both), set(&expected));
    let deaf = apart(leader, &[service(Some(1))], Flow::Inbound);
    assert_eq!(ways(&deaf), set(&["a/1 > broker 1"]));
    let mute = apart(service(None), &[Target::Broker(3)], Flow::Outbound);
    assert_eq!(ways(&mute), set(&["a/0 > broker 3", "a/1 > broker 3"]));
}

#[test]
fn everyone_is_every_party_that_has_a_connection() {
    let all = apart(Target::Broker(1), &[Target::Everyone], Flow::Inbound);
    let expected = [
        "broker 2 > broker 1",
        "broker 3 > broker 1",
        "the controller > broker 1",
        "the load > broker 1",
        "a/0 > broker 1",
        "a/1 > broker 1",
    ];
    assert_eq!(ways(&all), set(&expected));
}

#[test]
fn it_bites_when_something_met_it_and_says_how_much_in_the_end() {
    let world = World::new();
    let cut = apart(Target::Broker(1), &[Target::Broker(2)], Flow::Outbound);
    let schedule = world.run(std::slice::from_ref(&cut));
    eventually("it is injected", || {
        !world.network.lock().treated.is_empty()
    });
    assert!(!world.health(&cut).bit.is_shown(), "nothing has met it yet");
    world.network.lock().traffic = 3;
    eventually("it bites", || world.health(&cut).bit.is_shown());
    world.network.lock().traffic = 7;
    schedule.finish();
    assert_eq!(
        world.told(&cut.name, FaultState::Healed)[0].1,
        "in all it met 7 messages"
    );
}

#[test]
fn one_that_nothing_met_did_not_bite() {
    let world = World::new();
    let cut = apart(Target::Broker(1), &[Target::Broker(2)], Flow::Both);
    let schedule = world.run(std::slice::from_ref(&cut));
    eventually("it is injected", || {
        !world.network.lock().treated.is_empty()
    });
    schedule.finish();
    let health = world.health(&cut);
    assert!(!health.bit.is_shown() && health.healed.is_shown());
}

#[test]
fn parties_without_a_connection_cannot_be_separated() {
    let world = World::new();
    for cut in [
        apart(service(Some(0)), &[service(Some(1))], Flow::Both),
        apart(Target::Broker(1), &[Target::Broker(1)], Flow::Both),
    ] {
        let failed = failure(&world, &cut);
        assert!(failed.contains("no connection runs"), "{failed}");
        assert!(!world.health(&cut).bit.is_shown());
    }
}

#[test]
fn a_network_that_refuses_is_heard_and_nothing_stays() {
    let world = World::new();
    world.network.lock().refuses = true;
    let cut = apart(Target::Broker(1), &[Target::Everyone], Flow::Both);
    let failed = failure(&world, &cut);
    assert!(failed.contains("these wires cannot do that"), "{failed}");
}

#[test]
fn a_delay_is_put_on_the_named_way_as_it_stands() {
    let world = World::new();
    let treatment = Treatment::Bandwidth { bytes_per_s: 9 };
    let terms = Terms::Link {
        to: vec![Target::Load],
        treatment: treatment.clone(),
    };
    let slow = on_connections(FaultKind::Bandwidth, Target::Broker(2), terms);
    let schedule = world.run(std::slice::from_ref(&slow));
    eventually("it is injected", || {
        !world.network.lock().treated.is_empty()
    });
    let way = (End::Broker(2), End::Load, treatment);
    assert_eq!(world.network.lock().treated, [way]);
    schedule.finish();
}

#[test]
fn down_closes_each_of_its_targets_and_opens_them_again() {
    let world = World::new();
    let followers = Target::Followers {
        topic: "signups".to_owned(),
        partition: 0,
    };
    let down = on_connections(FaultKind::Down, followers, Terms::None);
    let schedule = world.run(std::slice::from_ref(&down));
    eventually("it is injected", || {
        world.network.lock().closed == [End::Broker(3)]
    });
    drop(schedule);
    assert!(world.network.lock().closed.is_empty());
}

#[test]
fn a_flapping_link_is_cut_again_and_again_until_it_heals() {
    let world = World::new();
    let terms = Terms::Flapping {
        from: vec![Target::Broker(2)],
        down_ns: 2_000_000,
        up_ns: 2_000_000,
    };
    let flapping = on_connections(FaultKind::Flapping, service(Some(0)), terms);
    let schedule = world.run(std::slice::from_ref(&flapping));
    let way = (End::Replica(ReplicaId::new("a", 0)), End::Broker(2));
    let is_cut = || {
        let inside = world.network.lock();
        inside
            .treated
            .iter()
            .any(|(from, to, _)| (from, to) == (&way.0, &way.1))
    };
    for _ in 0..3 {
        eventually("it is down", is_cut);
        world.network.lock().traffic += 1;
        eventually("it is up", || !is_cut());
    }
    schedule.finish();
    assert!(!is_cut() && world.health(&flapping).bit.is_shown());
    let healed = &world.told(&flapping.name, FaultState::Healed)[0].1;
    assert!(healed.contains(" times, met "), "{healed}");
}

//! Faults at random times, all healed in the end.

use super::workload::Workload;
use super::world::{CONTROLLER, World};
use super::{MILLISECOND, SECOND};
use squall_model::kafka::NodeId;

/// Which faults there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub kills: bool,
    pub partitions: bool,
    pub resets: bool,
    pub controller: bool,
    pub shutdowns: bool,
    /// One broker at a time loses its unflushed tail, and none before the one before has all of it back.
    pub power: bool,
    /// All brokers lose their unflushed tails at once.
    pub blackouts: bool,
}

impl Faults {
    pub const NONE: Self = Self {
        kills: false,
        partitions: false,
        resets: false,
        controller: false,
        shutdowns: false,
        power: false,
        blackouts: false,
    };
    pub const ALL_BUT_POWER: Self = Self {
        kills: true,
        partitions: true,
        resets: true,
        controller: true,
        shutdowns: true,
        power: false,
        blackouts: false,
    };
}

enum Undo {
    Start(NodeId),
    Unblock(NodeId, NodeId),
}

/// Runs faults and workload for `span`, heals everything, and waits until the cluster is whole again.
pub fn run(world: &mut World, workload: &mut Workload, faults: Faults, span: u64) {
    let mut undo: Vec<(u64, Undo)> = Vec::new();
    let until = world.now + span;
    let mut next_fault = world.now + SECOND;
    while world.now < until {
        let step_until = next_fault.min(until);
        advance(world, workload, step_until);
        let now = world.now;
        let (due, later): (Vec<_>, Vec<_>) = undo.into_iter().partition(|(at, _)| *at <= now);
        undo = later;
        due.into_iter().for_each(|(_, u)| undo_one(world, &u));
        inject(world, faults, &mut undo);
        next_fault = now + world.random.between(300, 2_500) * MILLISECOND;
    }
    undo.iter().for_each(|(_, u)| undo_one(world, u));
    settle(world, workload);
}

/// Lets everything come back, the producers end, and the logs meet.
pub fn settle(world: &mut World, workload: &mut Workload) {
    world.heal();
    let limit = world.now + 180 * SECOND;
    workload.stopped = true;
    let mut checked = 0;
    loop {
        if world.now >= checked + 100 * MILLISECOND {
            checked = world.now;
            for id in std::iter::once(CONTROLLER).chain(world.broker_ids()) {
                world.start(id);
            }
            if workload.is_idle() && world.is_whole() {
                return;
            }
        }
        if world.now >= limit {
            let what = format!("the cluster does not come back: {}", describe(world));
            return world.violations.push(what);
        }
        let next = world.now + 50 * MILLISECOND;
        advance(world, workload, next);
    }
}

pub fn advance(world: &mut World, workload: &mut Workload, until: u64) {
    loop {
        workload.hear(world);
        if !world.advance(until) {
            workload.hear(world);
            return;
        }
    }
}

fn describe(world: &World) -> String {
    let Some(controller) = world.controller() else {
        return "no controller".to_owned();
    };
    let mut text = format!("brokers {:?}\n", controller.brokers().collect::<Vec<_>>());
    for (partition, state) in controller.partitions() {
        text += &format!("{partition:?} {state:?}\n");
        for id in world.broker_ids() {
            let log = world.log_of(id, *partition);
            let tail = &log[log.len().saturating_sub(5)..];
            text += &format!("  {id}: {:?} {tail:?}\n", world.view(id, *partition));
        }
    }
    text
}

fn undo_one(world: &mut World, undo: &Undo) {
    match undo {
        Undo::Start(id) => world.start(*id),
        Undo::Unblock(one, other) => world.block(*one, *other, false),
    }
}

fn inject(world: &mut World, faults: Faults, undo: &mut Vec<(u64, Undo)>) {
    let now = world.now;
    let brokers = world.broker_ids();
    let broker = *world.random.pick(&brokers);
    let later = now + world.random.between(100, 12_000) * MILLISECOND;
    match world.random.between(0, 10) {
        0 | 1 if faults.kills && world.is_up(broker) => {
            world.crash(broker, false);
            undo.push((later, Undo::Start(broker)));
        }
        2 if faults.partitions => {
            // Off from everybody.
            for other in std::iter::once(CONTROLLER)
                .chain(brokers)
                .filter(|n| *n != broker)
            {
                world.block(broker, other, true);
                undo.push((later, Undo::Unblock(broker, other)));
            }
        }
        3 if faults.partitions => {
            let all: Vec<NodeId> = std::iter::once(CONTROLLER)
                .chain(brokers)
                .filter(|n| *n != broker)
                .collect();
            let other = *world.random.pick(&all);
            world.block(broker, other, true);
            undo.push((later, Undo::Unblock(broker, other)));
        }
        4 if faults.resets => {
            let all: Vec<NodeId> = std::iter::once(CONTROLLER)
                .chain(brokers)
                .filter(|n| *n != broker)
                .collect();
            let other = *world.random.pick(&all);
            world.break_link(broker, other);
        }
        5 if faults.controller && world.is_up(CONTROLLER) => {
            world.crash(CONTROLLER, false);
            undo.push((
                now + world.random.between(100, 5_000) * MILLISECOND,
                Undo::Start(CONTROLLER),
            ));
        }
        6 if faults.shutdowns && world.is_up(broker) => {
            world.shut_down(broker);
            undo.push((later, Undo::Start(broker)));
        }
        7 if faults.power && is_replicated(world) => {
            world.crash(broker, true);
            undo.push((later, Undo::Start(broker)));
        }
        8 if faults.partitions => {
            // Off from its peers, though the controller hears it.
            for other in brokers.into_iter().filter(|n| *n != broker) {
                world.block(broker, other, true);
                undo.push((later, Undo::Unblock(broker, other)));
            }
        }
        9 if faults.blackouts => {
            for broker in brokers {
                world.crash(broker, true);
                undo.push((later, Undo::Start(broker)));
            }
        }
        _ => {}
    }
}

/// Whether every broker that ever lost its memory has everything again. What is in sync has.
fn is_replicated(world: &World) -> bool {
    let lost = world.lost_power.clone();
    let in_sync = |id: &NodeId| {
        world
            .controller()
            .is_some_and(|c| c.partitions().all(|(_, state)| state.isr.contains(id)))
    };
    world.broker_ids().iter().all(|id| world.is_up(*id))
        && lost
            .iter()
            .all(|(id, at)| in_sync(id) && world.now > at + 10 * SECOND)
}

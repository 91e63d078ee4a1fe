//! Faults at their times, with evidence, healed at the latest when the load ends.

mod acts;
mod rolling;
mod targets;

use super::HARNESS;
use super::services::Services;
use crate::kernel::{MS, Nanos, Signal};
use crate::world::World;
use squall_env::{Either, select};
use squall_history::{FaultState, What};
use squall_plan::Plan;
use squall_plan::fault::{Consequences, Fault, FaultKind};
use std::cell::Cell;
use std::rc::Rc;
use targets::{Hit, Victims};

const LOOK_EVERY: Nanos = 10 * MS;
/// Signals do not arrive to the nanosecond; without this a fault would always meet evenly spaced arrivals at the same point.
const LATE_AT_MOST: Nanos = 5 * MS;

/// All faults of a plan.
pub struct Faults {
    world: Rc<World>,
    services: Rc<Services>,
    plan: Rc<Plan>,
    load_ended: Cell<bool>,
    open: Cell<usize>,
    /// When the last of them ends, at the latest.
    last_ends: Cell<Nanos>,
    changed: Signal,
    /// Nobody looks for consequences any more.
    closed: Cell<bool>,
}

impl Faults {
    pub fn new(world: &Rc<World>, services: &Rc<Services>, plan: &Rc<Plan>) -> Rc<Self> {
        Rc::new(Self {
            world: Rc::clone(world),
            services: Rc::clone(services),
            plan: Rc::clone(plan),
            load_ended: Cell::new(false),
            open: Cell::new(0),
            last_ends: Cell::new(0),
            changed: Signal::new(&world.kernel),
            closed: Cell::new(false),
        })
    }

    /// Plans all of them; load clock 0 is at `zero`.
    pub fn schedule(self: &Rc<Self>, zero: Nanos) {
        let load_ends = self.plan.load_ends_ns;
        let end = |fault: &Fault| {
            fault
                .for_ns
                .map_or(load_ends, |for_ns| fault.at_ns + for_ns)
        };
        let last = self.plan.faults.iter().map(end).max();
        self.last_ends.set(zero + last.unwrap_or(0) + LATE_AT_MOST);
        for fault in self.plan.faults.clone() {
            self.open.set(self.open.get() + 1);
            let faults = Rc::clone(self);
            self.world.kernel.spawn(HARNESS, async move {
                let late = faults.world.kernel.below("fault", 0, LATE_AT_MOST);
                faults
                    .world
                    .kernel
                    .sleep_until(zero + fault.at_ns + late)
                    .await;
                faults.inflict(&fault).await;
                faults.open.set(faults.open.get() - 1);
                faults.changed.raise();
            });
        }
    }

    /// Heals what is still open.
    pub async fn heal(&self) {
        self.load_ended.set(true);
        self.changed.raise();
        self.changed.until(|| self.open.get() == 0).await;
    }

    /// What did not show by now did not happen.
    pub fn close(&self) {
        self.closed.set(true);
    }

    async fn inflict(self: &Rc<Self>, fault: &Fault) {
        let Some(hit) = self.find(fault).await else {
            return self.note(
                fault,
                FaultState::Failed,
                format!("{} is not there", fault.target),
            );
        };
        let before = self.lives(&hit.victims());
        let mark = self.world.cluster.happenings_mark();
        let consequences = self.consequences(fault, &hit);
        self.note(
            fault,
            FaultState::Injected,
            format!("{} {hit}", fault.kind.name()),
        );
        let began = self.world.kernel.now();
        let disk_before = self.disk_met(&hit);
        let bit = self.hit(fault, &hit).await;
        if bit {
            let how = match fault.kind {
                FaultKind::Pause => "is stopped",
                FaultKind::Scale => "has as many replicas",
                _ => "went down",
            };
            self.note(fault, FaultState::Evidence, format!("bit: {hit} {how}"));
        }
        self.watch(fault, consequences, mark, hit.victims(), before);
        // However long it took to do it.
        let over = began.saturating_add(fault.for_ns.unwrap_or(Nanos::MAX));
        let healed_early = self.world.kernel.sleep_until(over);
        let load_ends = self.changed.until(|| self.load_ended.get());
        // A fault may not outlive the load.
        let over = select(healed_early, load_ends);
        let _: Either<Either<(), ()>, ()> = select(over, self.take_turns(&hit)).await;
        if let Some(text) = self.met(fault, &hit, disk_before) {
            self.note(fault, FaultState::Evidence, text);
        }
        match self.mend(fault, &hit).await {
            Ok(()) => self.note(fault, FaultState::Healed, format!("{hit} is back")),
            Err(why) => self.note(fault, FaultState::Failed, why),
        }
    }

    /// Which of their lives victims are in; one that is down is still in its last one.
    fn lives(&self, victims: &Victims) -> Vec<u64> {
        let pid = |replica| {
            let process = self.services.process(replica);
            process.map_or(0, |process| u64::from(process.id.0))
        };
        let replicas = victims.replicas.iter().map(pid);
        let brokers = victims.brokers.iter();
        let brokers = brokers.map(|id| self.world.cluster.life(*id));
        replicas.chain(brokers).collect()
    }

    fn note(&self, fault: &Fault, state: FaultState, detail: String) {
        let name = fault.name.clone();
        self.world.journal.note(What::Fault {
            name,
            state,
            detail,
        });
    }

    /// Made just before the fault begins: what happened before is no consequence.
    fn consequences(&self, fault: &Fault, hit: &Hit) -> Consequences {
        let broker = hit.broker();
        let led = broker.map(|id| self.world.cluster.led_by(id));
        let group_of = |service: &str| self.plan.system.spec.service(service)?.group.clone();
        let broker = broker.map(|id| id.0.cast_unsigned());
        Consequences::new(fault, broker, led.unwrap_or_default(), group_of)
    }

    /// Looks for consequences beside everything else.
    fn watch(
        self: &Rc<Self>,
        fault: &Fault,
        mut consequences: Consequences,
        mark: usize,
        victims: Victims,
        before: Vec<u64>,
    ) {
        let (faults, fault) = (Rc::clone(self), fault.clone());
        self.world.kernel.spawn(HARNESS, async move {
            while consequences.is_waiting() && !faults.closed.get() {
                let now = faults.lives(&victims);
                let mut lives = before.iter().zip(&now);
                let replaced = !before.is_empty() && lives.all(|(old, new)| old != new);
                let restarted = replaced.then(|| victims.replaced(&before, &now));
                let find = |is: &dyn Fn(&_) -> bool| faults.world.cluster.find_happening(mark, is);
                for text in consequences.look(find, || restarted.clone()) {
                    faults.note(&fault, FaultState::Evidence, text);
                }
                faults.world.kernel.sleep(LOOK_EVERY).await;
            }
        });
    }
}

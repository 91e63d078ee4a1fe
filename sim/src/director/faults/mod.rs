//! Faults at their times, with evidence, healed at the latest when the load ends.

use super::services::{Replica, Services};
use crate::client::Access;
use crate::cluster::CONTROLLER;
use crate::kernel::{MS, Nanos, SECOND, Signal};
use crate::network::End;
use crate::world::World;
use squall_env::{Either, select};
use squall_history::{FaultState, What};
use squall_model::kafka::{DiskState, NodeId, Request, Response};
use squall_plan::Plan;
use squall_plan::fault::{Act, Consequences, DiskTrouble, Fault, FaultKind, Flow, Target, Terms};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

const LOOK_EVERY: Nanos = 10 * MS;
/// Signals do not arrive to the nanosecond; without this a fault would always meet evenly spaced arrivals at the same point.
const LATE_AT_MOST: Nanos = 5 * MS;
const STOP_WITHIN: Nanos = 10 * SECOND;

/// All faults of a plan.
pub struct Faults {
    world: Rc<World>,
    services: Rc<Services>,
    plan: Rc<Plan>,
    load_ended: Cell<bool>,
    open: Cell<usize>,
    changed: Signal,
    /// Nobody looks for consequences any more.
    closed: Cell<bool>,
}

/// Who is hit.
enum Hit {
    Broker(NodeId),
    /// The way between some ends is cut; the number is the network's.
    Cut {
        number: u64,
        text: String,
        broker: Option<NodeId>,
    },
    Services(Vec<Replica>),
    /// They live on, by a clock that is wrong.
    Clocks(Vec<Replica>),
    /// By name and path.
    Sink(String, String),
    /// Nobody: events are sent besides the load's.
    Load,
}

impl Faults {
    pub fn new(world: &Rc<World>, services: &Rc<Services>, plan: &Rc<Plan>) -> Rc<Self> {
        Rc::new(Self {
            world: Rc::clone(world),
            services: Rc::clone(services),
            plan: Rc::clone(plan),
            load_ended: Cell::new(false),
            open: Cell::new(0),
            changed: Signal::default(),
            closed: Cell::new(false),
        })
    }

    /// Plans all of them; load clock 0 is at `zero`.
    pub fn schedule(self: &Rc<Self>, zero: Nanos) {
        for fault in self.plan.faults.clone() {
            self.open.set(self.open.get() + 1);
            let faults = Rc::clone(self);
            self.world.kernel.spawn(super::HARNESS, async move {
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
        let resolved = match &fault.terms {
            Terms::Apart { from, flow } => self.cut(&fault.target, from, *flow).await,
            Terms::Skew { .. } => match self.resolve(&fault.target).await {
                Some(Hit::Services(replicas)) => Some(Hit::Clocks(replicas)),
                _ => None,
            },
            _ => self.resolve(&fault.target).await,
        };
        let Some(hit) = resolved else {
            return self.note(
                fault,
                FaultState::Failed,
                format!("{} is not there", fault.target),
            );
        };
        let before = self.pids(&hit);
        let mark = self.world.cluster.happenings_mark();
        let consequences = self.consequences(fault, &hit);
        self.note(
            fault,
            FaultState::Injected,
            format!("{} {}", fault.kind.name(), self.text(&hit)),
        );
        let disk_before = self.disk_met(&hit);
        let bit = self.hit(fault, &hit).await;
        if bit {
            self.note(
                fault,
                FaultState::Evidence,
                format!("bit: {} went down", self.text(&hit)),
            );
        }
        self.watch(fault, consequences, mark, hit_replicas(&hit), before);
        let over = match fault.for_ns {
            Some(for_ns) => for_ns,
            None => Nanos::MAX,
        };
        let healed_early = self.world.kernel.sleep(over);
        let load_ends = self.changed.until(|| self.load_ended.get());
        // A fault may not outlive the load.
        let _: Either<(), ()> = select(healed_early, load_ends).await;
        if let Some(text) = self.met(fault, &hit, disk_before) {
            self.note(fault, FaultState::Evidence, text);
        }
        match self.mend(fault, &hit).await {
            Ok(()) => self.note(
                fault,
                FaultState::Healed,
                format!("{} is back", self.text(&hit)),
            ),
            Err(why) => self.note(fault, FaultState::Failed, why),
        }
    }

    /// What met the fault while it was in force, as evidence that it bit. `None`: nothing did, or it shows otherwise.
    fn met(&self, fault: &Fault, hit: &Hit, disk_before: u64) -> Option<String> {
        let (times, what) = match hit {
            Hit::Clocks(replicas) => return self.wrong_times(replicas),
            Hit::Sink(name, path) => (
                self.world.troubles.met(path, &fault.name),
                format!("attempts at sink {name} met it"),
            ),
            Hit::Cut { number, .. } => (
                self.world.network.met(*number),
                "messages were held up".to_owned(),
            ),
            _ if matches!(fault.kind.row().act, Act::Disk(_)) => (
                self.disk_met(hit) - disk_before,
                format!("times the disk of {} met it", self.text(hit)),
            ),
            _ => return None,
        };
        (times > 0).then(|| format!("bit: {times} {what}"))
    }

    async fn resolve(&self, target: &Target) -> Option<Hit> {
        let cluster = &self.world.cluster;
        match target {
            Target::Service { service, replica } => {
                let replicas = self.services.replicas(service, *replica);
                (!replicas.is_empty()).then_some(Hit::Services(replicas))
            }
            Target::Broker(id) => Some(Hit::Broker(NodeId(id.cast_signed()))),
            Target::Leader { topic, partition } => cluster
                .leader(topic, partition.cast_signed())
                .map(Hit::Broker),
            Target::Coordinator { group } => {
                let access = Access::new(cluster, super::HARNESS, "squall");
                let any = access.any().await;
                let groups = vec![cluster.names.intern(group)];
                match access.call(&any, Request::FindCoordinator { groups }).await {
                    Ok(Response::FindCoordinator(found)) => found.first()?.node.map(Hit::Broker),
                    _ => None,
                }
            }
            Target::Sink(name) => {
                let path = self.world.sinks.path(name)?;
                Some(Hit::Sink(name.clone(), path.to_owned()))
            }
            Target::Load => Some(Hit::Load),
            // Those that only act on connections: see `ends`.
            Target::Controller
            | Target::Brokers
            | Target::Followers { .. }
            | Target::Services
            | Target::Everyone => None,
        }
    }

    /// Cuts a target off from others. `None`: one of them is not there.
    async fn cut(&self, target: &Target, from: &[Target], flow: Flow) -> Option<Hit> {
        let (own, name) = self.ends(target).await?;
        let (mut others, mut names) = (Vec::new(), Vec::new());
        for other in from {
            let (ends, name) = self.ends(other).await?;
            others.extend(ends.into_iter().filter(|end| !own.contains(end)));
            names.push(name);
        }
        let mut ways = BTreeSet::new();
        for (one, other) in own
            .iter()
            .flat_map(|one| others.iter().map(move |o| (*one, *o)))
        {
            if flow != Flow::Inbound {
                ways.insert((one, other));
            }
            if flow != Flow::Outbound {
                ways.insert((other, one));
            }
        }
        let broker = match own.as_slice() {
            [End::Node(id)] if *id != CONTROLLER => Some(*id),
            _ => None,
        };
        Some(Hit::Cut {
            number: self.world.network.cut(ways),
            text: format!("{name} from {}", names.join(", ")),
            broker,
        })
    }

    /// Where a party is connected, and what it is called.
    async fn ends(&self, target: &Target) -> Option<(Vec<End>, String)> {
        let cluster = &self.world.cluster;
        let nodes = || {
            cluster
                .brokers()
                .into_iter()
                .map(End::Node)
                .collect::<Vec<_>>()
        };
        let loads = || {
            self.world
                .loads
                .borrow()
                .iter()
                .copied()
                .map(End::Process)
                .collect()
        };
        let services = || self.services.processes().into_iter().map(End::Process);
        let ends = match target {
            Target::Controller => vec![End::Node(CONTROLLER)],
            Target::Brokers => nodes(),
            Target::Services => services().collect(),
            Target::Load => loads(),
            Target::Everyone => {
                let mut all: Vec<End> = loads();
                all.extend(services());
                all.extend(nodes());
                all.push(End::Node(CONTROLLER));
                all
            }
            Target::Followers { topic, partition } => {
                let leader = cluster.leader(topic, partition.cast_signed())?;
                let others = nodes().into_iter();
                others.filter(|end| *end != End::Node(leader)).collect()
            }
            other => match self.resolve(other).await? {
                hit @ Hit::Broker(id) => return Some((vec![End::Node(id)], self.text(&hit))),
                Hit::Services(replicas) => {
                    let process = |replica| self.services.process(replica);
                    let all = replicas.iter().filter_map(process);
                    all.map(|process| End::Process(process.id)).collect()
                }
                _ => return None,
            },
        };
        Some((ends, target.to_string()))
    }

    /// Whether that shows already.
    async fn hit(&self, fault: &Fault, hit: &Hit) -> bool {
        match (fault.kind, hit) {
            (_, Hit::Load | Hit::Cut { .. }) => false,
            (_, Hit::Clocks(replicas)) => {
                self.set_clocks(replicas, skew_ms(&fault.terms));
                false
            }
            (FaultKind::PowerLoss, Hit::Broker(id)) => self.world.cluster.lose_power(*id),
            (kind, Hit::Sink(_, path)) => {
                if let Act::Trouble(trouble) = kind.row().act {
                    self.world.troubles.begin(path, trouble, fault);
                }
                false
            }
            (kind, Hit::Broker(id)) if let Act::Disk(trouble) = kind.row().act => {
                let state = match trouble {
                    DiskTrouble::Full => DiskState::Full,
                    DiskTrouble::Slow => DiskState::Slow,
                };
                let slow_ns = match fault.terms {
                    Terms::Slow { by_ns } => by_ns,
                    _ => 0,
                };
                self.world.cluster.set_disk(*id, state, slow_ns);
                false
            }
            (FaultKind::Restart, Hit::Broker(id)) => {
                let was_up = self.world.cluster.is_up(*id);
                self.world.cluster.stop_broker(*id, STOP_WITHIN).await;
                was_up
            }
            (_, Hit::Broker(id)) => self.world.cluster.kill_broker(*id),
            (FaultKind::Restart, Hit::Services(replicas)) => {
                let mut any = false;
                for replica in replicas {
                    any |= self.services.stop(replica).await;
                }
                any
            }
            (_, Hit::Services(replicas)) => replicas
                .iter()
                .fold(false, |any, replica| self.services.kill(replica) | any),
        }
    }

    async fn mend(&self, fault: &Fault, hit: &Hit) -> Result<(), String> {
        match hit {
            Hit::Load => Ok(()),
            Hit::Clocks(replicas) => {
                self.set_clocks(replicas, 0);
                Ok(())
            }
            Hit::Cut { number, .. } => {
                self.world.network.mend(*number);
                Ok(())
            }
            Hit::Sink(_, path) => {
                self.world.troubles.end(path, &fault.name);
                Ok(())
            }
            Hit::Broker(id) => {
                self.world.cluster.set_disk(*id, DiskState::Sound, 0);
                self.world.cluster.start_broker(*id);
                Ok(())
            }
            Hit::Services(replicas) => {
                for replica in replicas {
                    self.services
                        .start(replica)
                        .await
                        .map_err(|error| error.to_string())?;
                }
                for replica in replicas {
                    let within = self.plan.timing.ready_ns;
                    let mine = self.services.process(replica).map(|process| process.id);
                    let ready = self.services.wait_ready(replica, within).await;
                    // Another fault may have hit it meanwhile, and will bring it back or has done so.
                    if !ready && !self.services.was_hit_again(replica, mine) {
                        return Err(format!("{} was not ready in time", replica.service));
                    }
                }
                Ok(())
            }
        }
    }

    fn set_clocks(&self, replicas: &[Replica], skew_ms: i64) {
        for replica in replicas {
            self.world.clocks.skew(&name(replica), skew_ms);
        }
    }

    /// What processes were told by clocks that are wrong. `None`: nothing.
    fn wrong_times(&self, replicas: &[Replica]) -> Option<String> {
        let told: Vec<String> = replicas
            .iter()
            .filter_map(|replica| match self.world.clocks.wrong(&name(replica)) {
                (0, _) => None,
                (times, off_ms) => Some(format!(
                    "{} {times} times, at last {off_ms} ms off",
                    name(replica)
                )),
            })
            .collect();
        (!told.is_empty()).then(|| format!("bit: a wrong time was told to {}", told.join(", ")))
    }

    fn disk_met(&self, hit: &Hit) -> u64 {
        match hit {
            Hit::Broker(id) => self.world.cluster.disk_met(*id),
            _ => 0,
        }
    }

    fn pids(&self, hit: &Hit) -> Vec<u32> {
        let process = |replica| {
            self.services
                .process(replica)
                .map_or(0, |process| process.id.0)
        };
        hit_replicas(hit).iter().map(process).collect()
    }

    fn text(&self, hit: &Hit) -> String {
        match hit {
            Hit::Broker(id) => format!("broker {id}"),
            Hit::Sink(name, _) => format!("sink {name}"),
            Hit::Load => "the load".to_owned(),
            Hit::Cut { text, .. } => text.clone(),
            Hit::Services(replicas) | Hit::Clocks(replicas) => {
                let names: Vec<String> = replicas.iter().map(name).collect();
                names.join(", ")
            }
        }
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
        let broker = match hit {
            Hit::Broker(id) => Some(*id),
            Hit::Cut { broker, .. } => *broker,
            _ => None,
        };
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
        replicas: Vec<Replica>,
        before: Vec<u32>,
    ) {
        let (faults, fault) = (Rc::clone(self), fault.clone());
        self.world.kernel.spawn(super::HARNESS, async move {
            while consequences.is_waiting() && !faults.closed.get() {
                let now = faults.pids(&Hit::Services(replicas.clone()));
                let restarted = (!before.is_empty()
                    && before.iter().zip(&now).all(|(old, new)| old != new))
                .then(|| format!("process {before:?} -> {now:?}"));
                let find = |is: &dyn Fn(&_) -> bool| faults.world.cluster.find_happening(mark, is);
                for text in consequences.look(find, || restarted.clone()) {
                    faults.note(&fault, FaultState::Evidence, text);
                }
                faults.world.kernel.sleep(LOOK_EVERY).await;
            }
        });
    }
}

fn hit_replicas(hit: &Hit) -> Vec<Replica> {
    match hit {
        Hit::Services(replicas) => replicas.clone(),
        _ => Vec::new(),
    }
}

/// As its process is called.
fn name(replica: &Replica) -> String {
    format!("{}-{}", replica.service, replica.replica)
}

fn skew_ms(terms: &Terms) -> i64 {
    match terms {
        Terms::Skew { by_ns, behind } => {
            let ms = i64::try_from(by_ns / MS).unwrap_or(i64::MAX);
            if *behind { -ms } else { ms }
        }
        _ => 0,
    }
}

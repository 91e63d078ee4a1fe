//! What a fault's target is when the fault begins.

use super::Faults;
use super::rolling::{Deploy, Progress, Roll, Scale};
use crate::client::Access;
use crate::cluster::CONTROLLER;
use crate::director::HARNESS;
use crate::director::services::Replica;
use crate::kernel::Nanos;
use crate::network::{End, Network};
use squall_model::kafka::{NodeId, Request, Response};
use squall_plan::Plan;
use squall_plan::fault::{Fault, Flow, Target, Terms, Treatment};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

/// Who is hit.
pub(super) enum Hit {
    Broker(NodeId),
    /// Nothing passes between some ends; the number is the network's.
    Cut(Way, u64),
    /// As `Cut`, in turns.
    Flap(Way, Flap),
    /// What passes between some ends is treated; the number is the network's.
    Treated(Way, u64),
    Services(Vec<Replica>),
    /// They live on, by a clock that is wrong.
    Clocks(Vec<Replica>),
    /// By name and path.
    Sink(String, String),
    /// Nobody: events are sent besides the load's.
    Load,
    Roll(Roll),
    Deploy(Deploy),
    Scale(Scale),
}

/// Whose processes a fault ends.
pub(super) struct Victims {
    pub replicas: Vec<Replica>,
    pub brokers: Vec<NodeId>,
}

/// The ways between some ends.
pub(super) struct Way {
    ways: BTreeSet<(End, End)>,
    text: String,
    /// Who is at one end, if that is one broker.
    pub broker: Option<NodeId>,
}

/// A link that comes and goes.
pub(super) struct Flap {
    pub down_ns: Nanos,
    pub up_ns: Nanos,
    /// The network's number while it is cut.
    cut: Cell<Option<u64>>,
    met: Cell<u64>,
}

impl Flap {
    pub fn cut(&self, way: &Way, network: &Network) {
        self.cut.set(Some(network.cut(way.ways.clone())));
    }

    pub fn mend(&self, network: &Network) {
        self.met.set(self.met(network));
        if let Some(number) = self.cut.take() {
            network.mend(number);
        }
    }

    /// Messages that were held up so far.
    pub fn met(&self, network: &Network) -> u64 {
        self.met.get() + self.cut.get().map_or(0, |number| network.met(number))
    }
}

impl Hit {
    pub fn broker(&self) -> Option<NodeId> {
        match self {
            Self::Broker(id) => Some(*id),
            Self::Cut(way, _) | Self::Flap(way, _) | Self::Treated(way, _) => way.broker,
            _ => None,
        }
    }

    /// Whose processes it ends.
    pub fn victims(&self) -> Victims {
        let brokers = match self {
            Self::Broker(id) => vec![*id],
            Self::Roll(roll) => roll.brokers.clone(),
            _ => Vec::new(),
        };
        let replicas = self.replicas().to_vec();
        Victims { replicas, brokers }
    }

    fn replicas(&self) -> &[Replica] {
        match self {
            Self::Services(replicas) => replicas,
            Self::Deploy(deploy) => &deploy.replicas,
            _ => &[],
        }
    }
}

impl Victims {
    /// Told when all of them are in another life than before.
    pub fn replaced(&self, before: &[u64], now: &[u64]) -> String {
        let brokers: Vec<String> = self.brokers.iter().map(ToString::to_string).collect();
        match brokers.is_empty() {
            true => format!("process {before:?} -> {now:?}"),
            false => format!("broker {} was gone and is back", brokers.join(", ")),
        }
    }
}

/// As it is told.
impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Sink(name, _) => write!(f, "sink {name}"),
            Self::Load => write!(f, "the load"),
            Self::Roll(_) => write!(f, "all brokers"),
            Self::Scale(scale) => write!(f, "{}", scale.service),
            Self::Deploy(deploy) => write!(f, "{}", list(&deploy.replicas)),
            Self::Cut(way, _) | Self::Flap(way, _) | Self::Treated(way, _) => {
                write!(f, "{}", way.text)
            }
            Self::Services(replicas) | Self::Clocks(replicas) => {
                write!(f, "{}", list(replicas))
            }
        }
    }
}

impl Faults {
    /// `None`: it is not there.
    pub(super) async fn find(&self, fault: &Fault) -> Option<Hit> {
        match &fault.terms {
            Terms::Apart { from, flow } => {
                let way = self.way(&fault.target, "from", from, *flow).await?;
                Some(self.cut(way))
            }
            Terms::Flapping {
                from,
                down_ns,
                up_ns,
            } => {
                let way = self.way(&fault.target, "from", from, Flow::Both).await?;
                let flap = Flap {
                    down_ns: *down_ns,
                    up_ns: *up_ns,
                    cut: Cell::new(None),
                    met: Cell::new(0),
                };
                flap.cut(&way, &self.world.network);
                Some(Hit::Flap(way, flap))
            }
            Terms::Link { to, treatment } => {
                let way = self.way(&fault.target, "to", to, Flow::Outbound).await?;
                if *treatment == Treatment::Stall {
                    return Some(self.cut(way));
                }
                let number = self.world.network.treat(&way.ways, treatment)?;
                Some(Hit::Treated(way, number))
            }
            Terms::Roll { down_ns } => Some(Hit::Roll(Roll {
                brokers: self.world.cluster.brokers(),
                down_ns: *down_ns,
                progress: Progress::default(),
            })),
            Terms::Deploy { environment, bugs } => {
                let (service, replicas) = self.service(&fault.target)?;
                let mut version = Plan::clone(&self.plan);
                version.system.bugs.extend(bugs.iter().cloned());
                let own = version.system.environment.entry(service).or_default();
                own.extend(environment.clone());
                Some(Hit::Deploy(Deploy {
                    replicas,
                    version: Rc::new(version),
                    progress: Progress::default(),
                }))
            }
            Terms::Scale { to } => {
                let (service, declared) = self.service(&fault.target)?;
                let (have, to) = (declared.len(), *to as usize);
                let new = |replica| Replica {
                    service: service.clone(),
                    replica,
                };
                let numbers = (0..u32::try_from(to).unwrap_or(u32::MAX)).skip(have);
                Some(Hit::Scale(Scale {
                    added: numbers.map(new).collect(),
                    removed: declared.into_iter().skip(to).collect(),
                    service,
                    to,
                }))
            }
            Terms::Skew { .. } => match self.resolve(&fault.target).await? {
                Hit::Services(replicas) => Some(Hit::Clocks(replicas)),
                _ => None,
            },
            _ => self.resolve(&fault.target).await,
        }
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
                let access = Access::new(cluster, HARNESS, "squall");
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

    /// A service and its declared replicas.
    fn service(&self, target: &Target) -> Option<(String, Vec<Replica>)> {
        match target {
            Target::Service { service, replica } => {
                let replicas = self.services.replicas(service, *replica);
                Some((service.clone(), replicas))
            }
            _ => None,
        }
    }

    fn cut(&self, way: Way) -> Hit {
        let number = self.world.network.cut(way.ways.clone());
        Hit::Cut(way, number)
    }

    /// The ways between a target and others. `None`: one of them is not there.
    async fn way(
        &self,
        target: &Target,
        preposition: &str,
        others: &[Target],
        flow: Flow,
    ) -> Option<Way> {
        let (own, name) = self.ends(target).await?;
        let (mut far, mut names) = (Vec::new(), Vec::new());
        for other in others {
            let (ends, name) = self.ends(other).await?;
            far.extend(ends);
            names.push(name);
        }
        let mut ways = BTreeSet::new();
        let pairs = own
            .iter()
            .flat_map(|one| far.iter().map(move |o| (*one, *o)));
        // Nobody has a connection to itself.
        for (one, other) in pairs.filter(|(one, other)| one != other) {
            if flow != Flow::Inbound {
                ways.insert((one, other));
            }
            if flow != Flow::Outbound {
                ways.insert((other, one));
            }
        }
        let alone = |ends: &[End]| match ends {
            [End::Node(id)] if *id != CONTROLLER => Some(*id),
            _ => None,
        };
        Some(Way {
            ways,
            text: format!("{name} {preposition} {}", names.join(", ")),
            broker: alone(&own),
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
                hit @ Hit::Broker(id) => return Some((vec![End::Node(id)], hit.to_string())),
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
}

fn list(replicas: &[Replica]) -> String {
    let names: Vec<String> = replicas.iter().map(ToString::to_string).collect();
    names.join(", ")
}

//! What a fault's target is when the fault begins.

use super::Faults;
use crate::client::Access;
use crate::cluster::CONTROLLER;
use crate::director::HARNESS;
use crate::director::services::Replica;
use crate::network::End;
use squall_model::kafka::{NodeId, Request, Response};
use squall_plan::fault::{Fault, Flow, Target, Terms};
use std::collections::BTreeSet;
use std::fmt;

/// Who is hit.
pub(super) enum Hit {
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

impl Hit {
    pub fn replicas(&self) -> &[Replica] {
        match self {
            Self::Services(replicas) => replicas,
            _ => &[],
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
            Self::Cut { text, .. } => write!(f, "{text}"),
            Self::Services(replicas) | Self::Clocks(replicas) => {
                let names: Vec<String> = replicas.iter().map(ToString::to_string).collect();
                write!(f, "{}", names.join(", "))
            }
        }
    }
}

impl Faults {
    /// `None`: it is not there.
    pub(super) async fn find(&self, fault: &Fault) -> Option<Hit> {
        match &fault.terms {
            Terms::Apart { from, flow } => self.cut(&fault.target, from, *flow).await,
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

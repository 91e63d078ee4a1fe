//! Who reaches which broker, and which server of a sink, by which port, settled before anything starts.

use crate::environment::EnvironmentError;
use crate::environment::network::End;
use crate::environment::ports::PortLease;
use crate::environment::supervision::ReplicaId;
use squall_plan::Plan;
use squall_plan::fault::{Target, Terms};
use squall_plan::system::SinkSpec;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// The ports of a run. Each is the same on loopback, in Toxiproxy and at the broker.
pub struct Layout {
    brokers: Vec<Ports>,
    /// By sink.
    servers: BTreeMap<String, Ports>,
    /// For Squall's own questions to the controller.
    controller: PortLease,
    /// Toxiproxy's own API.
    api: PortLease,
}

struct Ports {
    /// For Squall's own clients, past the proxy.
    direct: PortLease,
    ways: Vec<WayPorts>,
}

struct WayPorts {
    party: End,
    port: PortLease,
    onward: Option<PortLease>,
}

/// The way of one party to one broker, or to the server of one sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    pub party: End,
    /// [`End::Broker`] or [`End::Sink`].
    pub to: End,
    pub port: u16,
    /// Where Toxiproxy sends on what came in by this way and by no other. A broker listens by the same number; a server listens for all
    /// alike, so a second proxy stands before it.
    pub onward: u16,
}

impl Way {
    /// Of the proxy, as it stands in URLs.
    pub fn proxy(&self) -> String {
        format!("{}.{}", plain(&self.party), plain(&self.to))
    }

    pub fn address(&self) -> SocketAddr {
        loopback(self.port)
    }
}

/// As it may stand in URLs and in names of containers.
pub fn plain(end: &End) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    end.to_string().chars().map(letter).collect()
}

impl Layout {
    /// # Errors
    /// When no port is free.
    pub fn of(plan: &Plan) -> Result<Self, EnvironmentError> {
        let take = || PortLease::take().map_err(EnvironmentError::Ports);
        let services = replicas(plan);
        let parties = [&[End::Load], services.as_slice()].concat();
        let ports = |parties: &[End], alike: bool| {
            let way = |party: &End| {
                Ok(WayPorts {
                    party: party.clone(),
                    port: take()?,
                    onward: alike.then(take).transpose()?,
                })
            };
            Ok(Ports {
                direct: take()?,
                ways: parties
                    .iter()
                    .map(way)
                    .collect::<Result<_, EnvironmentError>>()?,
            })
        };
        let brokers = (0..plan.cluster.brokers).map(|_| ports(&parties, false));
        let sinks = plan.system.spec.sinks.iter();
        let sinks = sinks.filter(|sink| sink.in_container());
        let server = |sink: &SinkSpec| Ok((sink.name.clone(), ports(&services, true)?));
        Ok(Self {
            brokers: brokers.collect::<Result<_, EnvironmentError>>()?,
            servers: sinks.map(server).collect::<Result<_, EnvironmentError>>()?,
            controller: take()?,
            api: take()?,
        })
    }

    pub fn api_port(&self) -> u16 {
        self.api.number()
    }

    /// The numbers of the brokers, from 1.
    pub fn brokers(&self) -> Vec<u32> {
        (1..).take(self.brokers.len()).collect()
    }

    /// The number of the controller, which comes after the brokers'.
    pub fn controller(&self) -> u32 {
        u32::try_from(self.brokers.len()).unwrap_or(u32::MAX - 1) + 1
    }

    /// Where Squall asks the controller.
    pub fn controller_direct(&self) -> SocketAddr {
        loopback(self.controller.number())
    }

    fn ports(&self, end: &End) -> Option<&Ports> {
        match end {
            End::Broker(broker) => {
                let index = usize::try_from(*broker).ok()?.checked_sub(1)?;
                self.brokers.get(index)
            }
            End::Sink(sink) => self.servers.get(sink),
            _ => None,
        }
    }

    /// Where Squall's own clients reach a broker.
    pub fn direct(&self, broker: u32) -> Option<SocketAddr> {
        let ports = self.ports(&End::Broker(broker))?;
        Some(loopback(ports.direct.number()))
    }

    /// Where Squall's own clients reach the servers of sinks.
    pub fn servers(&self) -> BTreeMap<String, SocketAddr> {
        let servers = self.servers.iter();
        let direct = servers.map(|(sink, ports)| (sink.clone(), loopback(ports.direct.number())));
        direct.collect()
    }

    /// Every way, by broker, then by sink, then by party.
    pub fn ways(&self) -> Vec<Way> {
        let sinks = self.servers.keys().cloned().map(End::Sink);
        let brokers = self.brokers().into_iter().map(End::Broker);
        brokers
            .chain(sinks)
            .flat_map(|to| self.ways_to(&to))
            .collect()
    }

    /// The ways of all parties to a broker or a sink.
    pub fn ways_to(&self, to: &End) -> Vec<Way> {
        let ways = self.ports(to).map_or(&[][..], |ports| &ports.ways);
        let way = |way: &WayPorts| Way {
            party: way.party.clone(),
            to: to.clone(),
            port: way.port.number(),
            onward: way.onward.as_ref().unwrap_or(&way.port).number(),
        };
        ways.iter().map(way).collect()
    }

    /// The ways of a party to all brokers; none: it was not foreseen.
    pub fn ways_of(&self, party: &End) -> Vec<Way> {
        let brokers = self.brokers().into_iter().map(End::Broker);
        brokers
            .filter_map(|broker| self.way(party, &broker))
            .collect()
    }

    pub fn way(&self, party: &End, to: &End) -> Option<Way> {
        let mut ways = self.ways_to(to).into_iter();
        ways.find(|way| way.party == *party)
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// All processes that there may ever be: those that a fault adds, too.
fn replicas(plan: &Plan) -> Vec<End> {
    let mut all = Vec::new();
    for service in &plan.system.spec.services {
        let declared = plan.system.scale.get(&service.name).copied();
        let added = plan.faults.iter().filter_map(|fault| {
            let hit = matches!(&fault.target, Target::Service { service: hit, .. } if *hit == service.name);
            match fault.terms {
                Terms::Scale { to } if hit => Some(to),
                _ => None,
            }
        });
        let count = added.chain([declared.unwrap_or(service.replicas)]).max();
        let replicas = 0..count.unwrap_or(0);
        all.extend(replicas.map(|one| End::Replica(ReplicaId::new(&service.name, one))));
    }
    all
}

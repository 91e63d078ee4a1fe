//! Who reaches which broker by which port, settled before anything starts.

use crate::environment::EnvironmentError;
use crate::environment::network::End;
use crate::environment::ports::PortLease;
use crate::environment::supervision::ReplicaId;
use squall_plan::Plan;
use squall_plan::fault::{Target, Terms};
use std::net::{Ipv4Addr, SocketAddr};

/// The ports of a run. Each is the same on loopback, in Toxiproxy and at the broker.
pub struct Layout {
    parties: Vec<End>,
    brokers: Vec<BrokerPorts>,
    /// For Squall's own questions to the controller.
    controller: PortLease,
    /// Toxiproxy's own API.
    api: PortLease,
}

struct BrokerPorts {
    /// For Squall's own clients, past the proxy.
    direct: PortLease,
    /// By party.
    ways: Vec<PortLease>,
}

/// The way of one party to one broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    pub party: End,
    pub broker: u32,
    pub port: u16,
}

impl Way {
    /// Of the proxy, as it stands in URLs.
    pub fn proxy(&self) -> String {
        let party: String = self
            .party
            .to_string()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        format!("{party}.broker-{}", self.broker)
    }

    pub fn address(&self) -> SocketAddr {
        loopback(self.port)
    }
}

impl Layout {
    /// # Errors
    /// When no port is free.
    pub fn of(plan: &Plan) -> Result<Self, EnvironmentError> {
        let take = || PortLease::take().map_err(EnvironmentError::Ports);
        let parties = parties(plan);
        let broker = |_| {
            let ways = parties.iter().map(|_| take());
            Ok(BrokerPorts {
                direct: take()?,
                ways: ways.collect::<Result<_, EnvironmentError>>()?,
            })
        };
        let brokers = (0..plan.cluster.brokers).map(broker);
        Ok(Self {
            brokers: brokers.collect::<Result<_, EnvironmentError>>()?,
            controller: take()?,
            api: take()?,
            parties,
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

    fn broker(&self, broker: u32) -> Option<&BrokerPorts> {
        let index = usize::try_from(broker).ok()?.checked_sub(1)?;
        self.brokers.get(index)
    }

    /// Where Squall's own clients reach a broker.
    pub fn direct(&self, broker: u32) -> Option<SocketAddr> {
        Some(loopback(self.broker(broker)?.direct.number()))
    }

    /// Every way, by broker, then by party.
    pub fn ways(&self) -> Vec<Way> {
        self.brokers()
            .into_iter()
            .flat_map(|broker| self.ways_to(broker))
            .collect()
    }

    /// The ways of all parties to a broker.
    pub fn ways_to(&self, broker: u32) -> Vec<Way> {
        let ports = self.broker(broker).map_or(&[][..], |ports| &ports.ways);
        let ways = self.parties.iter().zip(ports);
        let way = |(party, port): (&End, &PortLease)| Way {
            party: party.clone(),
            broker,
            port: port.number(),
        };
        ways.map(way).collect()
    }

    /// The ways of a party to all brokers; none: it was not foreseen.
    pub fn ways_of(&self, party: &End) -> Vec<Way> {
        let mut ways = self.ways();
        ways.retain(|way| way.party == *party);
        ways
    }

    pub fn way(&self, party: &End, broker: u32) -> Option<Way> {
        let mut ways = self.ways_to(broker).into_iter();
        ways.find(|way| way.party == *party)
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Everyone who may ever speak with a broker: replicas that a fault adds, too.
fn parties(plan: &Plan) -> Vec<End> {
    let mut parties = vec![End::Load];
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
        parties.extend(replicas.map(|one| End::Replica(ReplicaId::new(&service.name, one))));
    }
    parties
}

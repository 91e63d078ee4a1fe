//! From the services of a plan to processes: templates filled, ports taken, folders settled.

use super::EnvironmentError;
use super::guard::Launch;
use super::network::{End, Network};
use super::ports::PortLease;
use super::supervision::{Readiness, ReplicaId, ReplicaSpec, SupervisionError};
use squall_plan::Plan;
use squall_plan::system::{Ready, ServiceSpec};
use squall_plan::template::{SYSTEM_SLOTS, Template};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is the same for every service of a run.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// For those that no fault shall reach.
    pub bootstrap: String,
    /// The run's folder, absolute.
    pub run: PathBuf,
    /// The running binary.
    pub squall: PathBuf,
}

/// How a version of a service differs from the plan's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Version {
    /// Laid over what the service has.
    pub environment: BTreeMap<String, String>,
    /// Besides those that are on.
    pub bugs: Vec<String>,
}

/// All replicas of a plan, ready to be declared, and the ports that they hold.
pub struct Placement {
    /// In the order of starting: services in file order, replicas by number.
    pub replicas: Vec<ReplicaSpec>,
    /// Those that were told where the brokers are.
    pub on_bus: Vec<ReplicaId>,
    ports: BTreeMap<ReplicaId, Vec<(String, PortLease)>>,
}

impl Placement {
    /// # Errors
    /// When no port is free or a template cannot be filled.
    pub fn of(
        plan: &Plan,
        around: &Surroundings,
        network: &dyn Network,
    ) -> Result<Self, EnvironmentError> {
        let mut placement = Self {
            replicas: Vec::new(),
            on_bus: Vec::new(),
            ports: BTreeMap::new(),
        };
        for service in &plan.system.spec.services {
            let count = plan
                .system
                .scale
                .get(&service.name)
                .copied()
                .unwrap_or(service.replicas);
            for replica in 0..count {
                let spec = placement.add(plan, around, network, service, replica)?;
                placement.replicas.push(spec);
            }
        }
        Ok(placement)
    }

    fn add(
        &mut self,
        plan: &Plan,
        around: &Surroundings,
        network: &dyn Network,
        service: &ServiceSpec,
        replica: u32,
    ) -> Result<ReplicaSpec, EnvironmentError> {
        let id = ReplicaId::new(&service.name, replica);
        let bootstrap = network.bootstrap(&End::Replica(id.clone()));
        let bootstrap = bootstrap.map_err(EnvironmentError::Bus)?;
        let sinks = addresses_of_sinks(plan, network, &id)?;
        let ports = match self.ports.remove(&id) {
            Some(held) => held,
            None => take_ports(service)?,
        };
        let filler = Filler {
            plan,
            around,
            own: Some(Own {
                service,
                replica,
                ports: &ports,
                bootstrap: &bootstrap,
                sinks: &sinks,
            }),
        };
        let spec = filler.replica_spec(&id, service);
        self.ports.insert(id.clone(), ports);
        let spec = spec?;
        let launch = &spec.launch;
        let mut told = launch.arguments.iter().chain(launch.environment.values());
        if told.any(|text| text.contains(&bootstrap)) && !self.on_bus.contains(&id) {
            self.on_bus.push(id);
        }
        Ok(spec)
    }

    /// How a replica of this version starts. One that is known keeps its ports, a new one gets its own.
    ///
    /// # Errors
    /// As [`Self::of`], and when there is no such service.
    pub fn prepare(
        &mut self,
        plan: &Plan,
        around: &Surroundings,
        network: &dyn Network,
        id: &ReplicaId,
        version: &Version,
    ) -> Result<ReplicaSpec, EnvironmentError> {
        let mut plan = plan.clone();
        plan.system.bugs.extend(version.bugs.iter().cloned());
        let environment = plan.system.environment.entry(id.service.clone());
        let changes = version.environment.clone();
        environment.or_default().extend(changes);
        let service = plan.system.spec.service(&id.service).cloned();
        let service = service
            .ok_or_else(|| EnvironmentError::Services(SupervisionError::Unknown(id.clone())))?;
        self.add(&plan, around, network, &service, id.replica)
    }

    /// Addresses of a named port of all replicas of a service, by replica.
    #[must_use]
    pub fn endpoints(&self, service: &str, port: &str) -> Vec<SocketAddr> {
        let replicas = self.ports.iter().filter(|(id, _)| id.service == service);
        replicas
            .filter_map(|(_, ports)| address(ports, port))
            .collect()
    }
}

fn addresses_of_sinks(
    plan: &Plan,
    network: &dyn Network,
    id: &ReplicaId,
) -> Result<BTreeMap<String, String>, EnvironmentError> {
    let mut addresses = BTreeMap::new();
    let spec = &plan.system.spec;
    let sinks = spec.sinks.iter().map(|sink| &sink.name);
    for name in sinks.chain(spec.servers.keys()) {
        let address = network.sink_address(&End::Replica(id.clone()), name);
        if let Some(address) = address.map_err(EnvironmentError::Bus)? {
            addresses.insert(name.clone(), address);
        }
    }
    Ok(addresses)
}

fn take_ports(service: &ServiceSpec) -> Result<Vec<(String, PortLease)>, EnvironmentError> {
    let take = |name: &str| Ok((name.to_owned(), PortLease::take()?));
    let ports = service.ports.iter().map(|port| take(&port.name));
    ports
        .collect::<std::io::Result<_>>()
        .map_err(EnvironmentError::Ports)
}

/// Fills a template that belongs to no service: the path of a sink.
///
/// # Errors
/// When it has a slot that only services know.
pub fn fill(text: &str, plan: &Plan, around: &Surroundings) -> Result<String, EnvironmentError> {
    Filler {
        plan,
        around,
        own: None,
    }
    .fill(text)
}

struct Filler<'a> {
    plan: &'a Plan,
    around: &'a Surroundings,
    own: Option<Own<'a>>,
}

struct Own<'a> {
    service: &'a ServiceSpec,
    replica: u32,
    ports: &'a [(String, PortLease)],
    bootstrap: &'a str,
    /// Addresses of the sinks that Squall serves.
    sinks: &'a BTreeMap<String, String>,
}

impl Filler<'_> {
    fn replica_spec(
        &self,
        id: &ReplicaId,
        service: &ServiceSpec,
    ) -> Result<ReplicaSpec, EnvironmentError> {
        let bugs: Vec<_> = service
            .bugs
            .iter()
            .filter(|bug| self.plan.system.bugs.contains(&bug.name))
            .collect();
        let mut command = Vec::new();
        for text in service
            .command
            .iter()
            .chain(bugs.iter().flat_map(|bug| &bug.arguments))
        {
            command.push(self.fill(text)?);
        }
        let scenario = self.plan.system.environment.get(&service.name);
        let layers = [&service.environment]
            .into_iter()
            .chain(bugs.iter().map(|bug| &bug.environment))
            .chain(scenario);
        let mut environment = BTreeMap::new();
        for (name, text) in layers.flatten() {
            environment.insert(name.clone(), self.fill(text)?);
        }
        let mut command = command.into_iter();
        let launch = Launch {
            program: command.next().unwrap_or_default(),
            arguments: command.collect(),
            environment,
            working_directory: self.working_directory(service)?,
            log: self
                .around
                .run
                .join("logs")
                .join(format!("{}-{}.log", id.service, id.replica)),
        };
        Ok(ReplicaSpec {
            id: id.clone(),
            launch,
            readiness: self.readiness(service)?,
            ready_within: Duration::from_nanos(
                service.ready_within_ns.unwrap_or(self.plan.timing.ready_ns),
            ),
            stop_timeout: Duration::from_nanos(service.stop_timeout_ns),
        })
    }

    fn working_directory(&self, service: &ServiceSpec) -> Result<PathBuf, EnvironmentError> {
        let Some(text) = &service.working_directory else {
            return Ok(self.around.run.clone());
        };
        let folder = self.system_folder().join(self.fill(text)?);
        Ok(std::path::absolute(&folder).unwrap_or(folder))
    }

    fn system_folder(&self) -> PathBuf {
        let folder = Path::new(&self.plan.system.spec.folder);
        std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
    }

    fn readiness(&self, service: &ServiceSpec) -> Result<Readiness, EnvironmentError> {
        let at = |port: &str| {
            let ports = self.own.as_ref().map_or(&[][..], |own| own.ports);
            address(ports, port).ok_or_else(|| EnvironmentError::NoPort {
                service: service.name.clone(),
                port: port.to_owned(),
            })
        };
        Ok(match &service.ready {
            Ready::Http { port, path } => Readiness::Http {
                address: at(port)?,
                path: self.fill(path)?,
            },
            Ready::Port { port } => Readiness::Port { address: at(port)? },
            Ready::Log { text } => Readiness::Log { text: text.clone() },
            Ready::Running => Readiness::Running,
        })
    }

    fn fill(&self, text: &str) -> Result<String, EnvironmentError> {
        let template =
            Template::parse(text, SYSTEM_SLOTS).map_err(|error| EnvironmentError::Template {
                text: text.to_owned(),
                why: format!("{}; {}", error.what, error.fix),
            })?;
        if let Some(slot) = template.slots().find(|slot| self.value(slot).is_none()) {
            let why = format!("`{slot}` has no value here");
            return Err(EnvironmentError::Template {
                text: text.to_owned(),
                why,
            });
        }
        Ok(template.render(|slot, out| out.push_str(&self.value(slot).unwrap_or_default())))
    }

    fn value(&self, slot: &str) -> Option<String> {
        match slot {
            "bootstrap" => Some(match &self.own {
                Some(own) => own.bootstrap.to_owned(),
                None => self.around.bootstrap.clone(),
            }),
            "run" => Some(self.around.run.display().to_string()),
            "squall" => Some(self.around.squall.display().to_string()),
            "system" => Some(self.system_folder().display().to_string()),
            "seed" => Some(self.plan.seed.to_string()),
            "bugs" => Some(self.bugs()),
            "client" => {
                let settings = self.plan.cluster.client.iter();
                Some(
                    settings
                        .map(|(key, value)| format!("{key}={value}"))
                        .collect::<Vec<_>>()
                        .join(","),
                )
            }
            _ => match slot.strip_prefix("topic.") {
                Some(topic) => Some(self.topic(topic)),
                None => self.own_value(slot),
            },
        }
    }

    /// The name that a topic of the system has in this run.
    fn topic(&self, name: &str) -> String {
        let own = format!("{}{name}", self.plan.cluster.prefix);
        let mut topics = self.plan.cluster.topics.iter();
        // One whose name is fixed has no prefix.
        match topics.any(|topic| topic.name == name) {
            true => name.to_owned(),
            false => own,
        }
    }

    fn own_value(&self, slot: &str) -> Option<String> {
        let own = self.own.as_ref()?;
        match slot {
            "service" => Some(own.service.name.clone()),
            "replica" => Some(own.replica.to_string()),
            "group" => own.service.group.clone(),
            "port" => own
                .ports
                .first()
                .map(|(_, lease)| lease.number().to_string()),
            _ => match slot.strip_prefix("sink.") {
                Some(sink) => own.sinks.get(sink).cloned(),
                None => address(own.ports, slot.strip_prefix("port.")?)
                    .map(|address| address.port().to_string()),
            },
        }
    }

    /// Those that are on, and for a service only those that it has.
    fn bugs(&self) -> String {
        let known = |bug: &&String| {
            self.own
                .as_ref()
                .is_none_or(|own| own.service.bugs.iter().any(|known| known.name == **bug))
        };
        let on: Vec<&str> = self
            .plan
            .system
            .bugs
            .iter()
            .filter(known)
            .map(String::as_str)
            .collect();
        on.join(",")
    }
}

fn address(ports: &[(String, PortLease)], name: &str) -> Option<SocketAddr> {
    let (_, lease) = ports.iter().find(|(known, _)| known == name)?;
    Some(SocketAddr::from((Ipv4Addr::LOCALHOST, lease.number())))
}

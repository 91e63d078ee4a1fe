//! An environment whose services are processes on this machine, over any bus.

use super::bus::Bus;
use super::happenings::Happenings;
use super::network::Network;
use super::notes::{Notes, ServiceNotes};
use super::placement::{self, Placement, Surroundings, Version};
use super::served::{Served, SinkAt};
use super::supervision::{
    ReplicaId, ReplicaSpec, SupervisionError, Supervisor, SupervisorOptions, TornDown,
};
use super::{Environment, EnvironmentError};
use squall_plan::Plan;
use squall_plan::fault::Fault;
use squall_plan::system::SinkStore;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Services as processes of this machine, and a bus that this process can disturb.
pub struct Site {
    plan: Plan,
    name: &'static str,
    bus: Arc<dyn Bus>,
    network: Box<dyn Network>,
    happenings: Arc<Happenings>,
    supervisor: Arc<Supervisor>,
    around: Surroundings,
    placement: RwLock<Placement>,
    served: Served,
}

/// What a site is built from.
pub struct SiteParts {
    /// As reports name it.
    pub name: &'static str,
    pub bus: Arc<dyn Bus>,
    pub network: Box<dyn Network>,
    /// Filled by whoever listens to the bus.
    pub happenings: Arc<Happenings>,
    /// The sinks that Squall serves.
    pub served: Served,
    /// Binary that becomes the guard, and that `{{squall}}` means; `None`: this one.
    pub squall: Option<PathBuf>,
}

impl Site {
    /// Starts the guard and settles where everything goes. No service runs yet.
    ///
    /// # Errors
    /// When the guard cannot be started, a port cannot be had, or a template cannot be filled.
    pub fn new(
        plan: &Plan,
        run_folder: &Path,
        parts: SiteParts,
        notes: Arc<dyn Notes>,
    ) -> Result<Self, EnvironmentError> {
        let squall = match parts.squall {
            Some(program) => program,
            None => std::env::current_exe().map_err(EnvironmentError::OwnProgram)?,
        };
        let around = Surroundings {
            bootstrap: parts.bus.bootstrap(),
            run: std::path::absolute(run_folder).unwrap_or_else(|_| run_folder.to_owned()),
            squall: squall.clone(),
        };
        let placement = Placement::of(plan, &around, &*parts.network)?;
        let options = SupervisorOptions {
            logs: around.run.join("logs"),
            guard_program: Some(squall),
        };
        let supervisor = Supervisor::start(options, Arc::new(ServiceNotes(notes)))?;
        for spec in &placement.replicas {
            supervisor.declare(spec.clone());
        }
        Ok(Self {
            plan: plan.clone(),
            name: parts.name,
            bus: parts.bus,
            network: parts.network,
            happenings: parts.happenings,
            supervisor: Arc::new(supervisor),
            around,
            placement: RwLock::new(placement),
            served: parts.served,
        })
    }

    fn placement(&self) -> RwLockReadGuard<'_, Placement> {
        self.placement
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// To be ended by others too, such as a second Ctrl-C.
    #[must_use]
    pub fn shared_supervisor(&self) -> Arc<Supervisor> {
        Arc::clone(&self.supervisor)
    }
}

impl Environment for Site {
    fn name(&self) -> &'static str {
        self.name
    }

    fn bus(&self) -> &dyn Bus {
        &*self.bus
    }

    fn network(&self) -> &dyn Network {
        &*self.network
    }

    fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    fn happenings(&self) -> &Happenings {
        &self.happenings
    }

    fn start_services(&self) -> Result<(), EnvironmentError> {
        for service in &self.plan.system.spec.services {
            let ids = self.supervisor.replicas_of(&service.name);
            self.supervisor.start_all(&ids)?;
        }
        Ok(())
    }

    fn endpoints(&self, service: &str, port: &str) -> Vec<SocketAddr> {
        self.placement().endpoints(service, port)
    }

    fn on_bus(&self) -> Vec<ReplicaId> {
        self.placement().on_bus.clone()
    }

    fn group_of(&self, service: &str) -> Option<&str> {
        self.plan.system.spec.service(service)?.group.as_deref()
    }

    fn served_sinks(&self) -> Vec<String> {
        self.served.names()
    }

    fn sink(&self, name: &str) -> Option<SinkAt> {
        if let Some(reached) = self.served.sink(name) {
            return Some(reached);
        }
        let SinkStore::Sqlite { path, .. } = &self.plan.system.spec.sink(name)?.store else {
            return None;
        };
        Some(SinkAt::Sqlite {
            path: PathBuf::from(self.fill(path).ok()?),
        })
    }

    fn seed(&self) -> u64 {
        self.plan.seed
    }

    fn fill(&self, template: &str) -> Result<String, EnvironmentError> {
        placement::fill(template, &self.plan, &self.around)
    }

    fn prepare(&self, id: &ReplicaId, version: &Version) -> Result<ReplicaSpec, EnvironmentError> {
        let mut placement = self
            .placement
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let network = &*self.network;
        let spec = placement.prepare(&self.plan, &self.around, network, id, version)?;
        self.supervisor.declare(spec.clone());
        Ok(spec)
    }

    fn refuses(&self, fault: &Fault) -> Option<EnvironmentError> {
        crate::faults::refusal(fault, self.plan.environment).map(|why| EnvironmentError::Refused {
            environment: self.name,
            fault: fault.name.clone(),
            why,
        })
    }

    fn tear_down(&self) -> Result<TornDown, SupervisionError> {
        let torn_down = self.supervisor.tear_down();
        self.bus.shut_down();
        torn_down
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.supervisor.end_now();
        self.bus.shut_down();
    }
}

//! The services of the system: started, watched, killed and stopped.

use super::templates::Templates;
use crate::error::SimError;
use crate::kernel::{MS, Nanos, ProcessId};
use crate::service::Process;
use crate::world::World;
use squall_env::{Either, select};
use squall_history::{ServiceState, What};
use squall_plan::Plan;
use squall_plan::system::ServiceSpec;
use squall_sut::{Service, Settings};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// What a process takes to get from exec to its first line.
const START_NS: Nanos = 20 * MS;

/// One replica of one service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Replica {
    pub service: String,
    pub replica: u32,
}

/// As a fault's target is written.
impl fmt::Display for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.replica)
    }
}

impl Replica {
    /// What its processes are called, one after another.
    pub fn process_name(&self) -> String {
        format!("{}-{}", self.service, self.replica)
    }
}

pub struct Services {
    world: Rc<World>,
    plan: Rc<Plan>,
    running: RefCell<BTreeMap<Replica, Rc<Process>>>,
    /// Of replicas that are not what the plan has: the plan as it would be with them.
    versions: RefCell<BTreeMap<Replica, Rc<Plan>>>,
    /// Whether ends are expected from here on.
    tearing_down: Cell<bool>,
    turn: Cell<usize>,
}

impl Services {
    pub fn new(world: &Rc<World>, plan: &Rc<Plan>) -> Rc<Self> {
        Rc::new(Self {
            world: Rc::clone(world),
            plan: Rc::clone(plan),
            running: RefCell::default(),
            versions: RefCell::default(),
            tearing_down: Cell::new(false),
            turn: Cell::new(0),
        })
    }

    /// All replicas of a service, or the one that is meant.
    pub fn replicas(&self, service: &str, replica: Option<u32>) -> Vec<Replica> {
        let wanted = (0..self.declared(service))
            .filter(|index| replica.is_none_or(|replica| replica == *index));
        let name = |replica| Replica {
            service: service.to_owned(),
            replica,
        };
        wanted.map(name).collect()
    }

    /// How many replicas the plan has of a service.
    fn declared(&self, service: &str) -> u32 {
        self.plan.system.scale.get(service).copied().unwrap_or(1)
    }

    pub fn process(&self, replica: &Replica) -> Option<Rc<Process>> {
        self.running.borrow().get(replica).cloned()
    }

    /// The process of a replica that is not down.
    fn living(&self, replica: &Replica) -> Option<Rc<Process>> {
        self.process(replica).filter(|process| process.alive.get())
    }

    /// From its next start on, a replica is what this plan has.
    pub fn set_version(&self, replica: &Replica, plan: &Rc<Plan>) {
        let mut versions = self.versions.borrow_mut();
        versions.insert(replica.clone(), Rc::clone(plan));
    }

    /// Processes of a service that are alive.
    pub fn alive(&self, service: &str) -> usize {
        let running = self.running.borrow();
        let own = running.iter().filter(|(id, _)| id.service == service);
        own.filter(|(_, process)| process.alive.get()).count()
    }

    /// There is no such replica any more.
    pub fn forget(&self, replica: &Replica) {
        self.running.borrow_mut().remove(replica);
    }

    /// Every process that runs.
    pub fn processes(&self) -> Vec<ProcessId> {
        let running = self.running.borrow();
        running.values().map(|process| process.id).collect()
    }

    /// A process of a service to send the next request to, in turn: one that takes connections, as the load's own connections are to such
    /// alone after the first that breaks. Where there is none, one that is down.
    pub fn next_of(&self, service: &str) -> Option<Rc<Process>> {
        let running = self.running.borrow();
        // The load knows those that there were when it began.
        let declared = self.declared(service);
        let own = running
            .iter()
            .filter(|(id, _)| id.service == service && id.replica < declared)
            .map(|(_, process)| process);
        let mut all: Vec<&Rc<Process>> = own.clone().filter(|one| one.alive.get()).collect();
        if all.is_empty() {
            all.extend(own);
        }
        self.turn.set(self.turn.get() + 1);
        all.get(self.turn.get() % all.len().max(1))
            .map(|process| Rc::clone(process))
    }

    /// Starts all, in file order, each after the one before it is ready.
    pub async fn start_all(self: &Rc<Self>) -> Result<(), SimError> {
        for service in &self.plan.system.spec.services {
            for replica in self.replicas(&service.name, None) {
                self.start(&replica).await?;
            }
            for replica in self.replicas(&service.name, None) {
                if !self
                    .wait_ready(
                        &replica,
                        service.ready_within_ns.unwrap_or(self.plan.timing.ready_ns),
                    )
                    .await
                {
                    return Err(SimError::ServiceNotReady(service.name.clone()));
                }
            }
        }
        Ok(())
    }

    /// Starts a replica, unless it runs: as a supervisor does, for two processes of one replica would write beside each other. One that is
    /// being stopped is left to whoever stops it.
    pub async fn start(self: &Rc<Self>, replica: &Replica) -> Result<(), SimError> {
        let spec = self
            .plan
            .system
            .spec
            .service(&replica.service)
            .ok_or_else(|| SimError::Service {
                service: replica.service.clone(),
                why: "the system has no such service".to_owned(),
            })?;
        let version = self.versions.borrow().get(replica).cloned();
        let version = version.as_ref().unwrap_or(&self.plan);
        let (service, settings) = settings(version, spec, replica.replica)?;
        self.world.kernel.sleep(START_NS).await;
        if self.living(replica).is_some() {
            return Ok(());
        }
        let name = replica.process_name();
        for (variable, path) in [
            ("SQLITE_PATH", &settings.sqlite_path),
            ("MAILDIR", &settings.maildir),
        ] {
            if let Some(path) = path {
                self.world.set_path(&name, variable, path);
            }
        }
        let process = Process::start(&self.world, &name, service, settings);
        self.note(replica, &process, ServiceState::Starting, String::new());
        self.running
            .borrow_mut()
            .insert(replica.clone(), Rc::clone(&process));
        let (services, replica) = (Rc::clone(self), replica.clone());
        self.world.kernel.spawn(super::HARNESS, async move {
            services.watch(replica, process).await
        });
        Ok(())
    }

    /// Tells when the process gets ready, and when it ends by itself.
    async fn watch(self: Rc<Self>, replica: Replica, process: Rc<Process>) {
        let started = self.world.kernel.now();
        process
            .changed
            .until(|| process.ready.get() || process.has_ended())
            .await;
        if process.ready.get() {
            let after = (self.world.kernel.now() - started) / MS;
            self.note(
                &replica,
                &process,
                ServiceState::Ready,
                format!("after {after} ms"),
            );
        }
        process.changed.until(|| process.has_ended()).await;
        let result = process.ended.borrow().clone();
        let (state, detail) = match result {
            None => (ServiceState::Killed, "killed".to_owned()),
            Some(Ok(())) if process.stopping.get() || self.tearing_down.get() => {
                (ServiceState::Stopped, "exit code 0".to_owned())
            }
            Some(Ok(())) => (ServiceState::Exited, "exit code 0".to_owned()),
            Some(Err(why)) => (ServiceState::Exited, why),
        };
        self.note(&replica, &process, state, detail);
    }

    fn note(&self, replica: &Replica, process: &Process, state: ServiceState, detail: String) {
        self.world.journal.note(What::Service {
            name: replica.service.clone(),
            replica: replica.replica,
            pid: Some(process.id.0),
            state,
            detail,
        });
    }

    pub async fn wait_ready(&self, replica: &Replica, within: Nanos) -> bool {
        let Some(process) = self.process(replica) else {
            return false;
        };
        let ready = process
            .changed
            .until(|| process.ready.get() || process.has_ended());
        matches!(select(ready, self.world.kernel.sleep(within)).await, Either::First(()) if process.ready.get())
    }

    /// Whether a replica has another process than this one, or none, and did not end by itself.
    pub fn was_hit_again(&self, replica: &Replica, process: Option<ProcessId>) -> bool {
        self.process(replica).is_none_or(|now| {
            let by_itself = now.ended.borrow().is_some() && !now.stopping.get();
            // Asked to stop, it may have ended before it is noticed to be down.
            Some(now.id) != process || now.stopping.get() || (!now.alive.get() && !by_itself)
        })
    }

    /// SIGKILL. False: it was down already.
    pub fn kill(&self, replica: &Replica) -> bool {
        let Some(process) = self.living(replica) else {
            return false;
        };
        process.kill();
        true
    }

    /// SIGSTOP. False: it is down.
    pub fn pause(&self, replica: &Replica) -> bool {
        let Some(process) = self.living(replica) else {
            return false;
        };
        self.world.kernel.pause_process(process.id);
        true
    }

    /// SIGCONT.
    pub fn resume(&self, replica: &Replica) {
        if let Some(process) = self.process(replica) {
            self.world.kernel.resume_process(process.id);
        }
    }

    /// SIGTERM, time to end well, SIGKILL.
    pub async fn stop(&self, replica: &Replica) -> bool {
        let Some(process) = self.living(replica) else {
            return false;
        };
        let within = self
            .plan
            .system
            .spec
            .service(&replica.service)
            .map_or(0, |spec| spec.stop_timeout_ns);
        process.ask_to_stop();
        let ended = process.changed.until(|| !process.alive.get());
        if let Either::Second(()) = select(ended, self.world.kernel.sleep(within)).await {
            process.kill();
        }
        true
    }

    /// Stops all, in reverse order: nothing may add an effect behind a reader's back.
    pub async fn stop_all(&self) {
        self.tearing_down.set(true);
        let all: Vec<Replica> = self.running.borrow().keys().cloned().collect();
        for service in self.plan.system.spec.services.iter().rev() {
            for replica in all.iter().filter(|replica| replica.service == service.name) {
                self.stop(replica).await;
            }
        }
    }
}

/// Which reference service it is, and what it is told.
pub(super) fn settings(
    plan: &Plan,
    spec: &ServiceSpec,
    replica: u32,
) -> Result<(Service, Settings), SimError> {
    let templates = Templates::of_service(plan, spec, replica);
    let bugs: Vec<_> = spec
        .bugs
        .iter()
        .filter(|bug| plan.system.bugs.contains(&bug.name))
        .collect();
    let command: Vec<String> = spec
        .command
        .iter()
        .map(|text| templates.fill(text))
        .collect();
    let reference = match command.as_slice() {
        [program, verb, name] if program == "squall" && verb == "service" => Service::parse(name),
        _ => None,
    };
    let service = reference.ok_or_else(|| SimError::ForeignService {
        service: spec.name.clone(),
        command: command.join(" "),
    })?;
    let own = plan.system.environment.get(&spec.name);
    let layers = [&spec.environment]
        .into_iter()
        .chain(bugs.iter().map(|bug| &bug.environment))
        .chain(own);
    let variables: BTreeMap<String, String> = layers
        .flatten()
        .map(|(name, text)| (name.clone(), templates.fill(text)))
        .collect();
    let settings = Settings::read(service, &variables).map_err(|error| SimError::Service {
        service: spec.name.clone(),
        why: error.problems.join("; "),
    })?;
    Ok((service, settings))
}

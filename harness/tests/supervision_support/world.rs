//! An environment of real processes, a bus of bare listeners and a network that only counts, for tests of faults.
#![allow(dead_code, clippy::unwrap_used)]

use crate::supervision_support::Bench;
use squall::environment::bus::{Bus, Leadership};
use squall::environment::happenings::Happenings;
use squall::environment::network::{End, Network, Touched, Treated};
use squall::environment::notes::Notes;
use squall::environment::placement::Version;
use squall::environment::supervision::{
    Readiness, ReplicaId, ReplicaSpec, SupervisionError, Supervisor, TornDown,
};
use squall::environment::{Environment, EnvironmentError};
use squall::faults::{Schedule, fault_health};
use squall_check::FaultHealth;
use squall_history::{FaultState, What};
use squall_plan::fault::{Fault, FaultKind, Proof, Target, Terms, Treatment};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Three brokers that only listen; broker 1 leads `signups/0` and coordinates, broker 2 hosts the controller.
pub struct Listeners(Mutex<BTreeMap<u32, (SocketAddr, Option<TcpListener>)>>);

impl Listeners {
    fn new() -> Self {
        let broker = |id| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            (id, (listener.local_addr().unwrap(), Some(listener)))
        };
        Self(Mutex::new((1..=3).map(broker).collect()))
    }
}

impl Bus for Listeners {
    fn bootstrap(&self) -> String {
        self.address(1).unwrap().to_string()
    }

    fn address(&self, broker: u32) -> Option<SocketAddr> {
        Some(self.0.lock().unwrap().get(&broker)?.0)
    }

    fn leaders(&self) -> Vec<Leadership> {
        let leader = |partition, leader| Leadership {
            topic: "signups".to_owned(),
            partition,
            leader: Some(leader),
        };
        vec![leader(0, 1), leader(1, 2)]
    }

    fn brokers(&self) -> Vec<u32> {
        vec![1, 2, 3]
    }

    fn followers(&self, _: &str, _: u32) -> Vec<u32> {
        vec![3]
    }

    fn coordinator(&self, group: &str) -> Option<u32> {
        (group == "workers").then_some(1)
    }

    fn controller(&self) -> Option<u32> {
        Some(2)
    }

    fn kill(&self, broker: u32) -> Result<(), String> {
        let mut brokers = self.0.lock().unwrap();
        let known = brokers.get_mut(&broker).ok_or("there is none")?;
        known.1.take().map(drop).ok_or("dead already".to_owned())
    }

    fn start_broker(&self, broker: u32) -> Result<(), String> {
        let mut brokers = self.0.lock().unwrap();
        let known = brokers.get_mut(&broker).ok_or("there is none")?;
        known.1 = Some(TcpListener::bind(known.0).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn await_in_sync(&self, _: Duration) -> Result<(), String> {
        let brokers = self.0.lock().unwrap();
        let all = brokers.values().all(|(_, listener)| listener.is_some());
        all.then_some(()).ok_or("one is away".to_owned())
    }

    fn shut_down(&self) {}
}

/// A connection runs from every replica and from the load to every broker, and among brokers and the controller; `traffic`
/// is what each way has carried so far.
#[derive(Default)]
pub struct Wires(Arc<Mutex<Inside>>);

#[derive(Default)]
pub struct Inside {
    pub treated: Vec<(End, End, Treatment)>,
    pub closed: Vec<End>,
    pub traffic: u64,
    pub refuses: bool,
}

impl Wires {
    pub fn lock(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }
}

struct Wire {
    wires: Arc<Mutex<Inside>>,
    before: u64,
    way: Option<(End, End, Treatment)>,
    closed: Option<End>,
}

impl Network for Wires {
    fn bootstrap(&self, _: &End) -> Result<String, String> {
        Ok("127.0.0.1:9".to_owned())
    }

    fn treat(
        &self,
        from: &End,
        to: &End,
        treatment: &Treatment,
    ) -> Result<Option<Box<dyn Treated>>, String> {
        let client = |end: &End| matches!(end, End::Replica(_) | End::Load);
        if client(from) && client(to)
            || [from, to].contains(&&End::Controller) && (client(from) || client(to))
        {
            return Ok(None);
        }
        let mut inside = self.lock();
        if inside.refuses {
            return Err("these wires cannot do that".to_owned());
        }
        let way = (from.clone(), to.clone(), treatment.clone());
        inside.treated.push(way.clone());
        Ok(Some(Box::new(Wire {
            wires: Arc::clone(&self.0),
            before: inside.traffic,
            way: Some(way),
            closed: None,
        })))
    }

    fn passed_bytes(&self, _: &End) -> u64 {
        self.lock().traffic
    }

    fn close(&self, to: &End) -> Result<Vec<Box<dyn Treated>>, String> {
        let mut inside = self.lock();
        inside.closed.push(to.clone());
        Ok(vec![Box::new(Wire {
            wires: Arc::clone(&self.0),
            before: inside.traffic,
            way: None,
            closed: Some(to.clone()),
        })])
    }
}

impl Treated for Wire {
    fn touched(&self) -> Touched {
        Touched {
            messages: self.wires.lock().unwrap().traffic - self.before,
            ..Touched::default()
        }
    }

    fn lift(&mut self) -> Result<(), String> {
        let mut inside = self.wires.lock().unwrap();
        if let Some(way) = self.way.take() {
            inside.treated.retain(|known| *known != way);
        }
        if let Some(end) = self.closed.take() {
            inside.closed.retain(|known| *known != end);
        }
        Ok(())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.lift().unwrap();
    }
}

pub struct World {
    pub bench: Bench,
    pub bus: Listeners,
    pub network: Wires,
    pub happenings: Happenings,
    pub started: Instant,
    pub notes: Mutex<Vec<(u64, What)>>,
}

impl Environment for World {
    fn name(&self) -> &'static str {
        "test"
    }
    fn bus(&self) -> &dyn Bus {
        &self.bus
    }
    fn network(&self) -> &dyn Network {
        &self.network
    }
    fn supervisor(&self) -> &Supervisor {
        &self.bench.supervisor
    }
    fn happenings(&self) -> &Happenings {
        &self.happenings
    }
    fn start_services(&self) -> Result<(), EnvironmentError> {
        Ok(())
    }
    fn endpoints(&self, _: &str, _: &str) -> Vec<SocketAddr> {
        Vec::new()
    }
    fn on_bus(&self) -> Vec<ReplicaId> {
        Vec::new()
    }
    fn group_of(&self, service: &str) -> Option<&str> {
        (service == "a").then_some("workers")
    }
    fn fill(&self, template: &str) -> Result<String, EnvironmentError> {
        Ok(template.to_owned())
    }
    fn prepare(&self, id: &ReplicaId, version: &Version) -> Result<ReplicaSpec, EnvironmentError> {
        let mut prepared = None;
        // A version that ends at once is never ready.
        let script = match version.bugs.is_empty() {
            true => "exec sleep 1000",
            false => "exit 3",
        };
        self.bench.declare(&id.service, script, |spec| {
            spec.id = id.clone();
            spec.launch.environment.extend(version.environment.clone());
            let log = spec.launch.log.with_extension(id.replica.to_string());
            spec.launch.log = log;
            if !version.bugs.is_empty() {
                let text = "ready".to_owned();
                spec.readiness = Readiness::Log { text };
            }
            prepared = Some(spec.clone());
        });
        Ok(prepared.unwrap())
    }
    fn refuses(&self, _: &Fault) -> Option<EnvironmentError> {
        None
    }
    fn tear_down(&self) -> Result<TornDown, SupervisionError> {
        self.bench.supervisor.tear_down()
    }
}

impl Notes for World {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap()
    }
    fn note_at(&self, at: Instant, what: What) {
        let at = u64::try_from((at - self.started).as_nanos()).unwrap();
        self.notes.lock().unwrap().push((at, what));
    }
}

impl World {
    /// With two running replicas of the service `a`.
    pub fn new() -> Arc<Self> {
        let bench = Bench::new();
        for number in 0..2 {
            let name = bench.declare("a", "exec sleep 1000", |spec| {
                spec.id.replica = number;
                spec.launch.log = spec.launch.log.with_extension(format!("{number}"));
            });
            bench.supervisor.spawn(&name).unwrap();
        }
        Arc::new(Self {
            bench,
            bus: Listeners::new(),
            network: Wires::default(),
            happenings: Happenings::default(),
            started: Instant::now(),
            notes: Mutex::default(),
        })
    }

    pub fn env(self: &Arc<Self>) -> Arc<dyn Environment> {
        Arc::<Self>::clone(self)
    }

    pub fn run(self: &Arc<Self>, faults: &[Fault]) -> Schedule {
        let notes: Arc<dyn Notes> = Arc::<Self>::clone(self);
        Schedule::start(faults, &self.env(), &notes, self.started).unwrap()
    }

    pub fn pid(&self, replica: u32) -> Option<i32> {
        let id = ReplicaId::new("a", replica);
        self.bench.supervisor.status(&id).unwrap().pid()
    }

    pub fn takes_connections(&self, broker: u32) -> bool {
        TcpStream::connect(self.bus.address(broker).unwrap()).is_ok()
    }

    /// Times of the notes of a fault in one state, with their details.
    pub fn told(&self, name: &str, wanted: FaultState) -> Vec<(u64, String)> {
        let notes = self.notes.lock().unwrap();
        let mut told = Vec::new();
        for (at, what) in notes.iter() {
            if let What::Fault {
                name: known,
                state,
                detail,
            } = what
                && known == name
                && *state == wanted
            {
                told.push((*at, detail.clone()));
            }
        }
        told
    }

    pub fn health(&self, fault: &Fault) -> FaultHealth {
        let notes = self.notes.lock().unwrap();
        let whats = notes.iter().map(|(_, what)| what);
        let mut health = fault_health(std::slice::from_ref(fault), whats);
        health.remove(&fault.name).unwrap()
    }
}

pub fn service(replica: Option<u32>) -> Target {
    Target::Service {
        service: "a".to_owned(),
        replica,
    }
}

pub fn fault(kind: FaultKind, target: Target, at_ms: u64, for_ms: u64, prove: &[Proof]) -> Fault {
    Fault {
        name: format!("{}-{target}", kind.name()),
        at_ns: at_ms * 1_000_000,
        for_ns: Some(for_ms * 1_000_000),
        kind,
        target,
        terms: Terms::None,
        prove: prove.to_vec(),
        drawn: false,
    }
}

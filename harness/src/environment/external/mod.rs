//! The external environment: a Kafka cluster that the user names, and that others may use too. Services are processes here, as ever.
//!
//! - [`properties`]: how the cluster is reached, from scenario, file and variables. What is secret ends there, in an [`Access`] that logs in
//!   for everybody: neither services nor Squall's own clients are told any of it.
//! - Every party has proxies of its own ([`Proxied`]), which speak TLS, log in, and rewrite the brokers' addresses. Squall's own clients
//!   have theirs on an engine of their own, which no fault reaches.
//! - [`own_names`]: topics and groups have names that no other run has; [`bus`] and [`tidy`] make them and take them away again, or [`left`]
//!   does where a run was killed.
//! - [`watch`]: leaders, in-sync sets and rebalances, as the cluster tells them of the run's own topics and groups.
//!
//! What would disturb others is refused when the plan is made (`squall_plan::fault`).

mod bus;
pub mod left;
mod properties;
mod tidy;
mod watch;

use super::EnvironmentError;
use super::happenings::Happenings;
use super::network::End;
use super::notes::Notes;
use super::proxied::{Proxied, ProxiedNetwork};
use super::served::Served;
use super::site::{Site, SiteParts};
use bus::ExternalBus;
use properties::Properties;
use rdkafka::ClientConfig;
use squall_plan::Plan;
use squall_proxy::kafka::{Access, Endpoint};
use squall_proxy::tls::OnFailure;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// As reports name it.
pub const NAME: &str = "external";

/// Begins the names of all topics and groups that Squall makes.
const PREFIX: &str = "squall-";

/// The plan with names of topics and groups that no other run has.
#[must_use]
pub fn own_names(plan: &Plan) -> Plan {
    let draw = RandomState::new().hash_one(std::process::id()) as u32;
    plan.with_prefix(&format!("{PREFIX}{draw:08x}-"))
}

/// Finds the brokers, makes the topics of a plan that has [`own_names`], and starts the guard. `say` is told how far it is.
///
/// # Errors
/// When the cluster cannot be reached, lets nobody in, or does not make the topics.
pub fn start(
    plan: &Plan,
    run_folder: &Path,
    notes: Arc<dyn Notes>,
    say: &mut dyn FnMut(&str),
) -> Result<Site, EnvironmentError> {
    let way = Way::to(plan, told_in(run_folder))?;
    let numbers: Vec<String> = way.brokers.iter().map(|one| one.node.to_string()).collect();
    say(&format!("brokers {}", numbers.join(", ")));
    let served = Served::start(plan, run_folder)?;
    let proxied = way.proxied(served.addresses(), plan.seed)?;
    let happenings = Arc::new(Happenings::default());
    let bus = ExternalBus::start(plan, run_folder, way, &notes, &happenings, say)?;
    say(&format!(
        "topics and groups are named {}...",
        plan.cluster.prefix
    ));
    let parts = SiteParts {
        name: NAME,
        network: Box::new(ProxiedNetwork::new(proxied)),
        bus: Arc::new(bus),
        happenings,
        served,
        squall: None,
    };
    Site::new(plan, run_folder, parts, notes)
}

/// The way of Squall's own clients to the cluster, which no fault reaches.
pub struct Way {
    pub brokers: Vec<Endpoint>,
    access: Access,
    pub bootstrap: String,
    _proxied: Proxied,
}

impl Way {
    /// # Errors
    /// When the cluster cannot be reached, or lets nobody in.
    fn to(plan: &Plan, on_failure: OnFailure) -> Result<Self, EnvironmentError> {
        let variable = |name: &str| std::env::var(name).ok();
        let properties = Properties::gather(plan, variable).map_err(unreachable)?;
        let access = properties.access(on_failure).map_err(unreachable)?;
        let brokers = access.brokers(&properties.bootstrap);
        let brokers = brokers.map_err(|error| unreachable(error.to_string()))?;
        let proxied = begin(&brokers, &access, BTreeMap::new(), plan.seed)?;
        let bootstrap = proxied.bootstrap(&End::Load).map_err(unreachable)?;
        Ok(Self {
            brokers,
            access,
            bootstrap,
            _proxied: proxied,
        })
    }

    /// For clients of Squall's own.
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "squall");
        config
    }

    /// Proxies for the parties of a run.
    fn proxied(
        &self,
        sinks: BTreeMap<String, SocketAddr>,
        seed: u64,
    ) -> Result<Proxied, EnvironmentError> {
        begin(&self.brokers, &self.access, sinks, seed)
    }
}

fn begin(
    brokers: &[Endpoint],
    access: &Access,
    sinks: BTreeMap<String, SocketAddr>,
    seed: u64,
) -> Result<Proxied, EnvironmentError> {
    Proxied::before(brokers.to_vec(), access.clone(), sinks, seed).map_err(unreachable)
}

/// Why connections to brokers failed goes to a log of the run.
fn told_in(run_folder: &Path) -> OnFailure {
    let logs = run_folder.join("logs");
    OnFailure::new(move |line| {
        // A disk that is full shows elsewhere.
        let _ = std::fs::create_dir_all(&logs);
        let mut options = std::fs::File::options();
        let log = options
            .create(true)
            .append(true)
            .open(logs.join("proxy.log"));
        let _ = log.and_then(|mut log| writeln!(log, "{line}"));
    })
}

fn unreachable(why: String) -> EnvironmentError {
    EnvironmentError::Unreachable(why)
}

//! The embedded environment: our Kafka model behind the real protocol on loopback, services as processes.

mod bus;
pub mod coordinator;
mod facts;
mod links;
mod network;
mod view;

use super::EnvironmentError;
use super::happenings::Happenings;
use super::notes::Notes;
use super::proxied::Proxied;
use super::served::Served;
use super::site::{Site, SiteParts};
use bus::EmbeddedBus;
use links::Links;
use network::EmbeddedNetwork;
use squall_plan::Plan;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// As reports name it.
pub const NAME: &str = "embedded";

/// Starts the brokers of a plan with their topics, and the guard. Services start with
/// [`super::Environment::start_services`]. Data, logs and segment files go to the run's folder.
///
/// # Errors
/// When brokers or guard cannot be started.
pub fn start(
    plan: &Plan,
    run_folder: &Path,
    notes: Arc<dyn Notes>,
) -> Result<Site, EnvironmentError> {
    start_with(plan, run_folder, notes, None)
}

/// As [`start`], where another binary becomes the guard and is meant by `{{squall}}`; for tests.
///
/// # Errors
/// As [`start`].
pub fn start_with(
    plan: &Plan,
    run_folder: &Path,
    notes: Arc<dyn Notes>,
    squall: Option<PathBuf>,
) -> Result<Site, EnvironmentError> {
    let happenings = Arc::new(Happenings::default());
    let bus = EmbeddedBus::start(&plan.cluster, run_folder, &notes, &happenings)?;
    let bus = Arc::new(bus);
    let links = Links::new(
        Arc::clone(&bus),
        bus::ordinary_link(&plan.cluster),
        plan.seed,
    );
    let served = Served::start(plan, run_folder)?;
    let proxied = Proxied::start(bus.addresses(), served.addresses(), plan.seed);
    let proxied = proxied.map_err(EnvironmentError::Bus)?;
    let parts = SiteParts {
        name: NAME,
        network: Box::new(EmbeddedNetwork::new(links, proxied)),
        bus,
        happenings,
        served,
        squall,
    };
    Site::new(plan, run_folder, parts, notes)
}

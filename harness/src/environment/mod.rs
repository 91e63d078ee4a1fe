//! Where a plan runs: brokers, services, readiness, supervision and tear-down.

pub mod bus;
pub mod docker;
pub mod embedded;
mod error;
pub mod external;
pub mod guard;
pub mod happenings;
pub mod interrupt;
pub mod mail_server;
pub mod network;
pub mod notes;
pub mod owner;
pub mod placement;
pub mod ports;
pub mod processes;
mod proxied;
pub mod served;
pub mod site;
pub mod supervision;
pub mod sweep;
mod until;
mod view;

pub use error::EnvironmentError;
pub use site::Site;
pub use until::until;

use bus::Bus;
use happenings::Happenings;
use network::Network;
use placement::Version;
use served::SinkAt;
use squall_plan::fault::Fault;
use std::net::SocketAddr;
use std::process::ExitCode;
use supervision::{ReplicaId, ReplicaSpec, SupervisionError, Supervisor, TornDown};

/// A bus and the services of a system, up and running, and the handles to disturb them.
pub trait Environment: Send + Sync {
    /// As reports name it: `embedded`.
    fn name(&self) -> &'static str;

    fn bus(&self) -> &dyn Bus;

    fn supervisor(&self) -> &Supervisor;

    /// The connections between brokers and services.
    fn network(&self) -> &dyn Network;

    /// What the bus was seen to do.
    fn happenings(&self) -> &Happenings;

    /// Starts all services in file order, each after the one before it is ready.
    ///
    /// # Errors
    /// When one cannot be started or does not become ready in time.
    fn start_services(&self) -> Result<(), EnvironmentError>;

    /// Addresses of a named port of all replicas of a service, by replica.
    fn endpoints(&self, service: &str, port: &str) -> Vec<SocketAddr>;

    /// The processes that were told where the brokers are.
    fn on_bus(&self) -> Vec<ReplicaId>;

    /// Consumer group of a service.
    fn group_of(&self, service: &str) -> Option<&str>;

    /// Names of the sinks that Squall serves.
    fn served_sinks(&self) -> Vec<String> {
        Vec::new()
    }

    /// What can be troubled of a sink; `None`: nothing.
    fn sink(&self, name: &str) -> Option<SinkAt> {
        let _ = name;
        None
    }

    /// Where Squall itself, past every fault, reaches the server of a sink in a container; `None`: there is none.
    fn server(&self, sink: &str) -> Option<SocketAddr> {
        match self.sink(sink) {
            Some(SinkAt::Container { direct }) => Some(direct),
            _ => None,
        }
    }

    /// What random draws of faults come from.
    fn seed(&self) -> u64 {
        0
    }

    /// Fills a template of the system file that belongs to no service, such as the path of a sink.
    ///
    /// # Errors
    /// When it has a slot that only services know.
    fn fill(&self, template: &str) -> Result<String, EnvironmentError>;

    /// Settles how the next start of a replica goes, of one that is known or of a new one, and says how.
    ///
    /// # Errors
    /// When there is no such service, no port is free, or a template cannot be filled.
    fn prepare(&self, id: &ReplicaId, version: &Version) -> Result<ReplicaSpec, EnvironmentError>;

    /// Why a fault cannot be injected here, if it cannot. For the time when the plan is made.
    fn refuses(&self, fault: &Fault) -> Option<EnvironmentError>;

    /// Stops the services, then the bus, and sweeps. Nothing can be started any more. Safe to call twice.
    ///
    /// # Errors
    /// When the guard was lost; what could be ended was.
    fn tear_down(&self) -> Result<TornDown, SupervisionError>;
}

/// Becomes the guard when this process was started as one (`squall __guard RUN`), and returns its exit code when it
/// is done. To be called first of all in `main`, before any thread or file: the guard closes what it inherited.
#[must_use]
pub fn guard_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != guard::SUBCOMMAND {
        return None;
    }
    let run = arguments.next()?;
    Some(guard::run(&run.to_string_lossy()))
}

//! Supervision of service processes, each a process group of its own, started by the guard.

mod ending;
mod error;
mod hindrance;
mod log;
mod readiness;
mod replica;
mod state;
mod supervisor;

pub use ending::{Ended, TornDown};
pub use error::SupervisionError;
pub use hindrance::Hindrance;
pub use readiness::Readiness;
pub use replica::{Observer, ReplicaId, ReplicaSpec, ServiceEvent, Status};
pub use supervisor::{Supervisor, SupervisorOptions};

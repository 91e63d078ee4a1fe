//! A cluster under test: three brokers, one controller that is never disturbed.

mod embedded;
mod guard;
mod jars;
mod real;

pub use embedded::Embedded;
pub use jars::{Jars, Missing};
pub use real::Real;

use crate::step::Act;
use squall_wire::kafka::Sent;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

/// Brokers are numbered from 1 to this.
pub const BROKERS: i32 = 3;

/// Why a cluster could not do what it was told.
#[derive(Debug, Error)]
pub enum ArmError {
    #[error("the embedded cluster: {0}")]
    Command(#[from] squall_wire::kafka::CommandError),
    #[error("the embedded cluster did not start: {0}")]
    Start(#[from] squall_wire::kafka::StartError),
    #[error("broker {broker}: {what}: {source}")]
    Process {
        broker: i32,
        what: &'static str,
        source: std::io::Error,
    },
    #[error("{what} did not happen within {patience:?}; see the logs in {folder}")]
    Patience {
        what: String,
        patience: Duration,
        folder: String,
    },
    #[error("the files of the cluster: {0}")]
    Files(#[from] std::io::Error),
    #[error("{0} cannot be done to this cluster")]
    Unable(&'static str),
}

/// What a sequence is run against.
pub trait Arm {
    fn address(&self, broker: i32) -> SocketAddr;

    /// # Errors
    /// When it cannot be done to this broker.
    fn act(&mut self, broker: i32, act: Act) -> Result<(), ArmError>;

    /// Lets time pass, real or virtual.
    ///
    /// # Errors
    /// When the cluster is gone.
    fn pass(&mut self, ms: u64) -> Result<(), ArmError>;

    /// Lets the cluster work on what these connections sent, until all is answered or so much time has passed. Gives those that
    /// will have no answer; of the others one can be read within [`Arm::read_timeout`].
    ///
    /// # Errors
    /// When the cluster is gone.
    fn work(&mut self, sent: &[Sent], ms: u64) -> Result<Vec<Sent>, ArmError>;

    /// How long to wait for bytes of an answer that was given `ms`.
    fn read_timeout(&self, ms: u64) -> Duration;

    /// How long after a change a reader of a cluster at rest waits.
    fn rest_ms(&self) -> u64;
}

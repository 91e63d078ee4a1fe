//! The docker environment: a real Kafka cluster in containers, the real Toxiproxy before it, services as processes.
//!
//! # Who owns what
//!
//! `real::engine::Engine` owns everything that the container engine holds for a run: one network and the containers on it, all under the
//! labels of `real::labels`. It removes them when it is shut down or dropped; what a killed harness leaves is known by its labels and
//! swept by the next run or `squall clean` ([`sweep`]).
//!
//! # The way of a byte
//!
//! Every party (the load, each replica of each service) reaches every broker by a port of its own, the same number everywhere:
//!
//! ```text
//! party -> 127.0.0.1:P (published by Toxiproxy's container) -> Toxiproxy, proxy PARTY.broker-N -> broker N's container, listener :P
//! ```
//!
//! The servers of sinks (`real::servers`) are reached in the same way; as one listens by one port for all, a second proxy of Toxiproxy's for
//! each way stands before it, so that what left the first can be counted apart:
//!
//! ```text
//! party -> 127.0.0.1:P -> Toxiproxy, proxy PARTY.sink-NAME -> its 127.0.0.1:Q, proxy PARTY.sink-NAME.onward -> PostgreSQL :5432, Mailpit :1025
//! ```
//!
//! Kafka gives each listener an advertised address of its own, and a client is told those of the listener that it came in by:
//! `127.0.0.1:P` for its own P alone. So nothing needs to be rewritten, and nobody can get past the proxy. Ports are leased before
//! anything starts (`real::layout`) and stay through restarts of brokers. Squall's own clients (taps, lag, the watch) come in by a
//! listener that each broker publishes itself, which no fault touches.
//!
//! A packet filter inside Toxiproxy's network namespace counts, for each P, what arrived and what went on (`real::filter`): the
//! proof that traffic flows through it, and the evidence of every fault there. Links between brokers are cut by a packet filter in
//! the broker's own namespace. Both are set from a helper container that shares the namespace.
//!
//! Leaders, in-sync sets and the controller are asked from the brokers (`real::watch`); that a group rebalanced is read in their logs.

#[cfg(feature = "docker")]
mod real;

#[cfg(feature = "docker")]
pub use real::{start, sweep};

/// As reports name it.
pub const NAME: &str = "docker";

/// This binary was built without the containers' client.
///
/// # Errors
/// Always.
#[cfg(not(feature = "docker"))]
pub fn start(
    _: &squall_plan::Plan,
    _: &std::path::Path,
    _: std::sync::Arc<dyn super::notes::Notes>,
    _: &mut dyn FnMut(&str),
) -> Result<super::Site, super::EnvironmentError> {
    Err(super::EnvironmentError::NotBuilt {
        environment: NAME,
        how: "cargo build --features docker (it needs OpenSSL's headers: libssl-dev, openssl-devel)",
    })
}

/// Without the containers' client there is nothing that this binary could have left.
///
/// # Errors
/// Never.
#[cfg(not(feature = "docker"))]
#[allow(clippy::unnecessary_wraps)]
pub fn sweep() -> Result<Vec<String>, super::EnvironmentError> {
    Ok(Vec::new())
}

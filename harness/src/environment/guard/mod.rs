//! The guard: a small process between the harness and the services, so that nothing outlives a run.

mod client;
mod groups;
mod process;
pub mod protocol;

pub use client::GuardClient;
pub use process::{SUBCOMMAND, run};
pub use protocol::{ExitSeen, Launch, Order, Signal, Token, Told};

//! `squall serve kafka --api`: the embedded cluster by HTTP and JSON, so that tests in any language see who leads and break brokers.
//!
//! `server` speaks HTTP, `route` finds out what is meant, `cluster` does it.

mod cluster;
mod route;
mod server;

pub use cluster::Controlled;
pub use server::ApiServer;

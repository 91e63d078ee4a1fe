//! Kafka's protocol over the broker models: an embedded cluster that any Kafka client may use.
//!
//! ```text
//!   sockets ──▶ codec ──▶ broker machines ◀──links──▶ controller machine
//!                 │             │
//!                 └── store ────┘  segment files, shared by all replicas
//! ```
//!
//! [`Cluster`] is the handle; everything behind it is one thread (see `server`).

mod clock;
mod cluster;
mod codec;
mod config;
mod fact;
mod link;
mod names;
mod parse;
mod record_batch;
mod serve;
mod server;
mod store;

pub use clock::{Clock, Sent};
pub use cluster::Cluster;
pub use codec::Malformed;
pub use config::{ClusterConfig, TopicConfig};
pub use fact::{Facts, NamedFact, PartitionName, StampedFact};
pub use link::{Draw, LinkConfig, LinkStats};
pub use parse::parse_request;
pub use serve::{ServeError, ServeOptions, serve, serve_with};
pub use server::{
    CommandError, Counters, Disk, DiskStats, GroupPosition, PartitionSnapshot, Snapshot, StartError,
};

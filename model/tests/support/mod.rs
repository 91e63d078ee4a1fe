//! A deterministic world for broker and controller machines: links with latency, crashes, restarts, power loss, and a workload whose
//! acknowledged records are held against what the logs say in the end.

#![allow(dead_code, clippy::unwrap_used)]

pub mod chaos;
pub mod oracle;
pub mod random;
pub mod workload;
pub mod world;

pub const MILLISECOND: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MILLISECOND;

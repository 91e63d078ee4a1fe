//! Chaos and load testing for event-driven systems: command line and orchestration.

mod bugs;
pub mod cli;
pub mod environment;
pub mod exit;
mod explain;
pub mod faults;
mod parallel;
pub mod run;
mod score;
pub mod shrink;
pub mod sweep;
pub mod verdict;

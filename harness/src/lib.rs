//! Chaos and load testing for event-driven systems: command line and orchestration.

pub mod environment;
pub mod faults;

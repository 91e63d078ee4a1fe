//! One conformance suite for our broker models and a real Kafka.

pub mod arm;
pub mod client;
pub mod exceptions;
pub mod generate;
pub mod random;
pub mod run;
pub mod seen;
pub mod shrink;
pub mod spec;
pub mod step;
pub mod suite;
pub mod text;

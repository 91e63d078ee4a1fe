//! From scenario YAML and a seed to a plan: pure data.

pub mod fault;
pub mod nemesis;
pub mod payload;
pub mod plan;
mod problem;
pub mod rng;
pub mod sample;
pub mod scenario;
pub mod shape;
pub mod system;
pub mod template;
pub mod units;
pub mod yaml;

/// JSON Schemas of the files, for editors.
pub mod schema {
    pub use crate::shape::{scenario_schema as scenario, system_schema as system};
}

pub use plan::Plan;
pub use problem::{Problem, Problems};
pub use scenario::Scenario;
pub use system::SystemSpec;

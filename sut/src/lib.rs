//! The reference systems under test and their planted bugs.
//!
//! `signup` is a small event-driven system of the usual shape: a producer behind HTTP, one consumer that sends mail, one
//! that writes rows, and a relay for measurements. Every handler is generic over [`squall_env::Env`]; nothing in here but
//! [`process`] touches a socket, a file, a clock or a thread. See `docs/signup.md`.

mod bugs;
mod consumer;
mod envelope;
mod events;
mod json;
mod producer;
mod relay;
mod retry;
mod service;
mod settings;
mod trace;

#[cfg(feature = "process")]
pub mod process;

#[cfg(test)]
mod handler_tests;
#[cfg(test)]
mod testing;

pub use bugs::{Bug, Bugs};
#[cfg(feature = "process")]
pub use process::run_service;
pub use service::{SERVICES, Service, ServiceError, run};
pub use settings::{EffectSettings, Secret, Settings, SettingsError};

//! Why an environment could not be provided (exit code 4).

use super::supervision::SupervisionError;
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    #[error("the brokers cannot be started: {0}")]
    Bus(String),
    #[error("the cluster cannot be used: {0}")]
    Unreachable(String),
    #[error("no port for a service: {0}")]
    Ports(io::Error),
    #[error(
        "service `{service}` has no port named `{port}`\n  help: name it under `ports` of the service"
    )]
    NoPort { service: String, port: String },
    #[error("the template `{text}` cannot be filled: {why}")]
    Template { text: String, why: String },
    #[error("sink `{sink}` cannot be served: {error}")]
    Served { sink: String, error: io::Error },
    #[error("this binary cannot find itself: {0}")]
    OwnProgram(io::Error),
    #[error("this squall was built without the {environment} environment\n  help: {how}")]
    NotBuilt {
        environment: &'static str,
        how: &'static str,
    },
    #[error("{what}: {why}\n  help: {help}")]
    Containers {
        what: String,
        why: String,
        help: String,
    },
    #[error(transparent)]
    Services(#[from] SupervisionError),
    #[error("{environment} cannot inject the fault `{fault}`: {why}")]
    Refused {
        environment: &'static str,
        fault: String,
        why: String,
    },
}

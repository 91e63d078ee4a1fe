//! Why a fault could not be injected or healed.

use crate::environment::EnvironmentError;
use crate::environment::supervision::SupervisionError;

#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    #[error("`{kind}` does not fit the target {target}")]
    Unfit { kind: &'static str, target: String },
    #[error("{target} is nobody at present: {why}")]
    NoTarget { target: String, why: String },
    #[error(transparent)]
    Service(#[from] SupervisionError),
    #[error("broker {broker}: {why}")]
    Broker { broker: u32, why: String },
    #[error("{why}")]
    Sequence { why: String },
    #[error("{what}: {why}")]
    Sink { what: String, why: String },
    #[error("{what}: {why}")]
    Network { what: String, why: String },
}

impl From<EnvironmentError> for FaultError {
    fn from(error: EnvironmentError) -> Self {
        Self::Sequence {
            why: error.to_string(),
        }
    }
}

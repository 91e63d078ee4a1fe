//! The services by name, and how one is run.

use crate::settings::{Settings, SettingsError};
use crate::{consumer, producer, relay};
use squall_env::{BusError, Env, IngressError, MailError, StoreError};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Service {
    Producer,
    ConsumerEmail,
    ConsumerDb,
    Relay,
}

/// Every service, by name.
pub const SERVICES: &[(&str, Service)] = &[
    ("producer", Service::Producer),
    ("consumer-email", Service::ConsumerEmail),
    ("consumer-db", Service::ConsumerDb),
    ("relay", Service::Relay),
];

impl Service {
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        SERVICES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, service)| *service)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        SERVICES
            .iter()
            .find(|(_, service)| *service == self)
            .map_or("", |(name, _)| name)
    }
}

/// Why a service could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("there is no service `{0}`: there are producer, consumer-email, consumer-db and relay")]
    Unknown(String),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("{0}; look at KAFKA_BOOTSTRAP and KAFKA_CLIENT")]
    Bus(#[from] BusError),
    #[error("{0}; look at SQLITE_PATH or DATABASE_URL")]
    Store(#[from] StoreError),
    #[error("{0}; look at MAILDIR or SMTP_URL")]
    Mail(#[from] MailError),
    #[error("{0}; give it another one by PORT or METRICS_PORT, or look at HOST")]
    Ingress(#[from] IngressError),
    #[error("the process cannot be set up: {0}")]
    Process(#[from] std::io::Error),
}

/// Runs a service until it is asked to stop, which it then does in good order.
///
/// # Errors
/// It could not start, or its bus client failed for good.
pub async fn run<E: Env>(
    env: &E,
    service: Service,
    settings: &Settings,
) -> Result<(), ServiceError> {
    match service {
        Service::Producer => producer::run(env, settings).await,
        Service::ConsumerEmail => consumer::run_email(env, settings).await,
        Service::ConsumerDb => consumer::run_db(env, settings).await,
        Service::Relay => relay::run(env, settings).await,
    }
}

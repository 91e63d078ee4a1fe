//! Targets as text.

use super::Target;
use std::fmt;

/// Why a target was not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetError {
    pub what: String,
    pub fix: String,
}

const FORMS: &str = "write a service (`consumer-db`, `consumer-db/0`), broker(1), leader(topic/0), followers(topic/0), \
    coordinator(group), controller, brokers, services, load, sink(users) or everyone";

impl Target {
    /// Reads a target: `consumer-db/0`, `broker(1)`, `leader(signups/0)`, `coordinator(consumer-db)`, `controller`, `brokers`.
    ///
    /// # Errors
    /// When it has none of the known forms.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        let wrong = || TargetError {
            what: format!("`{}` is no target", crate::shape::shorten(text)),
            fix: FORMS.into(),
        };
        match text {
            "controller" => return Ok(Self::Controller),
            "brokers" => return Ok(Self::Brokers),
            "services" => return Ok(Self::Services),
            "load" => return Ok(Self::Load),
            "everyone" => return Ok(Self::Everyone),
            _ => {}
        }
        if let Some((kind, inside)) = text.split_once('(') {
            let inside = inside.strip_suffix(')').ok_or_else(wrong)?.trim();
            return Self::call(kind.trim(), inside).ok_or_else(wrong);
        }
        let (service, replica) = match text.split_once('/') {
            Some((service, replica)) => (service, Some(replica.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        if service.is_empty() || service.contains([' ', ')']) {
            return Err(wrong());
        }
        Ok(Self::Service {
            service: service.to_owned(),
            replica,
        })
    }

    fn call(kind: &str, inside: &str) -> Option<Self> {
        match kind {
            "broker" => inside.parse().ok().map(Self::Broker),
            "leader" | "followers" => {
                let (topic, partition) = inside.rsplit_once('/')?;
                let (topic, partition) = (topic.to_owned(), partition.parse().ok()?);
                Some(match kind {
                    "leader" => Self::Leader { topic, partition },
                    _ => Self::Followers { topic, partition },
                })
            }
            "sink" if !inside.is_empty() => Some(Self::Sink(inside.to_owned())),
            "coordinator" if !inside.is_empty() => Some(Self::Coordinator {
                group: inside.to_owned(),
            }),
            _ => None,
        }
    }

    /// Brokers, by number or role, or all of them.
    pub(crate) fn is_broker(&self) -> bool {
        matches!(
            self,
            Self::Broker(_)
                | Self::Leader { .. }
                | Self::Followers { .. }
                | Self::Coordinator { .. }
                | Self::Brokers
        )
    }

    /// Whether two targets certainly have a process in common. Whoever leads is only known in the run.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Service {
                    service: a,
                    replica: x,
                },
                Self::Service {
                    service: b,
                    replica: y,
                },
            ) => a == b && (x.is_none() || y.is_none() || x == y),
            (Self::Brokers, other) | (other, Self::Brokers) if other.is_broker() => true,
            _ => self == other,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service {
                service,
                replica: None,
            } => write!(f, "{service}"),
            Self::Service {
                service,
                replica: Some(replica),
            } => write!(f, "{service}/{replica}"),
            Self::Broker(id) => write!(f, "broker({id})"),
            Self::Leader { topic, partition } => write!(f, "leader({topic}/{partition})"),
            Self::Coordinator { group } => write!(f, "coordinator({group})"),
            Self::Followers { topic, partition } => write!(f, "followers({topic}/{partition})"),
            Self::Controller => write!(f, "controller"),
            Self::Brokers => write!(f, "brokers"),
            Self::Services => write!(f, "services"),
            Self::Load => write!(f, "load"),
            Self::Everyone => write!(f, "everyone"),
            Self::Sink(sink) => write!(f, "sink({sink})"),
        }
    }
}

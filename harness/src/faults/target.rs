//! Who a fault hits, settled at the moment when it begins.

use super::FaultError;
use super::ends::ends;
use crate::environment::Environment;
use crate::environment::network::End;
use crate::environment::supervision::ReplicaId;
use squall_plan::fault::{Fault, Target};
use std::fmt;

/// A target, settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resolved {
    Services(Vec<ReplicaId>),
    Broker(u32),
    /// Several at once, or one that is neither; for faults that act on connections.
    Ends(Vec<End>),
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Services(ids) => {
                let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(", "))
            }
            Self::Ends(ends) => {
                let names: Vec<String> = ends.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// Who a fault hits.
///
/// # Errors
/// As [`resolve`].
pub fn settle(fault: &Fault, env: &dyn Environment) -> Result<Resolved, FaultError> {
    let row = fault.kind.row();
    if let Target::Sink(name) = &fault.target {
        return Ok(Resolved::Ends(vec![End::Sink(name.clone())]));
    }
    if fault.target == Target::Load {
        return Ok(Resolved::Ends(vec![End::Load]));
    }
    if !row.acts_on_connections && !row.aims.all_brokers {
        return resolve(&fault.target, env);
    }
    Ok(match resolve(&fault.target, env) {
        Ok(resolved) => resolved,
        Err(_) => Resolved::Ends(ends(&fault.target, env)?),
    })
}

/// # Errors
/// When there is no such service or replica, or nobody has the role at present.
pub fn resolve(target: &Target, env: &dyn Environment) -> Result<Resolved, FaultError> {
    let nobody = |why: &str| FaultError::NoTarget {
        target: target.to_string(),
        why: why.to_owned(),
    };
    let broker = match target {
        Target::Service { service, replica } => {
            let mut ids = env.supervisor().replicas_of(service);
            ids.retain(|id| replica.is_none_or(|wanted| id.replica == wanted));
            return match ids.is_empty() {
                true => Err(nobody("the system runs no such process")),
                false => Ok(Resolved::Services(ids)),
            };
        }
        Target::Broker(id) => Some(*id),
        Target::Leader { topic, partition } => {
            let mut leaders = env.bus().leaders().into_iter();
            leaders
                .find(|known| known.topic == *topic && known.partition == *partition)
                .and_then(|known| known.leader)
        }
        Target::Coordinator { group } => env.bus().coordinator(group),
        Target::Controller => env.bus().controller(),
        Target::Brokers
        | Target::Followers { .. }
        | Target::Services
        | Target::Load
        | Target::Everyone
        | Target::Sink(_) => {
            return Err(nobody("it names several, and only connections know those"));
        }
    };
    broker
        .map(Resolved::Broker)
        .ok_or_else(|| nobody("no broker has this role"))
}

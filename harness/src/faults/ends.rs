//! Which ends of connections a target names, settled at the moment when the fault begins.

use super::FaultError;
use super::target::{Resolved, resolve};
use crate::environment::Environment;
use crate::environment::network::End;
use squall_plan::fault::Target;

/// # Errors
/// When there is no such service or replica, or nobody has the role at present.
pub fn ends(target: &Target, env: &dyn Environment) -> Result<Vec<End>, FaultError> {
    let bus = env.bus();
    let all = |brokers: Vec<u32>| brokers.into_iter().map(End::Broker).collect::<Vec<_>>();
    let found = match target {
        Target::Controller => match bus.controller() {
            Some(broker) => vec![End::Broker(broker)],
            None => vec![End::Controller],
        },
        Target::Brokers => all(bus.brokers()),
        Target::Followers { topic, partition } => all(bus.followers(topic, *partition)),
        Target::Services => replicas(env),
        Target::Load => vec![End::Load],
        Target::Sink(name) => vec![End::Sink(name.clone())],
        Target::Everyone => {
            let mut everyone = all(bus.brokers());
            everyone.extend([End::Controller, End::Load]);
            everyone.extend(replicas(env));
            everyone.extend(env.served_sinks().into_iter().map(End::Sink));
            everyone
        }
        Target::Service { .. }
        | Target::Broker(_)
        | Target::Leader { .. }
        | Target::Coordinator { .. } => match resolve(target, env)? {
            Resolved::Broker(id) => vec![End::Broker(id)],
            Resolved::Services(ids) => ids.into_iter().map(End::Replica).collect(),
            Resolved::Ends(ends) => ends,
        },
    };
    if found.is_empty() {
        return Err(FaultError::NoTarget {
            target: target.to_string(),
            why: "nobody has this role".to_owned(),
        });
    }
    Ok(found)
}

fn replicas(env: &dyn Environment) -> Vec<End> {
    let all = env.supervisor().statuses().into_iter();
    all.map(|(id, _)| End::Replica(id)).collect()
}

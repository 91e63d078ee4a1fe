//! Faults: each kind a small file, each injected fault a guard that heals on drop, and a schedule that runs them.
//!
//! A kind of its row in `squall_plan::fault` says by which [`Act`] it is done. An act that is new needs a file here with a
//! type that implements [`Injection`], and a line in [`inject`]: see docs/writing-a-fault.md.

mod broker_down;
mod broker_pause;
mod connections;
mod consequence;
mod disk;
mod ends;
mod error;
mod events;
mod flapping;
mod health;
mod pause;
mod rolling_deploy;
mod rolling_restart;
mod scale;
mod schedule;
mod sequence;
mod services_down;
mod sink;
mod slow_start;
mod target;

pub use error::FaultError;
pub use health::{BIT, fault_health, required_health};
pub use schedule::Schedule;
pub use target::{Resolved, resolve, settle};

use crate::environment::Environment as Env;
use broker_down::end_broker;
use services_down::end_services;
use squall_plan::fault::{Act, Fault};
use squall_plan::plan::Environment;
use std::sync::Arc;

/// A fault that is in force. It heals when it is dropped, at the latest.
pub trait Injection: Send {
    /// What shows that it bit. Asked again and again while it is in force. `None` throughout: nothing did, and the run
    /// proves nothing about it.
    fn bite(&self) -> Option<String>;

    /// Ends the fault and waits until what it had taken away is back; says what came back. Healing twice does nothing.
    ///
    /// # Errors
    /// When it does not come back.
    fn heal(&mut self) -> Result<String, FaultError>;

    /// Whether it has come to its end by itself, before its length is over. `None`: it never does.
    fn is_over(&self) -> Option<bool> {
        None
    }

    /// After healing: which process now runs in place of which.
    fn restarted(&self) -> Option<String> {
        None
    }
}

/// Injects a fault into what its target resolved to.
///
/// # Errors
/// When the kind does not fit the target, or the victim cannot be reached.
pub fn inject(
    fault: &Fault,
    on: &Resolved,
    env: &Arc<dyn Env>,
) -> Result<Box<dyn Injection>, FaultError> {
    let env = Arc::clone(env);
    Ok(match (fault.kind.row().act, on) {
        (Act::End(how), Resolved::Services(ids)) => Box::new(end_services(how, env, ids)?),
        (Act::End(how), Resolved::Broker(id)) => Box::new(end_broker(how, env, *id)?),
        (Act::Pause, Resolved::Services(ids)) => Box::new(pause::inject(env, ids)?),
        (Act::Pause, Resolved::Broker(id)) => Box::new(broker_pause::inject(env, *id)?),
        (Act::RollBrokers, Resolved::Ends(ends)) => {
            Box::new(rolling_restart::inject(env, ends, &fault.terms)?)
        }
        (Act::Deploy, Resolved::Services(ids)) => {
            Box::new(rolling_deploy::inject(env, ids, &fault.terms)?)
        }
        (Act::Scale, Resolved::Services(ids)) => Box::new(scale::inject(env, ids, &fault.terms)?),
        (Act::Disk(trouble), Resolved::Broker(id)) => {
            Box::new(disk::inject(trouble, env, *id, fault)?)
        }
        (Act::SlowStart, Resolved::Services(ids)) => Box::new(slow_start::inject(env, ids)?),
        (Act::Events(_), _) => Box::new(events::Sending),
        (Act::Trouble(trouble), _) => sink::inject(trouble, fault, env)?,
        (Act::Flap, _) => Box::new(flapping::inject(env, fault)?),
        (Act::Close, _) => Box::new(connections::close(fault, &*env)?),
        (Act::Treat, _) => Box::new(connections::inject(fault, &*env)?),
        _ => {
            let target = fault.target.to_string();
            let kind = fault.kind.name();
            return Err(FaultError::Unfit { kind, target });
        }
    })
}

/// Why an environment cannot inject a fault, if it cannot. An environment's refusal ends a run before it begins; no fault
/// is ever skipped in silence.
#[must_use]
pub fn refusal(fault: &Fault, environment: Environment) -> Option<String> {
    let row = fault.kind.row();
    if !row.aims.fit(&fault.target) {
        let (kind, target) = (row.key, fault.target.to_string());
        return Some(FaultError::Unfit { kind, target }.to_string());
    }
    let refused = fault.refused_in(environment)?;
    Some(format!("{}; {}", refused.why, refused.fix))
}

//! Trouble with a sink: its mail server or its database is away, slow, or refuses for now.

mod locked;
mod mail;

use super::connections;
use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::mail_server::Mood;
use crate::environment::served::SinkAt;
use locked::Turns;
use squall_plan::fault::{Fault, SinkTrouble, Target, Terms};
use std::sync::Arc;
use std::time::Duration;

/// # Errors
/// When the sink cannot be troubled, or not now.
pub fn inject(
    trouble: SinkTrouble,
    fault: &Fault,
    env: Arc<dyn Environment>,
) -> Result<Box<dyn Injection>, FaultError> {
    let unfit = || FaultError::Unfit {
        kind: fault.kind.name(),
        target: fault.target.to_string(),
    };
    let Target::Sink(name) = &fault.target else {
        return Err(unfit());
    };
    let sink = env.sink(name).ok_or_else(unfit)?;
    Ok(match (sink, trouble, &fault.terms) {
        // Away is a matter of connections.
        (SinkAt::Mail(_) | SinkAt::Container { .. } | SinkAt::Elsewhere, SinkTrouble::Down, _) => {
            Box::new(connections::close(fault, &*env)?)
        }
        // So is being slow, for a server that is not Squall's own: each of its answers comes later.
        (SinkAt::Container { .. }, SinkTrouble::Slow, Terms::Slow { by_ns }) => {
            Box::new(connections::slow(fault, *by_ns, &*env)?)
        }
        (SinkAt::Mail(server), SinkTrouble::Slow, Terms::Slow { by_ns }) => {
            let by = Duration::from_nanos(*by_ns);
            Box::new(mail::inject(server, Mood::Slow(by)))
        }
        (SinkAt::Mail(server), SinkTrouble::Error, Terms::Errors { per_mille, .. }) => {
            let per_mille = *per_mille;
            Box::new(mail::inject(server, Mood::Busy { per_mille }))
        }
        (SinkAt::Sqlite { path }, SinkTrouble::Down, _) => {
            Box::new(locked::inject(path, Turns::One)?)
        }
        (SinkAt::Sqlite { path }, SinkTrouble::Slow, Terms::Slow { by_ns }) => {
            let held = Duration::from_nanos(*by_ns);
            Box::new(locked::inject(path, Turns::UntilWritten { held })?)
        }
        (SinkAt::Sqlite { path }, SinkTrouble::Error, Terms::Errors { per_mille, turn_ns }) => {
            let turns = Turns::Share {
                per_mille: *per_mille,
                turn: Duration::from_nanos(*turn_ns),
                seed: env.seed(),
            };
            Box::new(locked::inject(path, turns)?)
        }
        _ => return Err(unfit()),
    })
}

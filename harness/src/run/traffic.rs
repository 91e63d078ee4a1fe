//! Proof that the traffic of the services flowed where faults can reach it: a service that knows another way to the brokers or
//! to a sink goes past every fault on its connections, and would be held in vain.

use super::pipeline::Context;
use crate::environment::Environment;
use crate::environment::network::End;
use crate::environment::served;
use squall_history::What;

/// Notes every service that was told where the brokers are and never went there, and every sink that somebody reached past
/// the faults.
pub fn check(context: &Context<'_>, env: &dyn Environment) {
    let past = past_to_brokers(env).chain(served::past_the_faults(env));
    for text in past {
        context.notes.note(What::Problem {
            source: "network".to_owned(),
            text,
        });
    }
}

fn past_to_brokers(env: &dyn Environment) -> impl Iterator<Item = String> {
    let parties = env.on_bus().into_iter().map(End::Replica);
    let past = parties.filter(|party| env.network().passed_bytes(party) == 0);
    past.map(|party| {
        format!(
            "no byte of {party} passed the fault proxy, so no fault reached its connections: it must take its brokers from {{{{bootstrap}}}} alone"
        )
    })
}

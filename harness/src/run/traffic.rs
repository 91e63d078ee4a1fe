//! Proof that the traffic of the services flowed where faults can reach it: a service that knows another way to the brokers
//! goes past every fault on its connections, and would be held in vain.

use super::pipeline::Context;
use crate::environment::Environment;
use crate::environment::network::End;
use squall_history::What;

/// Notes every service that was told where the brokers are and never went there.
pub fn check(context: &Context<'_>, env: &dyn Environment) {
    let mut faults = context.plan.faults.iter();
    if !faults.any(|fault| fault.kind.row().acts_on_connections) {
        return;
    }
    for id in env.on_bus() {
        let party = End::Replica(id);
        if env.network().passed_bytes(&party) == 0 {
            let text = format!(
                "no byte of {party} passed the fault proxy, so no fault reached its connections: it must take its brokers from {{{{bootstrap}}}} alone"
            );
            context.notes.note(What::Problem {
                source: "network".to_owned(),
                text,
            });
        }
    }
}

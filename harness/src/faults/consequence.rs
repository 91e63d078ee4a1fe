//! Looks for the consequences of a fault in what the environment was seen to do.

use super::{Injection, Resolved};
use crate::environment::Environment;
use squall_plan::fault::{Consequences, Fault};

/// Waits for the consequences of one fault. Made just before it is injected: what happened before is no consequence.
pub struct Watch {
    mark: usize,
    consequences: Consequences,
}

impl Watch {
    pub fn new(fault: &Fault, on: &Resolved, env: &dyn Environment) -> Self {
        let broker = match on {
            Resolved::Broker(id) => Some(*id),
            Resolved::Services(_) | Resolved::Ends(_) => None,
        };
        let leaders = env.bus().leaders().into_iter();
        let led = leaders
            .filter(|known| broker.is_some() && known.leader == broker)
            .map(|known| (known.topic, known.partition))
            .collect();
        let group_of = |service: &str| env.group_of(service).map(str::to_owned);
        Self {
            mark: env.happenings().mark(),
            consequences: Consequences::new(fault, broker, led, group_of),
        }
    }

    /// Whether anything is still to be seen.
    pub fn is_waiting(&self) -> bool {
        self.consequences.is_waiting()
    }

    /// What has been seen since the last look, each proof once, as `leader-moved: ...`.
    pub fn look(&mut self, env: &dyn Environment, injection: &dyn Injection) -> Vec<String> {
        let mark = self.mark;
        self.consequences.look(
            |condition| env.happenings().find_after(mark, condition),
            || injection.restarted(),
        )
    }
}

//! What a fault must be seen to cause, and what counts as that.

use super::{Injection, Resolved};
use crate::environment::Environment;
use crate::environment::happenings::Happening;
use squall_plan::fault::{Fault, Proof, Target};

/// Waits for the consequences of one fault. Made just before it is injected: what happened before is no consequence.
pub struct Watch {
    mark: usize,
    wanted: Vec<Proof>,
    broker: Option<u32>,
    /// Topic and partition that the broker led when it was hit.
    led: Vec<(String, u32)>,
    /// The group that must rebalance; `None`: any.
    group: Option<String>,
}

impl Watch {
    pub fn new(fault: &Fault, on: &Resolved, env: &dyn Environment) -> Self {
        let broker = match on {
            Resolved::Broker(id) => Some(*id),
            Resolved::Services(_) | Resolved::Ends(_) => None,
        };
        let leaders = env.bus().leaders().into_iter();
        let led = leaders.filter(|known| broker.is_some() && known.leader == broker);
        let group = match &fault.target {
            Target::Service { service, .. } => env.group_of(service).map(str::to_owned),
            Target::Coordinator { group } => Some(group.clone()),
            _ => None,
        };
        Self {
            mark: env.happenings().mark(),
            wanted: fault.prove.clone(),
            led: led.map(|known| (known.topic, known.partition)).collect(),
            broker,
            group,
        }
    }

    /// Whether anything is still to be seen.
    pub fn is_waiting(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// What has been seen since the last look, each proof once, as `leader-moved: ...`.
    pub fn look(&mut self, env: &dyn Environment, injection: &dyn Injection) -> Vec<String> {
        let mut seen = Vec::new();
        for proof in std::mem::take(&mut self.wanted) {
            match self.evidence(proof, env, injection) {
                Some(text) => seen.push(format!("{}: {text}", proof.name())),
                None => self.wanted.push(proof),
            }
        }
        seen
    }

    fn evidence(
        &self,
        proof: Proof,
        env: &dyn Environment,
        injection: &dyn Injection,
    ) -> Option<String> {
        if proof == Proof::ProcessRestarted {
            return injection.restarted();
        }
        let happenings = env.happenings();
        let found = happenings.find_after(self.mark, |happening| self.proves(proof, happening))?;
        Some(match found {
            Happening::Elected {
                topic,
                partition,
                leader,
            } => match self.broker {
                Some(old) => format!("{topic}/{partition} leader {old} -> {leader}"),
                None => format!("{topic}/{partition} leader {leader}"),
            },
            Happening::IsrShrank {
                topic,
                partition,
                lost,
            } => format!("{topic}/{partition} lost in-sync {lost:?}"),
            Happening::Rebalanced { group, generation } => {
                format!("{group} generation {generation}")
            }
        })
    }

    fn proves(&self, proof: Proof, happening: &Happening) -> bool {
        match (proof, happening) {
            (
                Proof::LeaderMoved,
                Happening::Elected {
                    topic,
                    partition,
                    leader,
                },
            ) => match self.broker {
                Some(broker) => {
                    let was_led = |(t, p): &(String, u32)| t == topic && p == partition;
                    *leader != broker && self.led.iter().any(was_led)
                }
                None => true,
            },
            (Proof::IsrShrank, Happening::IsrShrank { lost, .. }) => {
                self.broker.is_none_or(|broker| lost.contains(&broker))
            }
            (Proof::GroupRebalanced, Happening::Rebalanced { group, .. }) => {
                self.group.as_ref().is_none_or(|wanted| wanted == group)
            }
            _ => false,
        }
    }
}

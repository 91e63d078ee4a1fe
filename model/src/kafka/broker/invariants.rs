//! What must hold between any two steps, whatever happened.

use super::Broker;
use super::replica::{Leader, Replica};
use crate::kafka::batch::Body;
use crate::kafka::ids::NodeId;

impl<B: Body> Broker<B> {
    /// Looks for a broken invariant: for tests and simulations, after each step.
    ///
    /// # Errors
    /// Which one is broken, and where.
    pub fn check_invariants(&self) -> Result<(), String> {
        for (partition, replica) in self.replicas.iter() {
            check(self.id, replica).map_err(|broken| format!("{partition:?}: {broken}"))?;
        }
        Ok(())
    }
}

fn check<B: Body>(id: NodeId, replica: &Replica<B>) -> Result<(), String> {
    replica.log.check()?;
    let (end, mark) = (replica.log.end(), replica.high_watermark);
    if mark < 0 || mark > end {
        return Err(format!(
            "high watermark {mark} is outside the log, which ends at {end}"
        ));
    }
    if replica.checkpointed_high_watermark > end {
        return Err("the checkpointed high watermark is beyond the log".to_owned());
    }
    replica
        .leader()
        .map_or(Ok(()), |leader| check_leader(id, leader, replica))
}

fn check_leader<B: Body>(id: NodeId, leader: &Leader, replica: &Replica<B>) -> Result<(), String> {
    if !leader.isr.contains(&id) {
        return Err(format!(
            "the leader is not in its own in-sync set {:?}",
            leader.isr
        ));
    }
    if leader.epoch_start > replica.log.end() {
        return Err("the leader's log ends before its epoch begins".to_owned());
    }
    let ahead = leader
        .followers
        .values()
        .find(|progress| progress.log_end > replica.log.end());
    ahead.map_or(Ok(()), |progress| {
        Err(format!(
            "a follower is at {}, beyond the leader's end",
            progress.log_end
        ))
    })
}

//! Faults that go on step by step: brokers that are restarted and replicas that are replaced, each once the one before is back; and another
//! number of replicas.

use super::acts::STOP_WITHIN;
use super::targets::Hit;
use super::{Faults, LOOK_EVERY};
use crate::director::services::Replica;
use crate::kernel::{Nanos, SECOND};
use squall_model::kafka::NodeId;
use squall_plan::Plan;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A broker catches up in seconds; this long means that it does not.
const IN_SYNC_WITHIN: Nanos = 60 * SECOND;

/// How far it has come.
#[derive(Default)]
pub(super) struct Progress {
    pub done: Cell<usize>,
    /// Why it went no further.
    failed: RefCell<Option<String>>,
}

/// Brokers that end in order and start again.
pub(super) struct Roll {
    pub brokers: Vec<NodeId>,
    pub down_ns: Nanos,
    pub progress: Progress,
}

/// Replicas that are replaced by another version, which stays.
pub(super) struct Deploy {
    pub replicas: Vec<Replica>,
    /// As the plan would be with it.
    pub version: Rc<Plan>,
    pub progress: Progress,
}

/// Another number of replicas.
pub(super) struct Scale {
    pub service: String,
    pub to: usize,
    pub added: Vec<Replica>,
    pub removed: Vec<Replica>,
}

impl Progress {
    /// Whether all of so many steps were done.
    pub fn is_all(&self, steps: usize) -> Result<(), String> {
        if let Some(why) = self.failed.borrow_mut().take() {
            return Err(why);
        }
        let done = self.done.get();
        match done == steps {
            true => Ok(()),
            false => Err(format!("{done} of {steps} steps were done")),
        }
    }
}

impl Faults {
    /// What goes on while a fault is in force, until it is over by itself; other faults are never.
    pub(super) async fn take_turns(&self, hit: &Hit) {
        match hit {
            Hit::Flap(way, flap) => {
                let (kernel, network) = (&self.world.kernel, &self.world.network);
                loop {
                    kernel.sleep(flap.down_ns).await;
                    flap.mend(network);
                    kernel.sleep(flap.up_ns).await;
                    flap.cut(way, network);
                }
            }
            Hit::Roll(roll) => self.roll(roll).await,
            Hit::Deploy(deploy) => self.deploy(deploy).await,
            _ => std::future::pending().await,
        }
    }

    async fn roll(&self, roll: &Roll) {
        for id in &roll.brokers {
            self.world.cluster.stop_broker(*id, STOP_WITHIN).await;
            self.world.kernel.sleep(roll.down_ns).await;
            let back = match self.bring_back(*id).await {
                Ok(()) => self.await_in_sync(*id).await,
                Err(why) => Err(why),
            };
            if let Err(why) = back {
                roll.progress.failed.replace(Some(why));
                return;
            }
            roll.progress.done.set(roll.progress.done.get() + 1);
        }
    }

    async fn await_in_sync(&self, id: NodeId) -> Result<(), String> {
        let deadline = self.world.kernel.now() + IN_SYNC_WITHIN;
        while !self.world.cluster.is_in_sync() {
            if self.world.kernel.now() >= deadline {
                return Err(format!("broker {id} is back, but not in sync"));
            }
            self.world.kernel.sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn deploy(&self, deploy: &Deploy) {
        for replica in &deploy.replicas {
            self.services.stop(replica).await;
            self.services.set_version(replica, &deploy.version);
            if let Err(why) = self.start_and_wait(replica).await {
                deploy.progress.failed.replace(Some(why));
                return;
            }
            deploy.progress.done.set(deploy.progress.done.get() + 1);
        }
    }

    /// Starts a replica and waits until it is ready.
    pub(super) async fn start_and_wait(&self, replica: &Replica) -> Result<(), String> {
        let started = self.services.start(replica).await;
        started.map_err(|error| error.to_string())?;
        self.wait_ready(replica).await
    }

    /// Adds replicas, each until it is ready, or takes some away. Whether there are as many as asked for then.
    pub(super) async fn scale(&self, scale: &Scale) -> bool {
        for replica in &scale.added {
            // One that does not get ready is missing in the count.
            let _ = self.start_and_wait(replica).await;
        }
        for replica in &scale.removed {
            self.services.stop(replica).await;
        }
        self.services.alive(&scale.service) == scale.to
    }

    pub(super) async fn scale_back(&self, scale: &Scale) -> Result<(), String> {
        for replica in &scale.added {
            self.services.stop(replica).await;
            self.services.forget(replica);
        }
        for replica in &scale.removed {
            self.start_and_wait(replica).await?;
        }
        Ok(())
    }
}

//! What callers may see and do.

use super::route::{Action, ApiError, Which};
use crate::environment::embedded::coordinator;
use serde_json::{Value, json};
use squall_wire::kafka::{Cluster, CommandError, PartitionName};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const CONTROLLER: i32 = 0;
const READY_WITHIN: Duration = Duration::from_secs(10);

/// A cluster with what was done to its links.
pub struct Controlled {
    cluster: Arc<Cluster>,
    /// Brokers that neither the others nor the controller reach. Held while links change.
    isolated: Mutex<BTreeSet<i32>>,
    /// Brokers that stopped in mid-step. Held while one is paused or goes on.
    paused: Mutex<BTreeSet<i32>>,
}

impl Controlled {
    #[must_use]
    pub const fn new(cluster: Arc<Cluster>) -> Self {
        Self {
            cluster,
            isolated: Mutex::new(BTreeSet::new()),
            paused: Mutex::new(BTreeSet::new()),
        }
    }

    /// Every broker: number, address, whether it runs, is isolated and is paused.
    pub fn brokers(&self) -> Result<Value, ApiError> {
        let running = self.cluster.snapshot()?.running;
        let isolated = self.isolated();
        let paused = self.paused();
        let addresses = self.cluster.addresses();
        let brokers = (1..).zip(addresses).map(|(id, address)| {
            json!({
                "id": id,
                "address": address.to_string(),
                "running": running.contains(&id),
                "isolated": isolated.contains(&id),
                "paused": paused.contains(&id),
            })
        });
        Ok(brokers.collect())
    }

    /// Every partition as its leader has it.
    pub fn partitions(&self) -> Result<Value, ApiError> {
        let partitions = self.cluster.snapshot()?.partitions;
        let partition =
            |(name, found): (&PartitionName, &squall_wire::kafka::PartitionSnapshot)| {
                json!({
                    "topic": &*name.topic,
                    "partition": name.partition,
                    "leader": found.leader,
                    "epoch": i64::from(found.epoch),
                    "isr": found.isr,
                    "high_watermark": found.high_watermark,
                    "log_start": found.log_start,
                    "log_ends": found.log_ends,
                })
            };
        Ok(partitions.iter().map(partition).collect())
    }

    /// Carries out an action and tells which broker it hit.
    pub fn act(&self, which: &Which, action: Action) -> Result<Value, ApiError> {
        let broker = self.broker(which)?;
        match action {
            Action::Kill => self.kill(broker)?,
            Action::Restart => self.cluster.restart(broker)?,
            Action::Isolate => self.isolate(broker, true)?,
            Action::Rejoin => self.isolate(broker, false)?,
            Action::Pause => self.pause(broker)?,
            Action::Resume => self.resume(broker)?,
        }
        Ok(json!({ "broker": broker, "action": action.name() }))
    }

    /// Lets go on what is paused, restarts what is down, lets what is isolated rejoin, and waits until every partition has all its replicas in sync.
    pub fn heal(&self) -> Result<Value, ApiError> {
        let resumed: Vec<i32> = self.paused().iter().copied().collect();
        for broker in &resumed {
            self.resume(*broker)?;
        }
        let running = self.cluster.snapshot()?.running;
        let down: Vec<i32> = self.ids().filter(|id| !running.contains(id)).collect();
        for broker in &down {
            self.cluster.restart(*broker)?;
        }
        let rejoined: Vec<i32> = self.isolated().iter().copied().collect();
        for broker in &rejoined {
            self.isolate(*broker, false)?;
        }
        self.cluster.wait_ready(READY_WITHIN)?;
        Ok(json!({ "resumed": resumed, "restarted": down, "rejoined": rejoined }))
    }

    fn broker(&self, which: &Which) -> Result<i32, ApiError> {
        match which {
            Which::Number(id) if self.ids().any(|known| known == *id) => Ok(*id),
            Which::Number(id) => Err(CommandError::NoSuchBroker(*id).into()),
            Which::Leader { topic, partition } => self.leader(topic, *partition),
            Which::Coordinator(group) => self.coordinator(group),
        }
    }

    fn leader(&self, topic: &str, partition: i32) -> Result<i32, ApiError> {
        let place = PartitionName {
            topic: topic.into(),
            partition,
        };
        let snapshot = self.cluster.snapshot()?;
        match snapshot.partitions.get(&place).map(|found| found.leader) {
            Some(Some(leader)) => Ok(leader),
            Some(None) => Err(ApiError::conflict(
                format!("{topic}/{partition} has no leader at present"),
                "restart or rejoin a broker that has its replica",
            )),
            None => Err(ApiError::not_found(
                format!("there is no partition {topic}/{partition}"),
                "GET /partitions lists them",
            )),
        }
    }

    fn coordinator(&self, group: &str) -> Result<i32, ApiError> {
        let running = self.cluster.snapshot()?.running;
        let addresses = self.cluster.addresses();
        let living = (1..).zip(addresses).filter(|(id, _)| running.contains(id));
        // A broker that is cut off may not know, and any other does.
        let mut answers = living.filter_map(|(_, address)| coordinator::ask(address, group).ok());
        answers
            .find_map(|answer| answer.and_then(|id| i32::try_from(id).ok()))
            .ok_or_else(|| {
                ApiError::conflict(
                    format!("no broker coordinates the group {group} at present"),
                    "let a consumer of the group join first",
                )
            })
    }

    /// A link holds back what is sent for as long as one of its ends is isolated, as TCP does in a partition: it arrives afterwards.
    fn isolate(&self, broker: i32, cut: bool) -> Result<(), ApiError> {
        let mut isolated = self.isolated();
        if isolated.contains(&broker) == cut {
            let (is, fix) = match cut {
                true => ("is isolated already", "let it rejoin first"),
                false => ("is not isolated", "isolate it first"),
            };
            return Err(ApiError::conflict(format!("broker {broker} {is}"), fix));
        }
        let others = std::iter::once(CONTROLLER).chain(self.ids());
        for other in others.filter(|other| *other != broker && !isolated.contains(other)) {
            self.cluster.set_blocked(broker, other, cut)?;
            self.cluster.set_blocked(other, broker, cut)?;
        }
        match cut {
            true => isolated.insert(broker),
            false => isolated.remove(&broker),
        };
        Ok(())
    }

    fn pause(&self, broker: i32) -> Result<(), ApiError> {
        let mut paused = self.paused();
        self.cluster.pause(broker)?;
        paused.insert(broker);
        Ok(())
    }

    fn resume(&self, broker: i32) -> Result<(), ApiError> {
        let mut paused = self.paused();
        self.cluster.resume(broker)?;
        paused.remove(&broker);
        Ok(())
    }

    /// One that is paused dies as it stands.
    fn kill(&self, broker: i32) -> Result<(), ApiError> {
        let mut paused = self.paused();
        self.cluster.kill(broker)?;
        paused.remove(&broker);
        Ok(())
    }

    fn paused(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ids(&self) -> impl Iterator<Item = i32> {
        (1..).zip(self.cluster.addresses()).map(|(id, _)| id)
    }

    fn isolated(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.isolated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

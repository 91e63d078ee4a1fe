//! Disturbances, and waiting until the cluster has come to rest after them.

use super::admin::{OFFSETS_TOPIC, partition};
use super::{RunError, Runner};
use crate::arm::BROKERS;
use crate::seen::{Partition, Seen};
use crate::step::{Act, Place, Role};
use std::collections::{BTreeMap, BTreeSet};

/// How long a cluster may take to come to rest.
const REST_MS: u64 = 90_000;
const LOOK_EVERY_MS: u64 = 25;
/// Longer than `replica.fetch.wait.max.ms`: by then every follower has heard how far the high watermark is, however fast the
/// cluster's time passes.
const HEARD_MS: u64 = 600;
/// A real broker tells clients that it leads a little before it does, and what is sent without acknowledgement meanwhile is gone.
const TAKEN_OVER_MS: u64 = 200;
/// A partition without a leader is at rest when it has had none for so long.
const LEADERLESS_MS: u64 = 2_500;

/// All partitions, by topic, as one broker tells.
type View = BTreeMap<String, Vec<Partition>>;

impl Runner<'_> {
    pub(super) fn disturb(&mut self, role: Role, act: Act) -> Result<Seen, RunError> {
        let Some(broker) = self.broker_of(role)? else {
            return Ok(Seen::Skipped);
        };
        if !self.makes_sense(broker, act) {
            return Ok(Seen::Skipped);
        }
        if !self.rough {
            self.arm.pass(HEARD_MS)?;
        }
        self.arm.act(broker, act)?;
        let links = &mut self.links;
        match act {
            Act::Kill | Act::LosePower | Act::ShutDown => {
                links.paused.retain(|b| *b != broker);
                links.down.push(broker);
                links.forget(broker);
            }
            Act::Restart => links.down.retain(|b| *b != broker),
            Act::Pause => links.paused.push(broker),
            Act::Resume => links.paused.retain(|b| *b != broker),
            Act::Isolate => links.isolated.push(broker),
            Act::Rejoin => links.isolated.retain(|b| *b != broker),
        }
        if !self.rough {
            self.settle()?;
            self.arm.pass(TAKEN_OVER_MS)?;
        }
        Ok(Seen::Done)
    }

    /// One broker stays awake always, or there is nobody to ask.
    fn makes_sense(&self, broker: i32, act: Act) -> bool {
        let links = &self.links;
        let is_down = links.down.contains(&broker);
        let is_paused = links.paused.contains(&broker);
        let is_isolated = links.isolated.contains(&broker);
        let others = links.awake().iter().any(|b| *b != broker);
        match act {
            Act::Kill | Act::LosePower => !is_down && others,
            Act::ShutDown | Act::Pause => !is_down && !is_paused && others,
            Act::Restart => is_down,
            Act::Resume => is_paused,
            Act::Isolate => !is_down && !is_paused && !is_isolated && others,
            Act::Rejoin => is_isolated,
        }
    }

    /// Nobody need be left awake meanwhile.
    pub(super) fn power_cycle(&mut self, role: Role) -> Result<Seen, RunError> {
        let Some(broker) = self.broker_of(role)? else {
            return Ok(Seen::Skipped);
        };
        if self.links.down.contains(&broker) {
            return Ok(Seen::Skipped);
        }
        self.arm.act(broker, Act::LosePower)?;
        self.links.forget(broker);
        self.links.paused.retain(|b| *b != broker);
        self.arm.act(broker, Act::Restart)?;
        Ok(Seen::Done)
    }

    /// In rough sequences the next disturbance comes right after the election.
    pub(super) fn until_leader_moves(&mut self, place: Place) -> Result<Seen, RunError> {
        self.until(place, |before, now| {
            now.leader != before.leader && now.leader > 0
        })
    }

    /// The same right after a replica came back.
    pub(super) fn until_in_sync(&mut self, place: Place) -> Result<Seen, RunError> {
        self.until(place, |before, now| now.isr.len() > before.isr.len())
    }

    fn until(
        &mut self,
        place: Place,
        is_so: impl Fn(&Partition, &Partition) -> bool,
    ) -> Result<Seen, RunError> {
        let Some(before) = self.partition(place)? else {
            return Ok(Seen::Skipped);
        };
        for _ in 0..4_000 {
            if self
                .partition(place)?
                .is_some_and(|now| is_so(&before, &now))
            {
                return Ok(Seen::Done);
            }
            self.arm.pass(1)?;
        }
        Ok(Seen::Skipped)
    }

    pub(super) fn lose_power_everywhere(&mut self) -> Result<Seen, RunError> {
        let running: Vec<i32> = (1..=BROKERS)
            .filter(|b| !self.links.down.contains(b))
            .collect();
        for broker in &running {
            self.arm.act(*broker, Act::LosePower)?;
            self.links.forget(*broker);
        }
        self.links.paused.clear();
        for broker in &running {
            self.arm.act(*broker, Act::Restart)?;
        }
        self.arm.pass(5_000)?;
        self.settle()?;
        Ok(Seen::Done)
    }

    /// Brings back every broker and waits for rest.
    pub(super) fn heal(&mut self) -> Result<(), RunError> {
        for broker in std::mem::take(&mut self.links.paused) {
            self.arm.act(broker, Act::Resume)?;
        }
        for broker in std::mem::take(&mut self.links.isolated) {
            self.arm.act(broker, Act::Rejoin)?;
        }
        for broker in std::mem::take(&mut self.links.down) {
            self.arm.act(broker, Act::Restart)?;
        }
        self.settle()
    }

    /// Waits until all that are awake see the same, and what they see is what it must come to.
    pub(super) fn settle(&mut self) -> Result<(), RunError> {
        let (mut waited, mut leaderless_ms) = (0, 0);
        loop {
            match self.unrest()? {
                None => return Ok(()),
                Some(Unrest::Leaderless) if leaderless_ms >= LEADERLESS_MS => return Ok(()),
                Some(Unrest::Leaderless) => leaderless_ms += LOOK_EVERY_MS,
                Some(Unrest::Other(what)) if waited >= REST_MS => {
                    self.book.restless = Some(what);
                    return Ok(());
                }
                Some(Unrest::Other(_)) => leaderless_ms = 0,
            }
            self.arm.pass(LOOK_EVERY_MS)?;
            waited += LOOK_EVERY_MS;
        }
    }

    fn unrest(&mut self) -> Result<Option<Unrest>, RunError> {
        let mut names: Vec<String> = (0..u8::MAX)
            .filter(|topic| self.book.topics.contains_key(topic))
            .map(|topic| self.book.topic(topic))
            .collect();
        names.push(OFFSETS_TOPIC.to_owned());
        let awake = self.links.awake();
        let mut before: Option<View> = None;
        for broker in &awake {
            let Ok(found) = self.look(*broker, &names)? else {
                return Ok(Some(Unrest::other("a broker does not answer")));
            };
            let alive: BTreeSet<i32> = found.brokers.iter().map(|b| b.node_id.0).collect();
            if alive != awake {
                return Ok(Some(Unrest::other(
                    "brokers that are awake and brokers that are known differ",
                )));
            }
            let view: View = found
                .topics
                .iter()
                .filter(|t| t.error_code == 0)
                .map(|t| {
                    let name = t.name.as_ref().map_or("", |n| n.0.as_str());
                    let mut all: Vec<_> = t.partitions.iter().map(partition).collect();
                    all.sort_by_key(|p| p.index);
                    (name.to_owned(), all)
                })
                .collect();
            if view.len() != names.len() {
                return Ok(Some(Unrest::other("a topic is not known everywhere")));
            }
            if before.as_ref().is_some_and(|before| *before != view) {
                return Ok(Some(Unrest::other("brokers see different partitions")));
            }
            before = Some(view);
        }
        let partitions = before.into_iter().flatten().flat_map(|(_, all)| all);
        let mut leaderless = None;
        for partition in partitions {
            match judge(&partition, &awake) {
                Some(Unrest::Leaderless) => leaderless = Some(Unrest::Leaderless),
                Some(other) => return Ok(Some(other)),
                None => {}
            }
        }
        Ok(leaderless)
    }
}

enum Unrest {
    Leaderless,
    Other(String),
}

impl Unrest {
    fn other(what: &str) -> Self {
        Self::Other(what.to_owned())
    }
}

/// What is still to come for a partition.
fn judge(partition: &Partition, awake: &BTreeSet<i32>) -> Option<Unrest> {
    let replicas = partition.replicas.iter().filter(|b| awake.contains(b));
    let mut usable: Vec<i32> = replicas.copied().collect();
    usable.sort_unstable();
    if partition.leader < 0 {
        // Nobody who could lead is awake, or so it seems.
        return if usable.is_empty() {
            None
        } else {
            Some(Unrest::Leaderless)
        };
    }
    if !awake.contains(&partition.leader) {
        return Some(Unrest::other("a leader is not awake"));
    }
    (partition.isr != usable).then(|| {
        Unrest::Other(format!(
            "in sync are {:?}, awake are {usable:?}",
            partition.isr
        ))
    })
}

//! What must be true in the end: slow and obvious.

use super::world::World;
use squall_model::kafka::{NodeId, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// All that clients were told.
#[derive(Default, Debug)]
pub struct Oracle {
    /// Id to whether its producer was idempotent.
    offered: BTreeMap<u64, bool>,
    acked: BTreeMap<(TopicPartition, Offset), (u64, u32)>,
    consumed: BTreeMap<(TopicPartition, Offset), u64>,
    pub violations: Vec<String>,
}

impl Oracle {
    pub fn offered(&mut self, id: u64, idempotent: bool) {
        self.offered.insert(id, idempotent);
    }

    pub fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    pub fn acked_count(&self) -> usize {
        self.acked.len()
    }

    pub fn consumed_count(&self) -> usize {
        self.consumed.len()
    }

    pub fn acked(&mut self, partition: TopicPartition, base: Offset, id: u64, records: u32) {
        if let Some((other, _)) = self.acked.insert((partition, base), (id, records))
            && other != id
        {
            self.violation(format!(
                "offset {base} was acknowledged for {other} and for {id}"
            ));
        }
    }

    pub fn consumed(&mut self, partition: TopicPartition, base: Offset, id: u64) {
        if let Some(other) = self.consumed.insert((partition, base), id)
            && other != id
        {
            self.violation(format!(
                "consumers read {other} and later {id} at offset {base}"
            ));
        }
    }

    /// Judges the logs of a whole cluster.
    pub fn judge(&mut self, world: &World, partitions: &[TopicPartition]) {
        self.violations.extend(world.violations.iter().cloned());
        for partition in partitions {
            let logs: Vec<(NodeId, Vec<_>)> = world
                .broker_ids()
                .into_iter()
                .map(|id| (id, world.log_of(id, *partition)))
                .filter(|(_, log)| !log.is_empty())
                .collect();
            for pair in logs.windows(2) {
                if pair[0].1 != pair[1].1 {
                    self.violation(format!(
                        "the logs of {partition:?} differ between brokers {} and {}",
                        pair[0].0, pair[1].0
                    ));
                }
            }
            let log = logs
                .first()
                .map(|(_, log)| log.as_slice())
                .unwrap_or_default();
            self.judge_log(*partition, log);
        }
    }

    fn judge_log(&mut self, partition: TopicPartition, log: &[(Offset, u64, u32, i32)]) {
        let at: BTreeMap<Offset, (u64, u32)> = log
            .iter()
            .map(|(offset, id, records, _)| (*offset, (*id, *records)))
            .collect();
        let acked: Vec<_> = self
            .acked
            .iter()
            .filter(|((p, _), _)| *p == partition)
            .map(|((_, o), v)| (*o, *v))
            .collect();
        for (offset, (id, records)) in acked {
            if at.get(&offset) != Some(&(id, records)) {
                self.violation(format!(
                    "{id} was acknowledged at {offset}, where there is {:?}",
                    at.get(&offset)
                ));
            }
        }
        let consumed: Vec<_> = self
            .consumed
            .iter()
            .filter(|((p, _), _)| *p == partition)
            .map(|((_, o), v)| (*o, *v))
            .collect();
        for (offset, id) in consumed {
            if at.get(&offset).map(|(id, _)| *id) != Some(id) {
                self.violation(format!(
                    "{id} was consumed at {offset}, where there is {:?}",
                    at.get(&offset)
                ));
            }
        }
        let mut seen = BTreeSet::new();
        for (offset, id, _, epoch) in log {
            if !seen.insert(*id) {
                self.violation(format!(
                    "{id} is in the log again at {offset} of epoch {epoch}"
                ));
            }
            if !self.offered.contains_key(id) {
                self.violation(format!("{id} was never offered"));
            }
        }
    }
}

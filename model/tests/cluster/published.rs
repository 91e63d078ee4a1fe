//! The invariants of the published specifications of Kafka's replication, after every step:
//!
//! - `LeaderInIsr`, `WeakIsr` and `StrongIsr` of KafkaReplication.tla (hachikuji/kafka-specification);
//! - `ValidControllerIsrAndElr`, `LeaderCandidateCompletenessProperty` and `LogMatchingProperty` of kip_966_properties.tla
//!   (Vanlightly/kafka-tlaplus). What is committed (its "true high watermark") is the highest that a leader ever had.
//!
//! They speak of brokers that run, and of clusters in which no page cache is lost. After each step the last few offsets are
//! compared; [`super::life::Life`] compares whole logs now and then.

use super::{Cluster, TOPIC};
use squall_model::kafka::*;
use std::collections::{BTreeMap, BTreeSet};

/// Offsets below a high watermark that are compared.
const WINDOW: Offset = 16;
const TOLD_MAX: usize = 20;

/// What was committed so far, and what was found broken: the invariant's name first.
#[derive(Default)]
pub struct Published {
    committed: BTreeMap<TopicPartition, Offset>,
    pub broken: BTreeSet<String>,
}

impl Published {
    pub fn look(&mut self, cluster: &Cluster) {
        let Some(controller) = cluster.controller() else {
            return;
        };
        for (of, state) in controller.partitions() {
            if of.topic == TOPIC && self.broken.len() < TOLD_MAX {
                self.look_at(cluster, *of, state);
            }
        }
    }

    fn look_at(&mut self, cluster: &Cluster, of: TopicPartition, state: &PartitionState) {
        self.controller(of, state);
        let views: Vec<(NodeId, PartitionView)> = cluster
            .brokers()
            .into_iter()
            .filter_map(|id| Some((id, cluster.view(id, of)?)))
            .collect();
        let leaders = views.iter().filter(|(_, view)| view.is_leader);
        let highest = leaders.clone().map(|(_, view)| view.high_watermark).max();
        let committed = self.committed.entry(of).or_default();
        *committed = highest.unwrap_or(0).max(*committed);
        let committed = *committed;
        for (leader, view) in leaders {
            let mark = view.high_watermark;
            self.replicated("WeakIsr", cluster, of, (*leader, mark), &view.isr);
            self.replicated("StrongIsr", cluster, of, (*leader, mark), &state.isr);
        }
        let candidates = state.isr.iter().chain(&state.elr);
        for (id, view) in views
            .iter()
            .filter(|(id, _)| candidates.clone().any(|one| one == id))
        {
            if view.log_end < committed {
                let end = view.log_end;
                self.tell(
                    "LeaderCandidateCompleteness",
                    of,
                    &format!("{id} ends at {end}, {committed} are committed"),
                );
            }
        }
        for pair in views.windows(2) {
            let [(one, first), (other, second)] = pair else {
                continue;
            };
            let both = first.high_watermark.min(second.high_watermark);
            if below(cluster, *one, of, both) != below(cluster, *other, of, both) {
                self.tell(
                    "LogMatching",
                    of,
                    &format!("{one} and {other} differ below {both}"),
                );
            }
        }
    }

    fn controller(&mut self, of: TopicPartition, state: &PartitionState) {
        if state
            .leader
            .is_some_and(|leader| !state.isr.contains(&leader))
        {
            self.tell("LeaderInIsr", of, &format!("{state:?}"));
        }
        let is_replica = |id: &&NodeId| state.replicas.contains(id);
        let members = state.isr.iter().chain(&state.elr);
        let sound = members.clone().count() == members.filter(is_replica).count()
            && !state.elr.iter().any(|id| state.isr.contains(id))
            && (state.isr.len() < 2 || state.elr.is_empty());
        if !sound {
            self.tell("ValidControllerIsrAndElr", of, &format!("{state:?}"));
        }
    }

    /// Everything below a leader's high watermark is on all of these that run.
    fn replicated(
        &mut self,
        invariant: &str,
        cluster: &Cluster,
        of: TopicPartition,
        (leader, mark): (NodeId, Offset),
        on: &[NodeId],
    ) {
        let own = below(cluster, leader, of, mark);
        for id in on.iter().filter(|id| cluster.view(**id, of).is_some()) {
            if below(cluster, *id, of, mark) != own {
                self.tell(
                    invariant,
                    of,
                    &format!("below {mark}, the mark of {leader}, {id} has something else"),
                );
            }
        }
    }

    fn tell(&mut self, invariant: &str, of: TopicPartition, what: &str) {
        self.broken.insert(format!("{invariant}: {of:?}: {what}"));
    }
}

/// The last entries of a replica below an offset.
fn below(cluster: &Cluster, id: NodeId, of: TopicPartition, mark: Offset) -> Vec<(Offset, Epoch)> {
    let log = cluster.broker(id).and_then(|broker| broker.log(of));
    let entries = log
        .into_iter()
        .flat_map(|log| log.entries_from((mark - WINDOW).max(log.start())));
    let entries = entries.take_while(|entry| entry.base_offset < mark);
    // A leader appends once in an epoch at an offset: the two tell entries apart.
    entries
        .map(|entry| (entry.base_offset, entry.leader_epoch))
        .collect()
}

//! Trouble by hand: asked once more before it is caused.

use crate::board::Board;
use squall_plan::fault::Target;
use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The broker's process dies.
    Kill,
    /// The broker is cut off from the others and the controller.
    Isolate,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Prompt {
    pub trouble: Trouble,
    /// Leaders first, then brokers by number.
    pub targets: Vec<Target>,
    pub chosen: usize,
}

impl Prompt {
    /// `None` while nothing is known that could be hit.
    pub(crate) fn new(trouble: Trouble, board: &Board) -> Option<Self> {
        let leader = |(topic, partition): &(String, i32)| {
            Some(Target::Leader {
                topic: topic.clone(),
                partition: u32::try_from(*partition).ok()?,
            })
        };
        let topics: BTreeSet<&String> = board.cluster.partitions.keys().map(|(t, _)| t).collect();
        // The first partition of each topic, then the others.
        let (first, rest): (Vec<_>, Vec<_>) = board
            .cluster
            .partitions
            .keys()
            .partition(|(topic, partition)| *partition == 0 && topics.contains(topic));
        let mut targets: Vec<Target> = first.into_iter().filter_map(leader).collect();
        targets.extend(board.cluster.brokers.keys().copied().map(Target::Broker));
        targets.extend(rest.into_iter().filter_map(leader));
        (!targets.is_empty()).then_some(Self {
            trouble,
            targets,
            chosen: 0,
        })
    }
}

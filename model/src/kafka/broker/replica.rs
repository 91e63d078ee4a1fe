//! One replica of a partition on one broker.

use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::by_node::ByNode;
use crate::kafka::ids::{Epoch, NodeId, Offset};
use crate::kafka::log::Log;
use crate::kafka::producers::Producers;

/// A replica: its log, how far it knows it to be committed, and what it is at present.
#[derive(Debug)]
pub struct Replica<B: Body> {
    pub log: Log<B>,
    pub producers: Producers,
    pub high_watermark: Offset,
    /// What a restart finds.
    pub checkpointed_high_watermark: Offset,
    pub role: Role,
    /// Where the appends begin that wait for the disk.
    pub held_at: Option<Offset>,
    /// How often the log was cut.
    pub truncations: u64,
}

#[derive(Debug)]
pub enum Role {
    /// Knows no leader.
    Idle {
        epoch: Epoch,
    },
    Follower {
        leader: NodeId,
        epoch: Epoch,
    },
    Leader(Leader),
}

/// What only a leader keeps.
#[derive(Debug)]
pub struct Leader {
    pub epoch: Epoch,
    pub partition_epoch: i32,
    /// Log end at which the epoch began: until the high watermark reaches it, offsets are not available (KIP-207).
    pub epoch_start: Offset,
    pub isr: Vec<NodeId>,
    /// A change that the controller has not answered yet (KIP-497).
    pub proposal: Option<Proposal>,
    pub followers: ByNode<Progress>,
}

#[derive(Clone, Debug)]
pub struct Proposal {
    /// With the broker epochs of those who are proposed.
    pub isr: Vec<(NodeId, i64)>,
    pub correlation: u64,
}

/// How far a follower has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// -1 until it fetched in this epoch.
    pub log_end: Offset,
    /// The leader's log end when it last fetched, and when that was.
    pub leader_end_at_fetch: Offset,
    pub fetched_at: Nanos,
    pub caught_up_at: Nanos,
    /// Of the process that fetched; -1 before it did.
    pub broker_epoch: i64,
}

impl<B: Body> Replica<B> {
    /// A replica found on disk, or an empty one.
    pub fn new(log: Log<B>, high_watermark: Offset) -> Self {
        let mut producers = Producers::default();
        log.entries().for_each(|entry| producers.note(&entry));
        let high_watermark = high_watermark.min(log.end());
        Self {
            log,
            producers,
            high_watermark,
            checkpointed_high_watermark: high_watermark,
            role: Role::Idle { epoch: -1 },
            held_at: None,
            truncations: 0,
        }
    }

    /// The end of what counts: appends that wait for the disk do not yet.
    pub fn synced_end(&self) -> Offset {
        self.held_at.unwrap_or_else(|| self.log.end())
    }

    pub const fn leader(&self) -> Option<&Leader> {
        match &self.role {
            Role::Leader(leader) => Some(leader),
            _ => None,
        }
    }

    pub const fn leader_mut(&mut self) -> Option<&mut Leader> {
        match &mut self.role {
            Role::Leader(leader) => Some(leader),
            _ => None,
        }
    }

    pub const fn epoch(&self) -> Epoch {
        match &self.role {
            Role::Idle { epoch } | Role::Follower { epoch, .. } => *epoch,
            Role::Leader(leader) => leader.epoch,
        }
    }

    /// Cuts the log back and derives the producers anew.
    pub fn truncate(&mut self, offset: Offset) -> Offset {
        let end = self.log.truncate(offset);
        self.truncations += 1;
        self.held_at = None;
        self.high_watermark = self.high_watermark.min(end);
        self.checkpointed_high_watermark = self.checkpointed_high_watermark.min(end);
        self.producers.forget();
        self.log
            .entries()
            .for_each(|entry| self.producers.note(&entry));
        end
    }
}

impl Leader {
    /// The smallest end among the members of the in-sync set, and of the set that is proposed: whichever way an unanswered change goes,
    /// it holds (KIP-497).
    pub fn reached_by_all(&self, own: NodeId, own_end: Offset) -> Offset {
        let proposed = self.proposal.iter().flat_map(|proposal| &proposal.isr);
        let members = self.isr.iter().chain(proposed.map(|(node, _)| node));
        let end_of = |node: &NodeId| {
            if *node == own {
                return own_end;
            }
            self.followers.get(*node).map_or(-1, |p| p.log_end)
        };
        members.map(end_of).min().unwrap_or(own_end)
    }
}

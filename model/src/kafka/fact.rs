//! What truly happened inside: the one source for fault evidence, stories, coverage and the live view.

use super::ids::{Epoch, MemberId, Name, NodeId, Offset, TopicPartition};

/// A fact, told by the machine at which it happened, at the time of the step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// Controller: a partition has a new leader and epoch (`None`: offline).
    Elected {
        partition: TopicPartition,
        leader: Option<NodeId>,
        epoch: Epoch,
        isr: Vec<NodeId>,
        clean: bool,
    },
    /// Controller: the in-sync set changed.
    IsrChanged {
        partition: TopicPartition,
        epoch: Epoch,
        from: Vec<NodeId>,
        to: Vec<NodeId>,
    },
    /// Controller: a broker stopped (or again began) to count as alive.
    Fenced {
        broker: NodeId,
        why: Why,
    },
    Unfenced {
        broker: NodeId,
    },
    /// Broker: its log was cut back from the end `from` to the end `to`; acknowledged or not, what was between is gone here.
    Truncated {
        partition: TopicPartition,
        from: Offset,
        to: Offset,
        epoch: Epoch,
    },
    /// Leader: became leader, with the log end at which its epoch begins.
    Leading {
        partition: TopicPartition,
        epoch: Epoch,
        start_offset: Offset,
    },
    /// Leader: the high watermark moved.
    HighWatermark {
        partition: TopicPartition,
        offset: Offset,
    },
    /// Leader: a batch was dropped as a duplicate of an idempotent producer.
    DuplicateDropped {
        partition: TopicPartition,
        producer_id: i64,
        base_sequence: i32,
    },
    /// Coordinator: a group finished a rebalance.
    Rebalanced {
        group: Name,
        generation: i32,
        members: Vec<MemberId>,
    },
    /// Coordinator: a member was removed.
    MemberRemoved {
        group: Name,
        member: MemberId,
        client: Name,
        why: Why,
    },
    /// Coordinator: a commit is durable.
    Committed {
        group: Name,
        member: MemberId,
        client: Name,
        partition: TopicPartition,
        offset: Offset,
    },
    /// Broker: it coordinates (again) the groups of this partition of the offsets topic.
    CoordinatorLoaded {
        partition: TopicPartition,
        groups: usize,
    },
    /// Controller: topics changed.
    TopicCreated {
        topic: Name,
        partitions: i32,
    },
    TopicDeleted {
        topic: Name,
    },
}

/// Why a broker was fenced or a member removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    SessionTimeout,
    RebalanceTimeout,
    Left,
    ControlledShutdown,
    /// A new process registered under the same id, or an instance id moved to a new member.
    Replaced,
}

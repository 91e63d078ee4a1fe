//! What a sequence is made of: operations of clients and disturbances of brokers, by roles and small numbers, so that it can be run against any
//! cluster and be cut down step by step.

use serde::{Deserialize, Serialize};

/// A topic, producer, group or member of a sequence, by its number.
pub type Number = u8;

/// A sequence, as it is printed and replayed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sequence {
    pub seed: u64,
    /// Disturbances are not waited for, and answers depend on when: not comparable between clusters, held to the specification only.
    pub rough: bool,
    pub steps: Vec<Step>,
}

/// One thing that is done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    CreateTopic(NewTopic),
    DeleteTopic {
        topic: Number,
    },
    CreatePartitions {
        topic: Number,
        count: i32,
    },
    DescribeConfigs {
        topic: Number,
    },
    Metadata {
        topic: Number,
    },
    Produce(Produce),
    /// Several batches of a producer on one connection, without waiting for answers in between.
    Burst {
        place: Place,
        producer: Number,
        batches: u8,
    },
    InitProducer {
        producer: Number,
        bump: bool,
    },
    Fetch {
        place: Place,
        at: At,
        to: To,
        epoch: EpochClaim,
    },
    ListOffsets {
        place: Place,
        what: What,
        to: To,
        epoch: EpochClaim,
    },
    EpochEnd {
        place: Place,
        of: EpochClaim,
        knows: EpochClaim,
    },
    FindCoordinator {
        group: Number,
    },
    Join(Join),
    Sync {
        group: Number,
        leader_first: bool,
    },
    SyncOne {
        group: Number,
        member: Number,
        claim: Claim,
    },
    Heartbeat {
        group: Number,
        member: Number,
        claim: Claim,
    },
    Leave {
        group: Number,
        member: Number,
        claim: Claim,
    },
    Commit {
        group: Number,
        member: Number,
        claim: Claim,
        place: Place,
        offset: i64,
    },
    FetchOffsets {
        group: Number,
    },
    DescribeGroup {
        group: Number,
    },
    DeleteGroup {
        group: Number,
    },
    Disturb {
        broker: Role,
        act: Act,
    },
    /// Every broker loses its power in the same moment, and comes back.
    LosePowerEverywhere,
    /// A broker loses its power and is started again at once.
    PowerCycle {
        broker: Role,
    },
    /// Time passes until another broker leads, two sessions long at most.
    UntilLeaderMoves {
        place: Place,
    },
    /// Time passes until one more replica is in sync, two sessions long at most.
    UntilInSync {
        place: Place,
    },
    /// A batch with acks=all is with the leader, unanswered, while disturbances go on.
    Caught {
        place: Place,
        meanwhile: Vec<Step>,
    },
    /// Time passes.
    Pass {
        ms: u64,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Place {
    pub topic: Number,
    pub partition: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewTopic {
    pub topic: Number,
    pub partitions: i32,
    pub replicas: i16,
    pub min_insync: i32,
    pub max_message_bytes: Option<i32>,
    /// `flush.messages=1`.
    pub flushed: bool,
    pub twist: Option<Twist>,
}

/// What is wrong or unusual about a new topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Twist {
    BadName,
    BadConfig,
    UnknownConfig,
    NoPartitions,
    TooManyReplicas,
    UnknownBroker,
    ValidateOnly,
    /// Named twice in one request.
    Twice,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Produce {
    pub place: Place,
    pub acks: i16,
    pub records: u8,
    pub by: Option<Idempotent>,
    pub flaw: Option<Flaw>,
    pub to: To,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Idempotent {
    pub producer: Number,
    pub sequence: Sequencing,
    pub epoch: ProducerEpoch,
}

/// Which sequence number a batch carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sequencing {
    Next,
    /// The batch so many before the last one again, as a retry.
    Again(u8),
    Gap(u8),
    /// Begins anew at 0.
    Zero,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProducerEpoch {
    Same,
    Older,
    Newer,
}

/// What is wrong with a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    Oversized,
    BadCrc,
    BadMagic,
    Empty,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum To {
    Leader,
    Follower,
    /// A broker without a replica, or a follower where there is none.
    Stranger,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    Start,
    /// So many records in.
    Offset(i64),
    /// The end as the leader tells it.
    End,
    BeyondEnd(i64),
    Negative,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Earliest,
    Latest,
    MaxTimestamp,
    /// Of the batch number so much.
    Timestamp(i64),
    Nonsense,
}

/// The leader epoch that a client claims to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpochClaim {
    None,
    Right,
    Older,
    Newer,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Join {
    pub group: Number,
    pub member: Number,
    /// With a `group.instance.id` of its own (KIP-345).
    pub fixed: bool,
    /// Anew, without its member id.
    pub forgetful: bool,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    Range,
    Both,
    /// One that no other member knows.
    Foreign,
    /// No member is a consumer of this type.
    ForeignType,
    ShortSession,
}

/// Who a member says it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    Right,
    Stale,
    Future,
    UnknownMember,
    /// No generation and no member: a consumer without a group's protocol.
    Alone,
}

/// A broker by what it is at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Leader(Place),
    /// Of the followers the one so many places after the leader.
    Follower(Place, u8),
    Coordinator,
    /// The one that has been down, or paused, longest.
    Disturbed,
    Number(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// SIGKILL.
    Kill,
    /// Only where the cluster is ours.
    LosePower,
    /// SIGTERM: leaders move away first.
    ShutDown,
    Restart,
    /// SIGSTOP.
    Pause,
    Resume,
    /// Only where the cluster is ours: clients reach it, and neither other brokers nor the controller do.
    Isolate,
    Rejoin,
}

impl Step {
    /// Whether doing it once more changes nothing, so that it can be asked until the cluster has settled.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Metadata { .. }
                | Self::Fetch { .. }
                | Self::ListOffsets { .. }
                | Self::EpochEnd { .. }
                | Self::FindCoordinator { .. }
                | Self::FetchOffsets { .. }
                | Self::DescribeGroup { .. }
                | Self::DescribeConfigs { .. }
        )
    }
}

//! The APIs that clients use, in the versions known to carry no address but where the rewriting looks for it.

/// One API of Kafka's protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Api {
    pub key: i16,
    pub name: &'static str,
    /// Last version that is known here (Kafka 4.1).
    pub last: i16,
    flexible_from: i16,
}

const NEVER: i16 = i16::MAX;

pub const PRODUCE: i16 = 0;
pub const FETCH: i16 = 1;
pub const METADATA: i16 = 3;
pub const OFFSET_COMMIT: i16 = 8;
pub const FIND_COORDINATOR: i16 = 10;
pub const JOIN_GROUP: i16 = 11;
pub const HEARTBEAT: i16 = 12;
pub const LEAVE_GROUP: i16 = 13;
pub const SYNC_GROUP: i16 = 14;
pub const SASL_HANDSHAKE: i16 = 17;
pub const API_VERSIONS: i16 = 18;
pub const INIT_PRODUCER_ID: i16 = 22;
pub const SASL_AUTHENTICATE: i16 = 36;
pub const DESCRIBE_CLUSTER: i16 = 60;
pub const SHARE_FETCH: i16 = 78;
pub const SHARE_ACKNOWLEDGE: i16 = 79;

macro_rules! apis {
    ($($name:ident = $key:literal, last $last:literal, flexible from $flexible:expr;)*) => {
        &[$(Api { key: $key, name: stringify!($name), last: $last, flexible_from: $flexible },)*]
    };
}

impl Api {
    /// In the order of their keys. Those that brokers and controllers use among themselves are left out. DescribeQuorum and
    /// DescribeCluster end before the versions that carry listeners of controllers, which may have the ids of brokers.
    pub const ALL: &[Self] = apis! {
        Produce = 0, last 13, flexible from 9;
        Fetch = 1, last 18, flexible from 12;
        ListOffsets = 2, last 10, flexible from 6;
        Metadata = 3, last 13, flexible from 9;
        OffsetCommit = 8, last 10, flexible from 8;
        OffsetFetch = 9, last 10, flexible from 6;
        FindCoordinator = 10, last 6, flexible from 3;
        JoinGroup = 11, last 9, flexible from 6;
        Heartbeat = 12, last 4, flexible from 4;
        LeaveGroup = 13, last 5, flexible from 4;
        SyncGroup = 14, last 5, flexible from 4;
        DescribeGroups = 15, last 6, flexible from 5;
        ListGroups = 16, last 5, flexible from 3;
        SaslHandshake = 17, last 1, flexible from NEVER;
        ApiVersions = 18, last 4, flexible from 3;
        CreateTopics = 19, last 7, flexible from 5;
        DeleteTopics = 20, last 6, flexible from 4;
        DeleteRecords = 21, last 2, flexible from 2;
        InitProducerId = 22, last 6, flexible from 2;
        OffsetForLeaderEpoch = 23, last 4, flexible from 4;
        AddPartitionsToTxn = 24, last 5, flexible from 3;
        AddOffsetsToTxn = 25, last 4, flexible from 3;
        EndTxn = 26, last 5, flexible from 3;
        TxnOffsetCommit = 28, last 5, flexible from 3;
        DescribeAcls = 29, last 3, flexible from 2;
        CreateAcls = 30, last 3, flexible from 2;
        DeleteAcls = 31, last 3, flexible from 2;
        DescribeConfigs = 32, last 4, flexible from 4;
        AlterConfigs = 33, last 2, flexible from 2;
        AlterReplicaLogDirs = 34, last 2, flexible from 2;
        DescribeLogDirs = 35, last 4, flexible from 2;
        SaslAuthenticate = 36, last 2, flexible from 2;
        CreatePartitions = 37, last 3, flexible from 2;
        CreateDelegationToken = 38, last 3, flexible from 2;
        RenewDelegationToken = 39, last 2, flexible from 2;
        ExpireDelegationToken = 40, last 2, flexible from 2;
        DescribeDelegationToken = 41, last 3, flexible from 2;
        DeleteGroups = 42, last 2, flexible from 2;
        ElectLeaders = 43, last 2, flexible from 2;
        IncrementalAlterConfigs = 44, last 1, flexible from 1;
        AlterPartitionReassignments = 45, last 1, flexible from 0;
        ListPartitionReassignments = 46, last 0, flexible from 0;
        OffsetDelete = 47, last 0, flexible from NEVER;
        DescribeClientQuotas = 48, last 1, flexible from 1;
        AlterClientQuotas = 49, last 1, flexible from 1;
        DescribeUserScramCredentials = 50, last 0, flexible from 0;
        AlterUserScramCredentials = 51, last 0, flexible from 0;
        DescribeQuorum = 55, last 1, flexible from 0;
        UpdateFeatures = 57, last 2, flexible from 0;
        DescribeCluster = 60, last 0, flexible from 0;
        DescribeProducers = 61, last 0, flexible from 0;
        UnregisterBroker = 64, last 0, flexible from 0;
        DescribeTransactions = 65, last 0, flexible from 0;
        ListTransactions = 66, last 2, flexible from 0;
        ConsumerGroupHeartbeat = 68, last 1, flexible from 0;
        ConsumerGroupDescribe = 69, last 1, flexible from 0;
        GetTelemetrySubscriptions = 71, last 0, flexible from 0;
        PushTelemetry = 72, last 0, flexible from 0;
        ListConfigResources = 74, last 1, flexible from 0;
        DescribeTopicPartitions = 75, last 0, flexible from 0;
        ShareGroupHeartbeat = 76, last 1, flexible from 0;
        ShareGroupDescribe = 77, last 1, flexible from 0;
        ShareFetch = 78, last 1, flexible from 0;
        ShareAcknowledge = 79, last 1, flexible from 0;
        AddRaftVoter = 80, last 0, flexible from 0;
        RemoveRaftVoter = 81, last 0, flexible from 0;
        StreamsGroupHeartbeat = 88, last 0, flexible from 0;
        StreamsGroupDescribe = 89, last 0, flexible from 0;
        DescribeShareGroupOffsets = 90, last 0, flexible from 0;
        AlterShareGroupOffsets = 91, last 0, flexible from 0;
        DeleteShareGroupOffsets = 92, last 0, flexible from 0;
    };

    #[must_use]
    pub fn from_key(key: i16) -> Option<&'static Self> {
        let at = Self::ALL.binary_search_by_key(&key, |api| api.key).ok()?;
        Some(&Self::ALL[at])
    }

    /// By Kafka's own name, as `JoinGroup`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|api| api.name == name)
    }

    /// First version whose answers are decoded, where clients must be kept from an earlier one: ShareFetch 0 was early access of
    /// another shape, and after SaslHandshake 0 come tokens that are no requests.
    #[must_use]
    pub fn first(self) -> i16 {
        match self.key {
            SHARE_FETCH | SHARE_ACKNOWLEDGE | SASL_HANDSHAKE => 1,
            _ => 0,
        }
    }

    /// Whether requests and answers of this version use compact lengths and tagged fields (KIP-482).
    #[must_use]
    pub fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible_from
    }

    /// Answer header version 1. ApiVersions answers with version 0 always.
    #[must_use]
    pub fn has_flexible_answer_header(self, version: i16) -> bool {
        self.is_flexible(version) && self.key != API_VERSIONS
    }

    #[must_use]
    pub fn knows(self, version: i16) -> bool {
        (self.first()..=self.last).contains(&version)
    }
}

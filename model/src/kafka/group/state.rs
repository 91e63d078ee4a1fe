//! One group: its members, its generation and its committed offsets.

use super::super::error::ErrorCode;
use super::super::group_message::{CommittedOffset, GroupState, JoinedMember};
use super::super::ids::{MemberId, Name, TopicPartition};
use super::member::Member;
use super::record::{GroupRecord, GroupValue, MemberValue};
use crate::Nanos;
use std::collections::{BTreeMap, BTreeSet};

/// A committed position and the append that made it so, since an older append must not undo a newer one.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub token: u64,
    pub offset: CommittedOffset,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub name: Name,
    pub state: GroupState,
    pub generation: i32,
    pub protocol_type: Option<Name>,
    pub protocol: Option<Name>,
    pub leader: Option<MemberId>,
    pub members: BTreeMap<MemberId, Member>,
    /// Static members (KIP-345).
    pub instances: BTreeMap<Name, MemberId>,
    /// Ids given out with MEMBER_ID_REQUIRED that have not come back yet (KIP-394).
    pub pending: BTreeSet<MemberId>,
    /// Members of this generation that have not asked for their assignment yet.
    pub pending_sync: BTreeSet<MemberId>,
    /// The rebalance under way began with an empty group, so it waits for more members.
    pub initial: bool,
    pub new_member_added: bool,
    pub initial_remaining: Nanos,
    /// Append of this generation's assignment that is under way.
    pub storing: Option<u64>,
    pub offsets: BTreeMap<TopicPartition, Position>,
}

impl Group {
    pub fn empty(name: Name) -> Self {
        Self {
            name,
            state: GroupState::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            initial: false,
            new_member_added: false,
            initial_remaining: 0,
            storing: None,
            offsets: BTreeMap::new(),
        }
    }

    /// Whether a request speaks for a present member: its id is known, and its instance id was not taken over by another.
    pub fn validate(&self, member: MemberId, instance: Option<Name>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.instances.get(&instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(holder) if *holder != member => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(&member) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    pub fn validate_generation(
        &self,
        member: MemberId,
        instance: Option<Name>,
        generation: i32,
    ) -> Result<(), ErrorCode> {
        self.validate(member, instance)?;
        if generation == self.generation {
            Ok(())
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    pub fn is_leader(&self, member: MemberId) -> bool {
        self.leader == Some(member)
    }

    pub fn all_joined(&self) -> bool {
        self.pending.is_empty() && self.members.values().all(|m| m.awaiting_join.is_some())
    }

    pub fn awaiting_join(&self) -> usize {
        let members = self.members.values();
        members.filter(|m| m.awaiting_join.is_some()).count()
    }

    /// Longest that any member may take to rejoin.
    pub fn rebalance_timeout_ms(&self) -> i32 {
        let timeouts = self.members.values().map(|m| m.rebalance_timeout_ms);
        timeouts.max().unwrap_or(0)
    }

    /// Whether a member with these protocols could be in the group at all.
    pub fn supports(&self, protocol_type: Name, mut protocols: impl Iterator<Item = Name>) -> bool {
        if self.members.is_empty() {
            return protocols.next().is_some();
        }
        let known_by_all = |name: Name| self.members.values().all(|m| m.supports(name));
        self.protocol_type == Some(protocol_type) && protocols.any(known_by_all)
    }

    /// Each member votes for the protocol that it likes best among those that all know. Ties go to the smaller name, for Kafka leaves
    /// them open.
    pub fn select_protocol(&self) -> Option<Name> {
        let first = self.members.values().next()?;
        let names = first.protocols.iter().map(|(name, _)| *name);
        let candidates: Vec<Name> = names
            .filter(|name| self.members.values().all(|m| m.supports(*name)))
            .collect();
        let mut votes: BTreeMap<Name, usize> = BTreeMap::new();
        for vote in self.members.values().filter_map(|m| m.vote(&candidates)) {
            *votes.entry(vote).or_default() += 1;
        }
        let winner = votes.into_iter().rev().max_by_key(|(_, count)| *count);
        winner.map(|(name, _)| name)
    }

    /// Members with their subscriptions, for the leader.
    pub fn joined_members(&self) -> Vec<JoinedMember> {
        let joined = |(id, member): (&MemberId, &Member)| JoinedMember {
            member: *id,
            instance: member.instance,
            metadata: member.metadata(self.protocol),
        };
        self.members.iter().map(joined).collect()
    }

    /// Inserts a member, which leads when there is no leader.
    pub fn add(&mut self, id: MemberId, member: Member) {
        if self.members.is_empty() {
            self.protocol_type = Some(member.protocol_type);
        }
        if let Some(instance) = member.instance {
            self.instances.insert(instance, id);
        }
        self.pending.remove(&id);
        self.leader.get_or_insert(id);
        self.members.insert(id, member);
    }

    pub fn take(&mut self, id: MemberId) -> Option<Member> {
        let member = self.members.remove(&id)?;
        if let Some(instance) = member.instance
            && self.instances.get(&instance) == Some(&id)
        {
            self.instances.remove(&instance);
        }
        self.pending_sync.remove(&id);
        if self.is_leader(id) {
            self.leader = self.members.keys().next().copied();
        }
        Some(member)
    }

    /// The group's record, with the assignment that `assignment_of` gives.
    pub fn record(&self, assignment_of: impl Fn(MemberId, &Member) -> super::Blob) -> GroupRecord {
        let members = self.members.iter().map(|(id, m)| MemberValue {
            member: *id,
            instance: m.instance,
            client: m.client,
            session_timeout_ms: m.session_timeout_ms,
            rebalance_timeout_ms: m.rebalance_timeout_ms,
            metadata: m.metadata(self.protocol),
            assignment: assignment_of(*id, m),
        });
        let value = GroupValue {
            generation: self.generation,
            protocol_type: self.protocol_type,
            protocol: self.protocol,
            leader: self.leader,
            members: members.collect(),
        };
        GroupRecord::Group {
            group: self.name,
            value: Some(value),
        }
    }
}

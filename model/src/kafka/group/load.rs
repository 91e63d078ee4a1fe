//! Groups as the offsets topic has them.

use super::super::group_message::GroupState;
use super::super::ids::{MemberId, Name};
use super::member::Member;
use super::record::{GroupRecord, GroupValue, MemberValue};
use super::state::{Group, Position};
use std::collections::BTreeMap;

/// Replays the log from its start.
pub(super) fn replay(records: impl IntoIterator<Item = GroupRecord>) -> BTreeMap<Name, Group> {
    let mut groups: BTreeMap<Name, Group> = BTreeMap::new();
    for record in records {
        match record {
            GroupRecord::Offset {
                group,
                partition,
                value: Some(offset),
            } => {
                let group = groups.entry(group).or_insert_with(|| Group::empty(group));
                let position = Position { token: 0, offset };
                group.offsets.insert(partition, position);
            }
            GroupRecord::Offset {
                group,
                partition,
                value: None,
            } => {
                if let Some(group) = groups.get_mut(&group) {
                    group.offsets.remove(&partition);
                }
            }
            GroupRecord::Group { group, value } => {
                let old = groups.remove(&group);
                let offsets = old.map(|g| g.offsets).unwrap_or_default();
                let fresh = value.map_or_else(|| Group::empty(group), |v| restored(group, v));
                groups.insert(group, Group { offsets, ..fresh });
            }
        }
    }
    // A deleted group is gone; one of a generation stays, with members or without.
    groups.retain(|_, g| g.generation > 0 || !g.offsets.is_empty());
    groups
}

fn restored(name: Name, value: GroupValue) -> Group {
    let mut group = Group::empty(name);
    for member in value.members {
        let (id, member) = restored_member(member, value.protocol, value.protocol_type);
        group.add(id, member);
    }
    group.generation = value.generation;
    group.protocol_type = value.protocol_type;
    group.protocol = value.protocol;
    group.leader = value.leader;
    if !group.members.is_empty() {
        group.state = GroupState::Stable;
    }
    group
}

fn restored_member(
    value: MemberValue,
    protocol: Option<Name>,
    protocol_type: Option<Name>,
) -> (MemberId, Member) {
    let member = Member {
        instance: value.instance,
        client: value.client,
        session_timeout_ms: value.session_timeout_ms,
        rebalance_timeout_ms: value.rebalance_timeout_ms,
        protocol_type: protocol_type.unwrap_or(Name(0)),
        protocols: protocol.map(|p| (p, value.metadata)).into_iter().collect(),
        assignment: value.assignment,
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
    };
    (value.member, member)
}

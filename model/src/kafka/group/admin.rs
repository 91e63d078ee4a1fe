//! ListGroups, DescribeGroups and DeleteGroups.

use super::super::error::ErrorCode;
use super::super::group_message::{DescribedGroup, DescribedMember, GroupState, ListedGroup};
use super::super::ids::{MemberId, Name, NodeId};
use super::Blob;
use super::member::Member;
use super::record::GroupRecord;
use super::state::Group;

pub(super) fn listed(group: &Group) -> ListedGroup {
    ListedGroup {
        group: group.name,
        protocol_type: group.protocol_type,
        state: group.state,
    }
}

/// A group that is not known is told to be Dead, without an error, as Kafka does up to version 5 of DescribeGroups.
pub(super) fn unknown(group: Name, coordinator: NodeId) -> DescribedGroup {
    DescribedGroup {
        group,
        error: ErrorCode::None,
        state: GroupState::Dead,
        protocol_type: None,
        protocol: None,
        coordinator,
        members: Vec::new(),
    }
}

/// Subscriptions are told of a stable group only, for before they are in flux; assignments are told as the members have them.
pub(super) fn described(group: &Group, coordinator: NodeId) -> DescribedGroup {
    let stable = group.state == GroupState::Stable;
    let member = |(id, member): (&MemberId, &Member)| DescribedMember {
        member: *id,
        instance: member.instance,
        client: member.client,
        metadata: if stable {
            member.metadata(group.protocol)
        } else {
            Blob::from([])
        },
        assignment: member.assignment.clone(),
    };
    DescribedGroup {
        group: group.name,
        error: ErrorCode::None,
        state: group.state,
        protocol_type: group.protocol_type,
        protocol: group.protocol.filter(|_| stable),
        coordinator,
        members: group.members.iter().map(member).collect(),
    }
}

/// Whether a group may be deleted, and the tombstones that do it.
pub(super) fn tombstones(group: Option<&Group>) -> Result<Vec<GroupRecord>, ErrorCode> {
    let group = group.ok_or(ErrorCode::GroupIdNotFound)?;
    if group.state != GroupState::Empty {
        return Err(ErrorCode::NonEmptyGroup);
    }
    let offset = |partition: &_| GroupRecord::Offset {
        group: group.name,
        partition: *partition,
        value: None,
    };
    let mut records: Vec<GroupRecord> = group.offsets.keys().map(offset).collect();
    records.push(GroupRecord::Group {
        group: group.name,
        value: None,
    });
    Ok(records)
}

/// The tombstones of append `token` are durable. What was committed or joined since then stays. True when nothing is left.
pub(super) fn bury(group: &mut Group, token: u64) -> bool {
    group.offsets.retain(|_, position| position.token > token);
    group.state == GroupState::Empty && group.offsets.is_empty() && group.pending.is_empty()
}

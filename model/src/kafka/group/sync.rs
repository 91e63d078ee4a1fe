//! SyncGroup: the leader's assignment is stored, then handed to every member.

use super::super::error::ErrorCode;
use super::super::fact::Fact;
use super::super::group_message::{GroupState, SyncGroupRequest, SyncGroupResponse};
use super::super::ids::{ConnId, MemberId};
use super::Blob;
use super::appends::{Purpose, coordinator_error};
use super::context::{Context, refused_sync};
use super::member::Waiter;
use super::rebalance::{prepare, reset_assignments};
use super::state::Group;
use super::timers::Due;
use std::collections::BTreeMap;

pub(super) fn sync(
    group: &mut Group,
    conn: ConnId,
    request: SyncGroupRequest,
    ctx: &mut Context<'_>,
) {
    if let Err(error) = admit(group, &request) {
        return ctx.answer_sync(Waiter::on(conn), refused_sync(error));
    }
    let id = request.member;
    group.pending_sync.remove(&id);
    if group.state == GroupState::Stable {
        if group.pending_sync.is_empty() {
            ctx.timers.cancel(group.name, Due::Sync);
        }
        ctx.answer_sync(
            Waiter::on(conn),
            assigned(group, &group.members[&id].assignment),
        );
        return ctx.touch_in(group, id);
    }
    let Some(member) = group.members.get_mut(&id) else {
        return;
    };
    let older = member.awaiting_sync.replace(Waiter { conn: Some(conn) });
    ctx.answer_sync(older, refused_sync(ErrorCode::RebalanceInProgress));
    // A leader that asks again while its first assignment is being stored waits for that one.
    if group.is_leader(id) && group.storing.is_none() {
        store(group, request.assignments, ctx);
    }
}

fn admit(group: &Group, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
    group.validate_generation(request.member, request.instance, request.generation)?;
    let differs = |asked: Option<_>, held| asked.is_some() && asked != held;
    if differs(request.protocol_type, group.protocol_type)
        || differs(request.protocol, group.protocol)
    {
        return Err(ErrorCode::InconsistentGroupProtocol);
    }
    match group.state {
        GroupState::Empty | GroupState::Dead => Err(ErrorCode::UnknownMemberId),
        GroupState::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
        GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
    }
}

fn store(group: &mut Group, given: Vec<(MemberId, Blob)>, ctx: &mut Context<'_>) {
    let mut assignments: BTreeMap<MemberId, Blob> = BTreeMap::new();
    for (id, assignment) in given {
        if group.members.contains_key(&id) {
            assignments.insert(id, assignment);
        }
    }
    for id in group.members.keys() {
        assignments.entry(*id).or_insert_with(|| Blob::from([]));
    }
    let record = group.record(|id, _| assignments[&id].clone());
    let purpose = Purpose::Assignment {
        group: group.name,
        generation: group.generation,
        assignments,
    };
    group.storing = Some(ctx.append(purpose, vec![record]));
}

/// The assignment is durable, or not. Meanwhile another rebalance may have made it worthless.
pub(super) fn assignment_stored(
    group: &mut Group,
    token: u64,
    generation: i32,
    assignments: BTreeMap<MemberId, Blob>,
    result: Result<(), ErrorCode>,
    ctx: &mut Context<'_>,
) {
    if group.state != GroupState::CompletingRebalance
        || group.generation != generation
        || group.storing != Some(token)
    {
        return;
    }
    group.storing = None;
    match result {
        Ok(()) => propagate(group, assignments, ctx),
        Err(ErrorCode::RequestTimedOut) => {
            reset_assignments(group, ErrorCode::RebalanceInProgress, ctx);
            prepare(group, ctx);
        }
        Err(error) => {
            reset_assignments(group, coordinator_error(error), ctx);
            prepare(group, ctx);
        }
    }
}

fn propagate(group: &mut Group, assignments: BTreeMap<MemberId, Blob>, ctx: &mut Context<'_>) {
    group.state = GroupState::Stable;
    for (id, assignment) in assignments {
        if let Some(member) = group.members.get_mut(&id) {
            member.assignment = assignment;
        }
    }
    let members: Vec<MemberId> = group.members.keys().copied().collect();
    for &id in &members {
        let response = assigned(group, &group.members[&id].assignment);
        let waiter = group
            .members
            .get_mut(&id)
            .and_then(|m| m.awaiting_sync.take());
        if waiter.is_some() {
            ctx.answer_sync(waiter, response);
            ctx.touch_in(group, id);
        }
    }
    if group.pending_sync.is_empty() {
        ctx.timers.cancel(group.name, Due::Sync);
    }
    ctx.out.fact(Fact::Rebalanced {
        group: group.name,
        generation: group.generation,
        members,
    });
}

fn assigned(group: &Group, assignment: &Blob) -> SyncGroupResponse {
    SyncGroupResponse {
        error: ErrorCode::None,
        protocol_type: group.protocol_type,
        protocol: group.protocol,
        assignment: assignment.clone(),
    }
}

//! JoinGroup: who may come in, and whether it needs a rebalance.

use super::super::error::ErrorCode;
use super::super::fact::Why;
use super::super::group_message::{GroupState, JoinGroupRequest, JoinGroupResponse};
use super::super::ids::{ConnId, MemberId, Name};
use super::appends::Purpose;
use super::context::Context;
use super::member::{Member, Waiter};
use super::rebalance::rebalance_or_complete;
use super::state::Group;
use super::timers::{Due, span_ms};

/// A first JoinGroup cannot be followed by heartbeats before its answer, so it is given up after this long unanswered.
const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 5 * 60 * 1_000;

pub(super) struct Joining<'a> {
    pub conn: ConnId,
    pub client: Name,
    pub request: &'a JoinGroupRequest,
}

pub(super) fn join(group: &mut Group, joining: &Joining<'_>, ctx: &mut Context<'_>) {
    let request = joining.request;
    if !accepts(group, request.member, ctx.config.group_max_size) {
        group.pending.remove(&request.member);
        ctx.timers.cancel(group.name, Due::Pending(request.member));
        return ctx.refuse_join(joining.conn, request.member, ErrorCode::GroupMaxSizeReached);
    }
    let names = request.protocols.iter().map(|(name, _)| *name);
    if !group.supports(request.protocol_type, names) {
        let error = ErrorCode::InconsistentGroupProtocol;
        return ctx.refuse_join(joining.conn, request.member, error);
    }
    if request.member == MemberId::NONE {
        join_without_id(group, joining, ctx);
    } else {
        join_with_id(group, joining, ctx);
    }
}

/// Whether there is room. Who is in already is never turned away, unless it is late for a rebalance of a group that is full.
fn accepts(group: &Group, member: MemberId, size_max: usize) -> bool {
    match group.state {
        GroupState::Empty | GroupState::Dead => size_max > 0,
        GroupState::PreparingRebalance => {
            let waits = |m: &Member| m.awaiting_join.is_some();
            group.members.get(&member).is_some_and(waits) || group.awaiting_join() < size_max
        }
        GroupState::CompletingRebalance | GroupState::Stable => {
            group.members.contains_key(&member) || group.members.len() < size_max
        }
    }
}

fn join_without_id(group: &mut Group, joining: &Joining<'_>, ctx: &mut Context<'_>) {
    let request = joining.request;
    let taken = |id: MemberId| group.members.contains_key(&id) || group.pending.contains(&id);
    let id = ctx.ids.draw(taken);
    if let Some(instance) = request.instance {
        return match group.instances.get(&instance).copied() {
            Some(holder) => replace_static(group, holder, id, joining, ctx),
            None => add(group, id, joining, ctx),
        };
    }
    if request.member_id_required {
        group.pending.insert(id);
        let at = ctx.now + span_ms(request.session_timeout_ms);
        ctx.timers.arm(group.name, Due::Pending(id), at);
        return ctx.refuse_join(joining.conn, id, ErrorCode::MemberIdRequired);
    }
    add(group, id, joining, ctx);
}

fn join_with_id(group: &mut Group, joining: &Joining<'_>, ctx: &mut Context<'_>) {
    let request = joining.request;
    let id = request.member;
    if group.pending.contains(&id) && request.instance.is_none() {
        ctx.timers.cancel(group.name, Due::Pending(id));
        return add(group, id, joining, ctx);
    }
    if let Err(error) = group.validate(id, request.instance) {
        return ctx.refuse_join(joining.conn, id, error);
    }
    let unchanged = group.members[&id].protocols == request.protocols;
    let current = match group.state {
        GroupState::CompletingRebalance => unchanged,
        // A leader that joins again wants a rebalance, for what it subscribes to may have changed.
        GroupState::Stable => unchanged && !group.is_leader(id),
        _ => false,
    };
    if current {
        let leads = group.is_leader(id);
        ctx.answer_join(Waiter::on(joining.conn), joined(group, id, leads));
    } else {
        update(group, id, joining, ctx);
        rebalance_or_complete(group, ctx);
    }
}

fn add(group: &mut Group, id: MemberId, joining: &Joining<'_>, ctx: &mut Context<'_>) {
    let member = Member::joining(joining.client, joining.request, joining.conn);
    if group.state == GroupState::PreparingRebalance && group.generation == 0 {
        group.new_member_added = true;
    }
    group.add(id, member);
    let at = ctx.now + span_ms(NEW_MEMBER_JOIN_TIMEOUT_MS);
    ctx.timers.arm(group.name, Due::Session(id), at);
    rebalance_or_complete(group, ctx);
}

/// Takes over what the request says of a present member, and lets it wait. An older request that still waits is told to join again.
fn update(group: &mut Group, id: MemberId, joining: &Joining<'_>, ctx: &mut Context<'_>) {
    let Some(member) = group.members.get_mut(&id) else {
        return;
    };
    let older = member.awaiting_join.replace(Waiter {
        conn: Some(joining.conn),
    });
    member.protocols.clone_from(&joining.request.protocols);
    member.client = joining.client;
    member.session_timeout_ms = joining.request.session_timeout_ms;
    member.rebalance_timeout_ms = joining.request.rebalance_timeout_ms;
    let refusal = super::context::refused_join(id, ErrorCode::RebalanceInProgress);
    ctx.answer_join(older, refusal);
}

/// A new process under a known instance id: it takes the place of the old one, with its assignment, and the old one is fenced (KIP-345).
fn replace_static(
    group: &mut Group,
    old: MemberId,
    new: MemberId,
    joining: &Joining<'_>,
    ctx: &mut Context<'_>,
) {
    let led = group.is_leader(old);
    let synced = !group.pending_sync.contains(&old);
    let Some(mut member) = group.take(old) else {
        return;
    };
    ctx.dismiss(group.name, old, &mut member, ErrorCode::FencedInstanceId);
    ctx.removed(group.name, old, member.client, Why::Replaced);
    group.add(new, member);
    if led {
        group.leader = Some(new);
    }
    if !synced {
        group.pending_sync.insert(new);
    }
    update(group, new, joining, ctx);
    ctx.touch_in(group, new);
    if group.state == GroupState::Stable && group.select_protocol() == group.protocol {
        let record = group.record(|_, member| member.assignment.clone());
        let purpose = Purpose::Replacement {
            group: group.name,
            generation: group.generation,
            member: new,
        };
        ctx.append(purpose, vec![record]);
    } else {
        rebalance_or_complete(group, ctx);
    }
}

/// The record of a replaced static member is durable, or not. On failure Kafka puts the old member back; here the new one stays and has to
/// join again, which replaces it once more.
pub(super) fn replacement_stored(
    group: &mut Group,
    generation: i32,
    id: MemberId,
    result: Result<(), ErrorCode>,
    ctx: &mut Context<'_>,
) {
    if group.state != GroupState::Stable || group.generation != generation {
        return;
    }
    let leads = group.is_leader(id);
    let mut response = joined(group, id, leads);
    response.skip_assignment = leads;
    let Some(member) = group.members.get_mut(&id) else {
        return;
    };
    if result.is_err() {
        response = super::context::refused_join(id, ErrorCode::UnknownMemberId);
    }
    let waiter = member.awaiting_join.take();
    member.is_new = false;
    ctx.answer_join(waiter, response);
    ctx.touch_in(group, id);
}

/// The answer that tells a member of the group's generation.
pub(super) fn joined(group: &Group, id: MemberId, with_members: bool) -> JoinGroupResponse {
    JoinGroupResponse {
        error: ErrorCode::None,
        generation: group.generation,
        protocol_type: group.protocol_type,
        protocol: group.protocol,
        leader: group.leader.unwrap_or(MemberId::NONE),
        member: id,
        members: if with_members {
            group.joined_members()
        } else {
            Vec::new()
        },
        skip_assignment: false,
    }
}

//! The join phase: when it begins, how long it waits and what it ends in.

use super::super::error::ErrorCode;
use super::super::fact::{Fact, Why};
use super::super::group_message::GroupState;
use super::super::ids::MemberId;
use super::Blob;
use super::appends::Purpose;
use super::context::{Context, refused_sync};
use super::join::joined;
use super::state::Group;
use super::timers::{Due, span_ms};

/// Begins a rebalance, or ends the join phase of the one under way when the last member has come.
pub(super) fn rebalance_or_complete(group: &mut Group, ctx: &mut Context<'_>) {
    match group.state {
        GroupState::PreparingRebalance => complete_if_all_joined(group, ctx),
        GroupState::Dead => {}
        _ => prepare(group, ctx),
    }
}

pub(super) fn prepare(group: &mut Group, ctx: &mut Context<'_>) {
    if group.state == GroupState::CompletingRebalance {
        reset_assignments(group, ErrorCode::RebalanceInProgress, ctx);
    }
    ctx.timers.cancel(group.name, Due::Sync);
    group.pending_sync.clear();
    group.storing = None;
    group.initial = group.state == GroupState::Empty;
    group.state = GroupState::PreparingRebalance;
    if group.initial {
        let delay = span_ms(ctx.config.group_initial_rebalance_delay_ms);
        let timeout = span_ms(group.rebalance_timeout_ms());
        group.new_member_added = false;
        group.initial_remaining = timeout.saturating_sub(delay);
        ctx.timers.arm(group.name, Due::Join, ctx.now + delay);
    } else {
        arm_join(group, ctx);
        complete_if_all_joined(group, ctx);
    }
}

fn arm_join(group: &Group, ctx: &mut Context<'_>) {
    let at = ctx.now + span_ms(group.rebalance_timeout_ms());
    ctx.timers.arm(group.name, Due::Join, at);
}

/// An initial rebalance waits for its delay, however many have come.
pub(super) fn complete_if_all_joined(group: &mut Group, ctx: &mut Context<'_>) {
    if group.state == GroupState::PreparingRebalance && !group.initial && group.all_joined() {
        complete(group, ctx);
    }
}

/// The join phase's deadline has passed.
pub(super) fn join_due(group: &mut Group, ctx: &mut Context<'_>) {
    if group.state != GroupState::PreparingRebalance {
        return;
    }
    if group.initial && group.new_member_added && group.initial_remaining > 0 {
        let delay = span_ms(ctx.config.group_initial_rebalance_delay_ms);
        let delay = delay.min(group.initial_remaining);
        group.new_member_added = false;
        group.initial_remaining -= delay;
        ctx.timers.arm(group.name, Due::Join, ctx.now + delay);
    } else {
        complete(group, ctx);
    }
}

fn complete(group: &mut Group, ctx: &mut Context<'_>) {
    ctx.timers.cancel(group.name, Due::Join);
    let absent = |m: &super::member::Member| m.awaiting_join.is_none() && m.instance.is_none();
    let gone: Vec<MemberId> = group
        .members
        .iter()
        .filter(|(_, m)| absent(m))
        .map(|(id, _)| *id)
        .collect();
    for id in gone {
        expel(group, id, Why::RebalanceTimeout, ctx);
    }
    if !elect_joined_leader(group) && !group.members.is_empty() {
        // Only static members that are away are left; their sessions decide.
        arm_join(group, ctx);
        return;
    }
    group.initial = false;
    group.generation += 1;
    if group.members.is_empty() {
        become_empty(group, ctx);
    } else {
        begin_sync(group, ctx);
    }
}

/// A leader that did not rejoin loses its office to one that did.
fn elect_joined_leader(group: &mut Group) -> bool {
    let waits = |id: &MemberId| group.members[id].awaiting_join.is_some();
    if group.leader.is_some_and(|leader| waits(&leader)) {
        return true;
    }
    let joined = group.members.keys().find(|id| waits(id)).copied();
    if joined.is_some() {
        group.leader = joined;
    }
    joined.is_some()
}

fn become_empty(group: &mut Group, ctx: &mut Context<'_>) {
    group.protocol = None;
    group.leader = None;
    group.state = GroupState::Empty;
    let record = group.record(|_, _| Blob::from([]));
    ctx.append(Purpose::Emptied, vec![record]);
    ctx.out.fact(Fact::Rebalanced {
        group: group.name,
        generation: group.generation,
        members: Vec::new(),
    });
}

fn begin_sync(group: &mut Group, ctx: &mut Context<'_>) {
    group.protocol = group.select_protocol();
    group.state = GroupState::CompletingRebalance;
    group.pending_sync = group.members.keys().copied().collect();
    for id in group.pending_sync.clone() {
        let response = joined(group, id, group.is_leader(id));
        let Some(member) = group.members.get_mut(&id) else {
            continue;
        };
        member.is_new = false;
        let waiter = member.awaiting_join.take();
        ctx.answer_join(waiter, response);
        ctx.touch_in(group, id);
    }
    let at = ctx.now + span_ms(group.rebalance_timeout_ms());
    ctx.timers.arm(group.name, Due::Sync, at);
}

/// Members that did not sync in time are removed.
pub(super) fn sync_due(group: &mut Group, ctx: &mut Context<'_>) {
    let syncs = matches!(
        group.state,
        GroupState::CompletingRebalance | GroupState::Stable
    );
    if !syncs || group.pending_sync.is_empty() {
        return;
    }
    for id in group.pending_sync.clone() {
        expel(group, id, Why::RebalanceTimeout, ctx);
    }
    prepare(group, ctx);
}

/// Takes a member out, answers what it waited for and tells the world; the caller sees to the rebalance.
pub(super) fn expel(group: &mut Group, id: MemberId, why: Why, ctx: &mut Context<'_>) {
    let Some(mut member) = group.take(id) else {
        return;
    };
    ctx.dismiss(group.name, id, &mut member, ErrorCode::UnknownMemberId);
    ctx.removed(group.name, id, member.client, why);
}

/// Takes a member out and rebalances what is left.
pub(super) fn remove(group: &mut Group, id: MemberId, why: Why, ctx: &mut Context<'_>) {
    expel(group, id, why, ctx);
    rebalance_or_complete(group, ctx);
}

/// Drops all assignments and answers everyone who waits for one.
pub(super) fn reset_assignments(group: &mut Group, error: ErrorCode, ctx: &mut Context<'_>) {
    let mut answered = Vec::new();
    for (id, member) in &mut group.members {
        member.assignment = Blob::from([]);
        if let Some(waiter) = member.awaiting_sync.take() {
            ctx.answer_sync(Some(waiter), refused_sync(error));
            answered.push(*id);
        }
    }
    for id in answered {
        ctx.touch_in(group, id);
    }
}

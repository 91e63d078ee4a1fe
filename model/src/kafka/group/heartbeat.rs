//! Heartbeats and the session timeout, the only thing by which a coordinator notices a crash.

use super::super::error::ErrorCode;
use super::super::fact::Why;
use super::super::group_message::{GroupState, HeartbeatRequest};
use super::super::ids::MemberId;
use super::context::Context;
use super::rebalance::remove;
use super::state::Group;

pub(super) fn heartbeat(
    group: &Group,
    request: &HeartbeatRequest,
    ctx: &mut Context<'_>,
) -> ErrorCode {
    let known = group.validate_generation(request.member, request.instance, request.generation);
    if let Err(error) = known {
        return error;
    }
    match group.state {
        GroupState::Empty | GroupState::Dead => return ErrorCode::UnknownMemberId,
        _ => ctx.touch_in(group, request.member),
    }
    if group.state == GroupState::PreparingRebalance {
        ErrorCode::RebalanceInProgress
    } else {
        ErrorCode::None
    }
}

/// A member was silent for its session timeout. While it waits for an answer of ours it cannot heartbeat, and is taken to be alive; only a
/// first JoinGroup has a limit of its own.
pub(super) fn session_due(group: &mut Group, id: MemberId, ctx: &mut Context<'_>) {
    let Some(member) = group.members.get(&id) else {
        return;
    };
    let waits = member.awaiting_join.is_some() || member.awaiting_sync.is_some();
    if waits && !member.is_new {
        return;
    }
    remove(group, id, Why::SessionTimeout, ctx);
}

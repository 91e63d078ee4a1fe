//! LeaveGroup, also of several members at once and of static members by instance (KIP-345).

use super::super::error::ErrorCode;
use super::super::fact::Why;
use super::super::ids::{MemberId, Name};
use super::context::Context;
use super::rebalance::{complete_if_all_joined, remove};
use super::state::Group;
use super::timers::Due;

pub(super) fn leave(
    group: &mut Group,
    member: MemberId,
    instance: Option<Name>,
    ctx: &mut Context<'_>,
) -> ErrorCode {
    if instance.is_none() && group.pending.contains(&member) {
        forget_pending(group, member, ctx);
        return ErrorCode::None;
    }
    let holder = instance.and_then(|instance| group.instances.get(&instance).copied());
    // An administrator names the instance alone.
    let member = match holder {
        Some(holder) if member == MemberId::NONE => holder,
        _ => member,
    };
    match group.validate(member, instance) {
        Err(error) => error,
        Ok(()) => {
            remove(group, member, Why::Left, ctx);
            ErrorCode::None
        }
    }
}

/// A member id that was given out is not waited for any more.
pub(super) fn forget_pending(group: &mut Group, member: MemberId, ctx: &mut Context<'_>) {
    ctx.timers.cancel(group.name, Due::Pending(member));
    group.pending.remove(&member);
    complete_if_all_joined(group, ctx);
}

//! What a member asks by itself: heartbeat, its assignment, leave.

use super::claim::Named;
use super::group_id;
use crate::run::admin::{text, unheard};
use crate::run::{RunError, Runner};
use crate::seen::Seen;
use crate::step::Number;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::{HeartbeatRequest, LeaveGroupRequest, SyncGroupRequest};

impl Runner<'_> {
    pub(super) fn heartbeat(
        &mut self,
        group: Number,
        _: Number,
        named: Named,
    ) -> Result<Seen, RunError> {
        let request = HeartbeatRequest::default()
            .with_group_id(group_id(&self.book.group(group)))
            .with_generation_id(named.generation)
            .with_member_id(text(&named.id))
            .with_group_instance_id(named.instance.as_deref().map(text));
        let heard = self.ask_coordinator(group, request, |r| r.error_code)?;
        Ok(heard.map_or_else(unheard, |answer| Seen::Code(answer.error_code)))
    }

    pub(super) fn sync_one(
        &mut self,
        group: Number,
        member: Number,
        named: Named,
    ) -> Result<Seen, RunError> {
        let known = self
            .book
            .groups
            .get(&group)
            .and_then(|g| g.members.get(&member));
        let request = SyncGroupRequest::default()
            .with_group_id(group_id(&self.book.group(group)))
            .with_generation_id(named.generation)
            .with_member_id(text(&named.id))
            .with_group_instance_id(named.instance.as_deref().map(text))
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(known.and_then(|m| m.protocol.as_deref()).map(text));
        let heard = self.ask_coordinator(group, request, |r| r.error_code)?;
        Ok(heard.map_or_else(unheard, |answer| Seen::Code(answer.error_code)))
    }

    pub(super) fn leave(
        &mut self,
        group: Number,
        member: Number,
        named: Named,
    ) -> Result<Seen, RunError> {
        let identity = MemberIdentity::default()
            .with_member_id(text(&named.id))
            .with_group_instance_id(named.instance.as_deref().map(text));
        let request = LeaveGroupRequest::default()
            .with_group_id(group_id(&self.book.group(group)))
            .with_members(vec![identity]);
        let heard = self.ask_coordinator(group, request, |r| r.error_code)?;
        Ok(match heard {
            Ok(answer) => {
                let code = answer.members.first().map(|m| m.error_code);
                if answer.error_code == 0
                    && code == Some(0)
                    && let Some(group) = self.book.groups.get_mut(&group)
                {
                    group.members.remove(&member);
                }
                Seen::Left {
                    code: answer.error_code,
                    member: code,
                }
            }
            Err(why) => unheard(why),
        })
    }
}

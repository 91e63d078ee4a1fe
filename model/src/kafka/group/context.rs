//! What the parts of a coordinator share while they handle one input.

use super::super::error::ErrorCode;
use super::super::fact::{Fact, Why};
use super::super::group_message::{JoinGroupResponse, SyncGroupResponse};
use super::super::ids::{ConnId, MemberId, Name};
use super::appends::{Appends, Purpose};
use super::config::GroupConfig;
use super::ids::MemberIds;
use super::member::{Member, Waiter};
use super::outbox::{GroupOutbox, GroupReply};
use super::record::GroupRecord;
use super::state::Group;
use super::timers::{Due, Timers, span_ms};
use crate::Nanos;

pub(super) struct Context<'a> {
    pub now: Nanos,
    pub config: &'a GroupConfig,
    pub ids: &'a mut MemberIds,
    pub timers: &'a mut Timers,
    pub appends: &'a mut Appends,
    pub out: &'a mut GroupOutbox,
}

impl Context<'_> {
    pub fn append(&mut self, purpose: Purpose, records: Vec<GroupRecord>) -> u64 {
        let token = self.appends.begin(purpose);
        self.out.append(token, records);
        token
    }

    /// Starts the member's session anew.
    pub fn touch(&mut self, group: Name, id: MemberId, member: &Member) {
        let at = self.now + span_ms(member.session_timeout_ms);
        self.timers.arm(group, Due::Session(id), at);
    }

    pub fn touch_in(&mut self, group: &Group, id: MemberId) {
        if let Some(member) = group.members.get(&id) {
            self.touch(group.name, id, member);
        }
    }

    pub fn answer_join(&mut self, waiter: Option<Waiter>, response: JoinGroupResponse) {
        if let Some(conn) = waiter.and_then(|w| w.conn) {
            self.out.reply(conn, GroupReply::Join(response));
        }
    }

    pub fn refuse_join(&mut self, conn: ConnId, member: MemberId, error: ErrorCode) {
        self.answer_join(Waiter::on(conn), refused_join(member, error));
    }

    pub fn answer_sync(&mut self, waiter: Option<Waiter>, response: SyncGroupResponse) {
        if let Some(conn) = waiter.and_then(|w| w.conn) {
            self.out.reply(conn, GroupReply::Sync(response));
        }
    }

    /// Ends all that waits for a member that is no longer one, or no longer under this id.
    pub fn dismiss(&mut self, group: Name, id: MemberId, member: &mut Member, error: ErrorCode) {
        self.timers.cancel(group, Due::Session(id));
        let join = member.awaiting_join.take();
        self.answer_join(join, refused_join(id, error));
        let sync = member.awaiting_sync.take();
        self.answer_sync(sync, refused_sync(error));
    }

    pub fn removed(&mut self, group: Name, id: MemberId, client: Name, why: Why) {
        self.out.fact(Fact::MemberRemoved {
            group,
            member: id,
            client,
            why,
        });
    }
}

pub(super) fn refused_join(member: MemberId, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error,
        generation: -1,
        protocol_type: None,
        protocol: None,
        leader: MemberId::NONE,
        member,
        members: Vec::new(),
        skip_assignment: false,
    }
}

pub(super) fn refused_sync(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse {
        error,
        protocol_type: None,
        protocol: None,
        assignment: super::Blob::from([]),
    }
}

//! The coordinator of classic consumer groups: one for each partition of `__consumer_offsets` that a broker leads.
//!
//! ```text
//!              a member joins or leaves            all joined, or time is up        the leader's assignment is durable
//!   Empty ───────────────────────▶ PreparingRebalance ──────────▶ CompletingRebalance ──────────▶ Stable
//!     ▲                                  │     ▲                          │                         │
//!     └──── nobody is left ──────────────┘     └──────── a member joins, changes, leaves or expires ┘
//! ```
//!
//! A submachine of the broker: each call handles one input and puts what follows in a [`GroupOutbox`]. What must survive goes out as
//! [`GroupOut::Append`]; the broker appends it to the partition and calls [`Coordinator::appended`] when the high watermark has
//! passed it. Sources: KIP-62, KIP-134, KIP-345, KIP-394, KIP-814 and the classic group of Kafka 4's group coordinator.

mod admin;
mod appends;
mod config;
mod context;
mod heartbeat;
mod ids;
mod join;
mod leave;
mod load;
mod member;
mod offsets;
mod outbox;
mod rebalance;
mod record;
mod state;
mod sync;
#[cfg(test)]
mod tests;
mod timers;

pub use config::GroupConfig;
pub use outbox::{GroupOut, GroupOutbox, GroupReply};
pub use record::{GroupRecord, GroupValue, MemberValue};

use super::error::ErrorCode;
use super::fact::Fact;
use super::group_message::*;
use super::ids::{ConnId, MemberId, Name, NodeId, TopicPartition};
use crate::Nanos;
use appends::{Appends, Purpose};
use context::Context;
use ids::MemberIds;
use state::Group;
use std::collections::BTreeMap;
use timers::{Due, Timers};

/// Who a coordinator is.
#[derive(Clone, Copy, Debug)]
pub struct CoordinatorId {
    pub node: NodeId,
    /// The partition of the offsets topic whose groups these are.
    pub partition: TopicPartition,
    /// Differs between brokers, starts of a broker and terms as leader (mix node, incarnation, partition and leader epoch): member ids
    /// are drawn from it.
    pub salt: u64,
}

/// The groups of one partition of the offsets topic, while its leader is here.
#[derive(Debug)]
pub struct Coordinator {
    id: CoordinatorId,
    config: GroupConfig,
    member_ids: MemberIds,
    timers: Timers,
    appends: Appends,
    groups: BTreeMap<Name, Group>,
}

impl Coordinator {
    /// Takes over the groups of a partition, from all records of its log up to the high watermark. Members that it finds there have a
    /// whole session timeout to show themselves.
    pub fn load(
        now: Nanos,
        id: CoordinatorId,
        config: GroupConfig,
        records: impl IntoIterator<Item = GroupRecord>,
        out: &mut GroupOutbox,
    ) -> Self {
        let mut coordinator = Self {
            id,
            config,
            member_ids: MemberIds::new(id.salt),
            timers: Timers::default(),
            appends: Appends::default(),
            groups: load::replay(records),
        };
        out.fact(Fact::CoordinatorLoaded {
            partition: id.partition,
            groups: coordinator.groups.len(),
        });
        let (groups, mut ctx) = coordinator.split(now, out);
        for group in groups.values() {
            for id in group.members.keys() {
                ctx.touch_in(group, *id);
            }
        }
        coordinator
    }

    /// The leader is elsewhere: everyone who waits is told NOT_COORDINATOR. Appends under way are never reported.
    pub fn unload(mut self, out: &mut GroupOutbox) {
        let error = ErrorCode::NotCoordinator;
        let waiting: Vec<Purpose> = self.appends.drain().collect();
        let (groups, mut ctx) = self.split(0, out);
        for group in groups.values_mut() {
            for (id, member) in &mut group.members {
                ctx.dismiss(group.name, *id, member, error);
            }
        }
        for purpose in waiting {
            match purpose {
                Purpose::Commit(commit) => {
                    let failed = Err(ErrorCode::NotLeaderOrFollower);
                    offsets::commit_stored(None, 0, commit, failed, &mut ctx);
                }
                Purpose::Delete { conn, results } => answer_delete(conn, results, error, &mut ctx),
                _ => {}
            }
        }
    }

    pub fn join(
        &mut self,
        now: Nanos,
        conn: ConnId,
        client: Name,
        request: &JoinGroupRequest,
        out: &mut GroupOutbox,
    ) {
        let (groups, mut ctx) = self.split(now, out);
        let config = ctx.config;
        let sessions = config.group_min_session_timeout_ms..=config.group_max_session_timeout_ms;
        if !sessions.contains(&request.session_timeout_ms) {
            let error = ErrorCode::InvalidSessionTimeout;
            return ctx.refuse_join(conn, request.member, error);
        }
        if request.member != MemberId::NONE && !groups.contains_key(&request.group) {
            return ctx.refuse_join(conn, request.member, ErrorCode::UnknownMemberId);
        }
        let group = groups
            .entry(request.group)
            .or_insert_with(|| Group::empty(request.group));
        let joining = join::Joining {
            conn,
            client,
            request,
        };
        join::join(group, &joining, &mut ctx);
    }

    pub fn sync(
        &mut self,
        now: Nanos,
        conn: ConnId,
        request: SyncGroupRequest,
        out: &mut GroupOutbox,
    ) {
        let (groups, mut ctx) = self.split(now, out);
        match groups.get_mut(&request.group) {
            Some(group) => sync::sync(group, conn, request, &mut ctx),
            None => {
                let refusal = context::refused_sync(ErrorCode::UnknownMemberId);
                ctx.answer_sync(member::Waiter::on(conn), refusal);
            }
        }
    }

    pub fn heartbeat(
        &mut self,
        now: Nanos,
        conn: ConnId,
        request: &HeartbeatRequest,
        out: &mut GroupOutbox,
    ) {
        let (groups, mut ctx) = self.split(now, out);
        let error = match groups.get(&request.group) {
            Some(group) => heartbeat::heartbeat(group, request, &mut ctx),
            None => ErrorCode::UnknownMemberId,
        };
        out.reply(conn, GroupReply::Heartbeat(error));
    }

    pub fn leave(
        &mut self,
        now: Nanos,
        conn: ConnId,
        request: &LeaveGroupRequest,
        out: &mut GroupOutbox,
    ) {
        let (groups, mut ctx) = self.split(now, out);
        let mut group = groups.get_mut(&request.group);
        let mut members = Vec::with_capacity(request.members.len());
        for &(member, instance) in &request.members {
            let error = match &mut group {
                Some(group) => leave::leave(group, member, instance, &mut ctx),
                None => ErrorCode::UnknownMemberId,
            };
            members.push((member, instance, error));
        }
        let error = ErrorCode::None;
        out.reply(
            conn,
            GroupReply::Leave(LeaveGroupResponse { error, members }),
        );
    }

    /// Answered when the commit is durable; only then does OffsetFetch show it.
    pub fn commit(
        &mut self,
        now: Nanos,
        conn: ConnId,
        client: Name,
        request: OffsetCommitRequest,
        refused: offsets::Refused,
        out: &mut GroupOutbox,
    ) {
        let (groups, mut ctx) = self.split(now, out);
        let name = request.group;
        if !groups.contains_key(&name) && request.generation >= 0 {
            let error = ErrorCode::IllegalGeneration;
            return offsets::refuse(conn, &request.offsets, refused, error, &mut ctx);
        }
        let group = groups.entry(name).or_insert_with(|| Group::empty(name));
        match offsets::admit(group, &request) {
            Ok(()) => offsets::commit(group, (conn, client), request, refused, &mut ctx),
            Err(error) => offsets::refuse(conn, &request.offsets, refused, error, &mut ctx),
        }
    }

    /// What is committed, and nothing that may still be lost.
    #[must_use]
    pub fn fetch_offsets(&self, request: &OffsetFetchRequest) -> OffsetFetchResponse {
        offsets::fetch(self.groups.get(&request.group), request)
    }

    pub fn list(&self) -> impl Iterator<Item = ListedGroup> + '_ {
        self.groups.values().map(admin::listed)
    }

    #[must_use]
    pub fn describe(&self, group: Name) -> DescribedGroup {
        let known = self.groups.get(&group);
        known.map_or_else(
            || admin::unknown(group, self.id.node),
            |known| admin::described(known, self.id.node),
        )
    }

    /// Answered once for all of `names`, when the deletion is durable.
    pub fn delete(&mut self, now: Nanos, conn: ConnId, names: &[Name], out: &mut GroupOutbox) {
        let (groups, mut ctx) = self.split(now, out);
        let mut results = Vec::with_capacity(names.len());
        let mut records = Vec::new();
        for &name in names {
            match admin::tombstones(groups.get(&name)) {
                Ok(tombstones) => {
                    results.push((name, ErrorCode::None));
                    records.extend(tombstones);
                }
                Err(error) => results.push((name, error)),
            }
        }
        if records.is_empty() {
            return ctx.out.reply(conn, GroupReply::Delete(results));
        }
        let conn = Some(conn);
        ctx.append(Purpose::Delete { conn, results }, records);
    }

    /// The records of `token` are replicated to every in-sync replica, or the append failed. Tokens that are not known do nothing.
    pub fn appended(
        &mut self,
        now: Nanos,
        token: u64,
        result: Result<(), ErrorCode>,
        out: &mut GroupOutbox,
    ) {
        let Some(purpose) = self.appends.end(token) else {
            return;
        };
        let (groups, mut ctx) = self.split(now, out);
        match purpose {
            Purpose::Assignment {
                group,
                generation,
                assignments,
            } => {
                if let Some(group) = groups.get_mut(&group) {
                    sync::assignment_stored(
                        group,
                        token,
                        generation,
                        assignments,
                        result,
                        &mut ctx,
                    );
                }
            }
            Purpose::Replacement {
                group,
                generation,
                member,
            } => {
                if let Some(group) = groups.get_mut(&group) {
                    join::replacement_stored(group, generation, member, result, &mut ctx);
                }
            }
            Purpose::Emptied => {}
            Purpose::Commit(commit) => {
                let group = groups.get_mut(&commit.group);
                offsets::commit_stored(group, token, commit, result, &mut ctx);
            }
            Purpose::Delete { conn, results } => {
                let error = result.err().map(appends::coordinator_error);
                if error.is_none() {
                    let deleted = results.iter().filter(|(_, error)| !error.is_error());
                    for (name, _) in deleted {
                        if groups.get_mut(name).is_some_and(|g| admin::bury(g, token)) {
                            groups.remove(name);
                        }
                    }
                }
                answer_delete(conn, results, error.unwrap_or(ErrorCode::None), &mut ctx);
            }
        }
    }

    /// When [`Coordinator::tick`] wants to be called next.
    #[must_use]
    pub fn next_timer(&self) -> Option<Nanos> {
        self.timers.next()
    }

    /// Does what is due by `now`.
    pub fn tick(&mut self, now: Nanos, out: &mut GroupOutbox) {
        while let Some((name, due)) = self.timers.pop(now) {
            let (groups, mut ctx) = self.split(now, out);
            let Some(group) = groups.get_mut(&name) else {
                continue;
            };
            match due {
                Due::Join => rebalance::join_due(group, &mut ctx),
                Due::Sync => rebalance::sync_due(group, &mut ctx),
                Due::Session(member) => heartbeat::session_due(group, member, &mut ctx),
                Due::Pending(member) => leave::forget_pending(group, member, &mut ctx),
            }
        }
    }

    /// The connection is gone. Nobody is removed for that: the session timeout decides.
    pub fn closed(&mut self, conn: ConnId) {
        self.appends.forget(conn);
        for member in self
            .groups
            .values_mut()
            .flat_map(|g| g.members.values_mut())
        {
            member::Waiter::forget(&mut member.awaiting_join, conn);
            member::Waiter::forget(&mut member.awaiting_sync, conn);
        }
    }

    fn split<'a>(
        &'a mut self,
        now: Nanos,
        out: &'a mut GroupOutbox,
    ) -> (&'a mut BTreeMap<Name, Group>, Context<'a>) {
        let ctx = Context {
            now,
            config: &self.config,
            ids: &mut self.member_ids,
            timers: &mut self.timers,
            appends: &mut self.appends,
            out,
        };
        (&mut self.groups, ctx)
    }
}

fn answer_delete(
    conn: Option<ConnId>,
    mut results: Vec<(Name, ErrorCode)>,
    error: ErrorCode,
    ctx: &mut Context<'_>,
) {
    for (_, result) in &mut results {
        if !result.is_error() {
            *result = error;
        }
    }
    if let Some(conn) = conn {
        ctx.out.reply(conn, GroupReply::Delete(results));
    }
}

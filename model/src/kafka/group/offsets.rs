//! Committed offsets: who may commit, and when a commit counts.

use super::super::error::ErrorCode;
use super::super::fact::Fact;
use super::super::group_message::*;
use super::super::ids::{ConnId, MemberId, Name, TopicPartition};
use super::appends::{Commit, Purpose, coordinator_error};
use super::context::Context;
use super::outbox::GroupReply;
use super::record::GroupRecord;
use super::state::{Group, Position};

/// Partitions of a commit that the broker refused before the group heard of it.
pub(super) type Refused = Vec<(TopicPartition, ErrorCode)>;

/// Whether a commit may be taken. Generation -1 comes from clients that assign partitions themselves, and only into an empty group.
pub(super) fn admit(group: &Group, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
    if request.generation < 0 && group.state == GroupState::Empty {
        return Ok(());
    }
    let named =
        request.generation >= 0 || request.member != MemberId::NONE || request.instance.is_some();
    if !named {
        return Err(ErrorCode::UnknownMemberId);
    }
    group.validate_generation(request.member, request.instance, request.generation)?;
    if group.state == GroupState::CompletingRebalance {
        return Err(ErrorCode::RebalanceInProgress);
    }
    Ok(())
}

pub(super) fn commit(
    group: &Group,
    (conn, client): (ConnId, Name),
    request: OffsetCommitRequest,
    refused: Refused,
    ctx: &mut Context<'_>,
) {
    // To commit is a sign of life.
    if group.members.contains_key(&request.member) {
        ctx.touch_in(group, request.member);
    }
    let metadata_max = ctx.config.offset_metadata_max_bytes;
    let fits = |o: &CommittedOffset| o.metadata.as_ref().is_none_or(|m| m.len() <= metadata_max);
    let mut results = refused;
    let mut offsets = Vec::with_capacity(request.offsets.len());
    for offset in request.offsets {
        if fits(&offset) {
            results.push((offset.partition, ErrorCode::None));
            offsets.push(offset);
        } else {
            results.push((offset.partition, ErrorCode::OffsetMetadataTooLarge));
        }
    }
    if offsets.is_empty() {
        return ctx.out.reply(conn, GroupReply::Commit(results));
    }
    let record = |offset: &CommittedOffset| GroupRecord::Offset {
        group: group.name,
        partition: offset.partition,
        value: Some(offset.clone()),
    };
    let records = offsets.iter().map(record).collect();
    let commit = Commit {
        conn: Some(conn),
        group: group.name,
        member: request.member,
        client,
        offsets,
        results,
    };
    ctx.append(Purpose::Commit(commit), records);
}

/// Refuses every partition of a commit.
pub(super) fn refuse(
    conn: ConnId,
    offsets: &[CommittedOffset],
    refused: Refused,
    error: ErrorCode,
    ctx: &mut Context<'_>,
) {
    let mut results = refused;
    results.extend(offsets.iter().map(|o| (o.partition, error)));
    ctx.out.reply(conn, GroupReply::Commit(results));
}

/// The commit is durable, or not.
pub(super) fn commit_stored(
    group: Option<&mut Group>,
    token: u64,
    mut commit: Commit,
    result: Result<(), ErrorCode>,
    ctx: &mut Context<'_>,
) {
    match result {
        Ok(()) => {
            if let Some(group) = group {
                apply(group, token, &commit, ctx);
            }
        }
        Err(error) => {
            let error = match coordinator_error(error) {
                ErrorCode::UnknownServerError => ErrorCode::InvalidCommitOffsetSize,
                other => other,
            };
            for (_, result) in &mut commit.results {
                if !result.is_error() {
                    *result = error;
                }
            }
        }
    }
    if let Some(conn) = commit.conn {
        ctx.out.reply(conn, GroupReply::Commit(commit.results));
    }
}

fn apply(group: &mut Group, token: u64, commit: &Commit, ctx: &mut Context<'_>) {
    for offset in &commit.offsets {
        let held = group.offsets.get(&offset.partition);
        if held.is_none_or(|held| held.token < token) {
            let offset = offset.clone();
            let position = Position { token, offset };
            group.offsets.insert(position.offset.partition, position);
        }
        ctx.out.fact(Fact::Committed {
            group: commit.group,
            member: commit.member,
            client: commit.client,
            partition: offset.partition,
            offset: offset.offset,
        });
    }
}

pub(super) fn fetch(group: Option<&Group>, request: &OffsetFetchRequest) -> OffsetFetchResponse {
    let held = |partition: &TopicPartition| {
        let position = group.and_then(|g| g.offsets.get(partition));
        position.map_or_else(|| nothing(*partition), |p| p.offset.clone())
    };
    let offsets = match &request.partitions {
        Some(partitions) => partitions.iter().map(held).collect(),
        None => group.map_or_else(Vec::new, |g| {
            g.offsets.values().map(|p| p.offset.clone()).collect()
        }),
    };
    OffsetFetchResponse {
        group: request.group,
        error: ErrorCode::None,
        offsets: offsets.into_iter().map(|o| (o, ErrorCode::None)).collect(),
    }
}

fn nothing(partition: TopicPartition) -> CommittedOffset {
    CommittedOffset {
        partition,
        offset: -1,
        leader_epoch: -1,
        metadata: None,
    }
}

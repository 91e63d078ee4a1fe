//! Membership in a group, by the eager protocol: join, sync, heartbeats, and all over again at each rebalance.

use super::access::ANY_TIMEOUT;
use super::assignor;
use super::consumer::Member;
use crate::cluster::{Broken, Connection};
use crate::kernel::{MS, Nanos};
use squall_model::kafka::{
    Blob, ErrorCode, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    MemberId, Name, OffsetFetchRequest, Request, Response, SyncGroupRequest, TopicPartition,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What to do after a step of the protocol that did not work out.
enum Trouble {
    /// The coordinator is elsewhere or away.
    Coordinator,
    /// Join again as the same member.
    Rejoin,
    /// Join again as somebody new.
    Forgotten,
}

impl From<Broken> for Trouble {
    fn from(Broken: Broken) -> Self {
        Self::Coordinator
    }
}

fn check(error: ErrorCode) -> Result<(), Trouble> {
    match error {
        ErrorCode::None => Ok(()),
        ErrorCode::RebalanceInProgress => Err(Trouble::Rejoin),
        ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration | ErrorCode::FencedInstanceId => {
            Err(Trouble::Forgotten)
        }
        _ => Err(Trouble::Coordinator),
    }
}

pub(super) async fn run(member: Rc<Member>) {
    let mut joined = false;
    while !member.closing.get() {
        let connection = coordinator(&member).await;
        let trouble = match serve(&member, &connection, &mut joined).await {
            Ok(()) => return,
            Err(trouble) => trouble,
        };
        match trouble {
            // The share is kept: the session may outlive the coordinator.
            Trouble::Coordinator => {
                member.coordinator.replace(None);
                member.access.pause().await;
            }
            Trouble::Rejoin => {
                // A commit of the generation that ends; what does not make it is delivered again elsewhere.
                let _ = member.commit().await;
                member.revoke();
                joined = false;
            }
            Trouble::Forgotten => {
                member.revoke();
                member.member.set(MemberId::NONE);
                member.generation.set(-1);
                joined = false;
            }
        }
    }
}

/// Joins if need be, then keeps the membership alive until something happens.
async fn serve(
    member: &Rc<Member>,
    connection: &Connection,
    joined: &mut bool,
) -> Result<(), Trouble> {
    if !*joined {
        let share = join(member, connection).await?;
        take_share(member, connection, &share).await?;
        *joined = true;
        member.has_share.set(true);
        member.changed.raise();
    }
    let kernel = &member.access.cluster.kernel;
    while !member.closing.get() {
        kernel.sleep(member.options.heartbeat).await;
        if member.closing.get() {
            break;
        }
        let request = Request::Heartbeat(HeartbeatRequest {
            group: member.group,
            generation: member.generation.get(),
            member: member.member.get(),
            instance: instance(member),
        });
        let within: Nanos = u64::from(member.options.session_timeout_ms.unsigned_abs()) * MS;
        match member
            .access
            .call_within(connection, request, within)
            .await?
        {
            Response::Heartbeat(error) => check(error)?,
            _ => return Err(Trouble::Coordinator),
        }
    }
    Ok(())
}

async fn coordinator(member: &Member) -> Rc<Connection> {
    loop {
        let known = member
            .coordinator
            .borrow()
            .clone()
            .filter(|known| known.is_open());
        if let Some(known) = known {
            return known;
        }
        let any = member.access.any().await;
        let groups = vec![member.group];
        let request = Request::FindCoordinator { groups };
        let node = match member.access.call_within(&any, request, ANY_TIMEOUT).await {
            Ok(Response::FindCoordinator(found)) => found
                .first()
                .filter(|found| !found.error.is_error())
                .and_then(|found| found.node),
            _ => None,
        };
        if let Some(node) = node
            && let Some(connection) = member.access.connect(node).await
        {
            let connection = Rc::new(connection);
            member.coordinator.replace(Some(Rc::clone(&connection)));
            return connection;
        }
        member.access.pause().await;
    }
}

fn instance(member: &Member) -> Option<Name> {
    let instance = member.options.instance.as_ref();
    instance.map(|instance| member.access.cluster.names.intern(instance))
}

/// Joins and syncs; gives this member's share.
async fn join(member: &Member, connection: &Connection) -> Result<Vec<TopicPartition>, Trouble> {
    let answer = loop {
        let request = Request::JoinGroup(join_request(member));
        // A join may rightly take as long as the slowest member's rebalance timeout.
        let within =
            u64::from(member.options.rebalance_timeout_ms.unsigned_abs()) * MS + 5_000 * MS;
        let Response::JoinGroup(answer) = member
            .access
            .call_within(connection, request, within)
            .await?
        else {
            return Err(Trouble::Coordinator);
        };
        if answer.error == ErrorCode::MemberIdRequired {
            member.member.set(answer.member);
            continue;
        }
        check(answer.error)?;
        break answer;
    };
    member.member.set(answer.member);
    member.generation.set(answer.generation);
    let assignments = assign(member, &answer).await;
    let request = Request::SyncGroup(SyncGroupRequest {
        group: member.group,
        generation: answer.generation,
        member: answer.member,
        instance: instance(member),
        protocol_type: answer.protocol_type,
        protocol: answer.protocol,
        assignments,
    });
    let Response::SyncGroup(answer) = member.access.call(connection, request).await? else {
        return Err(Trouble::Coordinator);
    };
    check(answer.error)?;
    Ok(assignor::decode(&answer.assignment))
}

fn join_request(member: &Member) -> JoinGroupRequest {
    let names = &member.access.cluster.names;
    let topics: Vec<Name> = member
        .options
        .topics
        .iter()
        .map(|topic| names.intern(topic))
        .collect();
    JoinGroupRequest {
        group: member.group,
        member: member.member.get(),
        instance: instance(member),
        client: member.access.client,
        session_timeout_ms: member.options.session_timeout_ms,
        rebalance_timeout_ms: member.options.rebalance_timeout_ms,
        protocol_type: names.intern("consumer"),
        protocols: vec![(names.intern("range"), assignor::subscription(&topics))],
        member_id_required: true,
    }
}

/// The leader's work: everybody's share. Nothing for the others.
async fn assign(member: &Member, answer: &JoinGroupResponse) -> Vec<(MemberId, Blob)> {
    if answer.members.is_empty() || answer.skip_assignment {
        return Vec::new();
    }
    let members: Vec<(MemberId, Blob)> = answer
        .members
        .iter()
        .map(|joined| (joined.member, joined.metadata.clone()))
        .collect();
    let mut partitions = BTreeMap::new();
    for topic in assignor::topics(&members) {
        partitions.insert(topic, member.access.partitions(topic).await);
    }
    assignor::range(&members, &partitions)
}

/// Asks where the group stands in each partition of the share, and begins to fetch there.
async fn take_share(
    member: &Rc<Member>,
    connection: &Connection,
    share: &[TopicPartition],
) -> Result<(), Trouble> {
    if share.is_empty() {
        return Ok(());
    }
    let request = Request::OffsetFetch(OffsetFetchRequest {
        group: member.group,
        partitions: Some(share.to_vec()),
    });
    let Response::OffsetFetch(answer) = member.access.call(connection, request).await? else {
        return Err(Trouble::Coordinator);
    };
    check(answer.error)?;
    for (_, error) in &answer.offsets {
        check(*error)?;
    }
    for (committed, _) in &answer.offsets {
        member.open(committed.partition, committed.offset);
    }
    Ok(())
}

/// A static member stays, so that it finds its share again.
pub(super) async fn leave(member: &Member) {
    let coordinator = member.coordinator.borrow().clone();
    if let Some(coordinator) = coordinator
        && member.options.instance.is_none()
        && member.member.get() != MemberId::NONE
    {
        let request = Request::LeaveGroup(LeaveGroupRequest {
            group: member.group,
            members: vec![(member.member.get(), None)],
        });
        let _ = member.access.call(&coordinator, request).await;
    }
}

//! Fetching from one assigned partition, for as long as it is assigned.

use super::consumer::{Item, Member};
use crate::cluster::{Broken, Connection};
use crate::kernel::{MS, Nanos};
use crate::record::Body;
use squall_env::{Either, select};
use squall_model::kafka::{
    ErrorCode, FetchPartition, FetchRequest, FetchedPartition, Isolation, ListOffsetsRequest,
    Offset, OffsetSpec, Request, Response, TopicPartition,
};
use std::rc::Rc;

/// A client whose fetch has found nothing asks the same again, and nobody else sees it. One fetch that waits so long stands for all of
/// these, as long as they would be the same.
const STANDS_FOR_MS: i32 = 30_000;

/// Where a lane stands before a fetch.
#[derive(Clone, Copy)]
struct Standing {
    partition: TopicPartition,
    position: Offset,
    winding: u32,
}

pub(super) async fn run(member: Rc<Member>, lane: u32) {
    let mut connection: Option<Connection> = None;
    loop {
        member
            .drained
            .until(|| {
                !member.lanes.borrow().contains(lane)
                    || member.queue.borrow().len() < member.options.queue_records
            })
            .await;
        let Some(standing) = standing(&member, lane) else {
            return;
        };
        let open = match connection.take().filter(Connection::is_open) {
            Some(open) => open,
            None => member.access.leader(standing.partition).await,
        };
        let done = if standing.position < 0 {
            find_start(&member, lane, standing, &open).await
        } else {
            fetch(&member, lane, standing, &open).await
        };
        match done {
            Ok(()) => connection = Some(open),
            Err(Broken) => {
                member.access.forget_leader(standing.partition);
                member.access.pause().await;
            }
        }
    }
}

fn standing(member: &Member, lane: u32) -> Option<Standing> {
    let mut lanes = member.lanes.borrow_mut();
    let lane = lanes.get(lane)?;
    Some(Standing {
        partition: lane.partition,
        position: lane.position,
        winding: lane.winding,
    })
}

/// Where to begin when nothing is committed, or what was is not there any more.
async fn find_start(
    member: &Member,
    lane: u32,
    standing: Standing,
    connection: &Connection,
) -> Result<(), Broken> {
    let spec = if member.options.from_earliest {
        OffsetSpec::Earliest
    } else {
        OffsetSpec::Latest
    };
    let request = Request::ListOffsets(ListOffsetsRequest {
        isolation: Isolation::ReadCommitted,
        partitions: vec![(standing.partition, -1, spec)],
    });
    let Response::ListOffsets(listed) = member.access.call(connection, request).await? else {
        return Err(Broken);
    };
    let found = listed
        .first()
        .filter(|listed| listed.error == ErrorCode::None)
        .ok_or(Broken)?;
    if let Some(lane) = member
        .lanes
        .borrow_mut()
        .get(lane)
        .filter(|lane| lane.winding == standing.winding)
    {
        lane.position = found.offset;
    }
    Ok(())
}

async fn fetch(
    member: &Member,
    lane: u32,
    standing: Standing,
    connection: &Connection,
) -> Result<(), Broken> {
    let wait_ms = member.options.fetch_wait_ms;
    // Where more is asked for than there may be, the end of the wait brings what there is.
    let stands_for = match member.options.fetch_min_bytes {
        ..=1 if wait_ms > 0 => STANDS_FOR_MS.max(wait_ms),
        _ => wait_ms,
    };
    let request = Request::Fetch(FetchRequest {
        max_wait_ms: stands_for,
        min_bytes: member.options.fetch_min_bytes,
        max_bytes: i32::MAX,
        isolation: Isolation::ReadCommitted,
        partitions: vec![FetchPartition {
            partition: standing.partition,
            offset: standing.position,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            max_bytes: member.options.partition_fetch_bytes,
        }],
    });
    let answer = member.access.call(connection, request);
    let Either::First(answer) = select(answer, overtaken(member, lane, standing)).await else {
        connection.close();
        return Ok(());
    };
    let Response::Fetch(mut parts) = answer? else {
        return Err(Broken);
    };
    let part = parts.pop().ok_or(Broken)?;
    match part.error {
        ErrorCode::None => take(member, lane, standing, part),
        ErrorCode::OffsetOutOfRange => {
            if let Some(lane) = member
                .lanes
                .borrow_mut()
                .get(lane)
                .filter(|lane| lane.winding == standing.winding)
            {
                lane.position = -1;
            }
        }
        _ => return Err(Broken),
    }
    Ok(())
}

/// Ends when a fetch would have found nothing and the next one would be another: the lane was wound back or is gone.
async fn overtaken(member: &Member, lane: u32, asked: Standing) {
    let kernel = &member.access.cluster.kernel;
    let began = kernel.now();
    let still = || standing(member, lane).is_some_and(|now| now.winding == asked.winding);
    member.rewound.until(|| !still()).await;
    let wait = Nanos::from(member.options.fetch_wait_ms.max(1).unsigned_abs()) * MS;
    let rounds = (kernel.now() - began) / wait + 1;
    kernel.sleep_until(began + rounds * wait).await;
}

fn take(member: &Member, lane_id: u32, standing: Standing, part: FetchedPartition<Body>) {
    let mut lanes = member.lanes.borrow_mut();
    let Some(lane) = lanes
        .get(lane_id)
        .filter(|lane| lane.winding == standing.winding)
    else {
        return;
    };
    let mut queue = member.queue.borrow_mut();
    for entry in part.entries {
        for (index, offset) in (0..entry.batch.body.len()).zip(entry.base_offset..) {
            if offset >= lane.position {
                queue.push_back(Item {
                    lane: lane_id,
                    winding: lane.winding,
                    topic: standing.partition.topic,
                    partition: standing.partition.partition,
                    offset,
                    batch: entry.batch.body.clone(),
                    index,
                });
            }
        }
        lane.position = lane.position.max(entry.end_offset());
    }
    drop(queue);
    drop(lanes);
    member.arrived.raise();
}

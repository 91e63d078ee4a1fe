//! DeleteGroups: one request may name groups of several partitions, and each coordinator answers in its own time.

use super::Broker;
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::{ConnId, Name};
use crate::kafka::machine::Outbox;
use crate::kafka::message::Response;
use std::collections::BTreeMap;

/// Requests that some coordinator has not answered yet.
#[derive(Debug, Default)]
pub struct GroupDeletes {
    open: BTreeMap<ConnId, Open>,
}

#[derive(Debug)]
struct Open {
    coordinators: usize,
    results: Vec<(Name, ErrorCode)>,
}

impl GroupDeletes {
    pub fn forget(&mut self, conn: ConnId) {
        self.open.remove(&conn);
    }

    /// Takes one coordinator's answer; the whole one when it was the last.
    pub fn answered(
        &mut self,
        conn: ConnId,
        results: Vec<(Name, ErrorCode)>,
    ) -> Option<Vec<(Name, ErrorCode)>> {
        let open = self.open.get_mut(&conn)?;
        open.results.extend(results);
        open.coordinators -= 1;
        if open.coordinators > 0 {
            return None;
        }
        self.open.remove(&conn).map(|open| open.results)
    }
}

impl<B: Body> Broker<B> {
    pub(super) fn delete_groups(
        &mut self,
        now: Nanos,
        conn: ConnId,
        groups: &[Name],
        out: &mut Outbox<B>,
    ) {
        let mut by_partition: BTreeMap<i32, Vec<Name>> = BTreeMap::new();
        let mut elsewhere = Vec::new();
        for group in groups {
            let partition = self.group_partition(*group).partition;
            if self.coordinators.contains(partition) {
                by_partition.entry(partition).or_default().push(*group);
            } else {
                elsewhere.push((*group, ErrorCode::NotCoordinator));
            }
        }
        if by_partition.is_empty() {
            return out.send(conn, Response::DeleteGroups(elsewhere));
        }
        let open = Open {
            coordinators: by_partition.len(),
            results: elsewhere,
        };
        self.group_deletes.open.insert(conn, open);
        for (partition, names) in by_partition {
            if let Some(coordinator) = self.coordinators.get_mut(partition) {
                coordinator.delete(now, conn, &names, &mut self.group_outbox);
            }
            self.drain_groups(now, partition, out);
        }
    }
}

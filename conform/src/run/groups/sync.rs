//! Assignments: all members ask, the leader brings them.

use super::protocol::string;
use super::{TOGETHER_MS, group_id, lane};
use crate::run::admin::text;
use crate::run::{RunError, Runner};
use crate::seen::Seen;
use crate::step::Number;
use bytes::Bytes;
use kafka_protocol::messages::SyncGroupRequest;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use std::collections::BTreeMap;

impl Runner<'_> {
    /// All members ask for their assignment, which the leader brings.
    pub(super) fn sync(&mut self, group: Number, leader_first: bool) -> Result<Seen, RunError> {
        let members = self
            .book
            .groups
            .get(&group)
            .map(|g| g.members.clone())
            .unwrap_or_default();
        if !members.values().any(|m| m.leads) {
            return Ok(Seen::Skipped);
        }
        self.await_coordinator(group)?;
        let Some(broker) = self.coordinator(&self.book.group(group))? else {
            return Ok(Seen::NoAnswer);
        };
        let mut order: Vec<_> = members.iter().collect();
        order.sort_by_key(|(number, member)| (member.leads != leader_first, **number));
        for (number, member) in &order {
            let assignments = member.roster.iter().map(|id| {
                let to = self.book.member(group, id);
                let assignment = format!("step {} to member {to}", self.index);
                SyncGroupRequestAssignment::default()
                    .with_member_id(text(id))
                    .with_assignment(Bytes::from(assignment))
            });
            let request = SyncGroupRequest::default()
                .with_group_id(group_id(&self.book.group(group)))
                .with_generation_id(member.generation)
                .with_member_id(text(&member.id))
                .with_group_instance_id(member.instance.as_deref().map(text))
                .with_protocol_type(Some(text("consumer")))
                .with_protocol_name(member.protocol.as_deref().map(text))
                .with_assignments(if member.leads {
                    assignments.collect()
                } else {
                    Vec::new()
                });
            if self
                .begin_ask(broker, lane(**number), &[request], true)
                .is_ok()
            {
                self.take_in(broker, lane(**number), 0)?;
                self.arm.pass(10)?;
            }
        }
        let mut synced = BTreeMap::new();
        for (number, _) in order {
            let heard = self.hear::<SyncGroupRequest>(broker, lane(*number), TOGETHER_MS)?;
            let seen = match heard {
                Ok(answer) => (answer.error_code, string(&answer.assignment)),
                Err(_) => (-100, String::new()),
            };
            synced.insert(*number, seen);
        }
        Ok(Seen::Synced(synced))
    }
}

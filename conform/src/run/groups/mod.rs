//! Consumer groups: membership step by step, and committed offsets.

mod claim;
mod coordinator;
mod describe;
mod join;
mod joined;
mod member;
mod offsets;
mod protocol;
mod sync;

use super::admin::text;
use super::book::Detail;
use super::link::Lane;
use super::{RunError, Runner};
use crate::seen::Seen;
use crate::step::{Number, Step};
use kafka_protocol::messages::GroupId;

/// How long an answer may take for which all members have asked.
const TOGETHER_MS: u64 = 5_000;

fn lane(member: Number) -> Lane {
    10 + Lane::from(member)
}

fn group_id(of: &str) -> GroupId {
    GroupId(text(of))
}

impl Runner<'_> {
    pub(super) fn group_step(&mut self, step: &Step) -> Result<(Seen, Detail), RunError> {
        let plain = |seen: Seen| (seen, Detail::None);
        Ok(match step {
            Step::FindCoordinator { group } => plain(self.find_coordinator(*group)?),
            Step::Join(join) => plain(self.join(join)?),
            Step::Sync {
                group,
                leader_first,
            } => plain(self.sync(*group, *leader_first)?),
            Step::SyncOne {
                group,
                member,
                claim,
            } => self.claimed(*group, *member, *claim, Self::sync_one)?,
            Step::Heartbeat {
                group,
                member,
                claim,
            } => self.claimed(*group, *member, *claim, Self::heartbeat)?,
            Step::Leave {
                group,
                member,
                claim,
            } => self.claimed(*group, *member, *claim, Self::leave)?,
            Step::Commit {
                group,
                member,
                claim,
                place,
                offset,
            } => self.commit(*group, *member, *claim, *place, *offset)?,
            Step::FetchOffsets { group } => plain(self.fetch_offsets(*group)?),
            Step::DescribeGroup { group } => plain(self.describe_group(*group)?),
            Step::DeleteGroup { group } => plain(self.delete_group(*group)?),
            _ => plain(Seen::Skipped),
        })
    }
}

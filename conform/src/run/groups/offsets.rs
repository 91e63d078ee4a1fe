//! Committed offsets.

use super::group_id;
use crate::run::admin::{text, topic_name, unheard};
use crate::run::book::Detail;
use crate::run::{RunError, Runner};
use crate::seen::Seen;
use crate::step::{Claim, Number, Place};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
};
use std::collections::BTreeMap;

impl Runner<'_> {
    pub(super) fn commit(
        &mut self,
        group: Number,
        member: Number,
        claim: Claim,
        place: Place,
        offset: i64,
    ) -> Result<(Seen, Detail), RunError> {
        self.book.groups.entry(group).or_default();
        let Some(named) = self.named(group, member, claim) else {
            return Ok((Seen::Skipped, Detail::None));
        };
        let metadata = format!("by step {}", self.index);
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(place.partition)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(Some(text(&metadata)));
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic_name(&self.book.topic(place.topic)))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group_id(&self.book.group(group)))
            .with_generation_id_or_member_epoch(named.generation)
            .with_member_id(text(&named.id))
            .with_group_instance_id(named.instance.as_deref().map(text))
            .with_topics(vec![topic]);
        let first = |r: &OffsetCommitResponse| {
            let mut partitions = r.topics.iter().flat_map(|t| &t.partitions);
            partitions.next().map_or(-1, |p| p.error_code)
        };
        let heard = self.ask_coordinator(group, request, first)?;
        let seen = heard.map_or_else(unheard, |answer| Seen::Code(first(&answer)));
        let detail = Detail::Commit {
            group,
            place,
            offset,
            metadata,
        };
        Ok((seen, detail))
    }

    pub(in crate::run) fn fetch_offsets(&mut self, group: Number) -> Result<Seen, RunError> {
        let name = self.book.group(group);
        let asked = OffsetFetchRequestGroup::default()
            .with_group_id(group_id(&name))
            .with_topics(None);
        let request = OffsetFetchRequest::default().with_groups(vec![asked]);
        let code = |r: &OffsetFetchResponse| r.groups.first().map_or(-1, |g| g.error_code);
        let answer = match self.ask_coordinator(group, request, code)? {
            Ok(answer) => answer,
            Err(why) => return Ok(unheard(why)),
        };
        let topics = answer.groups.iter().flat_map(|g| &g.topics);
        let mut committed = BTreeMap::new();
        for topic in topics {
            let number = (0..u8::MAX).find(|n| self.book.topic(*n) == topic.name.0.as_str());
            for p in &topic.partitions {
                let metadata = p.metadata.as_ref().map_or("", |m| m.as_str());
                let value = (p.committed_offset, metadata.to_owned());
                committed.insert((number.unwrap_or(99), p.partition_index), value);
            }
        }
        Ok(Seen::Offsets {
            code: code(&answer),
            committed,
        })
    }
}

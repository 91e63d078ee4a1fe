//! The range assignor, and how subscriptions and assignments look between models of one world.
//!
//! Only members of this simulation read these bytes: topics by number, each four bytes, little-endian.

use squall_model::kafka::{Blob, MemberId, Name, TopicPartition};
use std::collections::BTreeMap;

/// Bytes of a member's subscription.
pub(super) fn subscription(topics: &[Name]) -> Blob {
    topics
        .iter()
        .flat_map(|topic| topic.0.to_le_bytes())
        .collect()
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let word = |chunk: &[u8]| {
        chunk
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u32::from(*byte))
    };
    bytes.chunks(4).map(word).collect()
}

/// Bytes of an assignment.
pub(super) fn encode(partitions: &[TopicPartition]) -> Blob {
    let pair = |id: &TopicPartition| [id.topic.0.to_le_bytes(), id.partition.to_le_bytes()];
    partitions.iter().flat_map(pair).flatten().collect()
}

pub(super) fn decode(bytes: &[u8]) -> Vec<TopicPartition> {
    let words = words(bytes);
    let pair = |pair: &[u32]| {
        Some(TopicPartition {
            topic: Name(*pair.first()?),
            partition: pair.get(1)?.cast_signed(),
        })
    };
    words.chunks(2).filter_map(pair).collect()
}

/// Every topic that some member wants.
pub(super) fn topics(members: &[(MemberId, Blob)]) -> Vec<Name> {
    let mut all: Vec<Name> = members
        .iter()
        .flat_map(|(_, blob)| words(blob))
        .map(Name)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Kafka's RangeAssignor: per topic, members in order of their ids get consecutive ranges, the first ones one more.
pub(super) fn range(
    members: &[(MemberId, Blob)],
    partitions: &BTreeMap<Name, Vec<i32>>,
) -> Vec<(MemberId, Blob)> {
    let mut shares: BTreeMap<MemberId, Vec<TopicPartition>> =
        members.iter().map(|(id, _)| (*id, Vec::new())).collect();
    for (topic, partitions) in partitions {
        let mut wanting: Vec<MemberId> = members
            .iter()
            .filter(|(_, blob)| words(blob).contains(&topic.0))
            .map(|(id, _)| *id)
            .collect();
        wanting.sort_unstable();
        let (count, members) = (partitions.len(), wanting.len().max(1));
        let mut rest = partitions.iter();
        for (index, id) in wanting.iter().enumerate() {
            let take = count / members + usize::from(index < count % members);
            let share = rest.by_ref().take(take).map(|partition| TopicPartition {
                topic: *topic,
                partition: *partition,
            });
            shares.entry(*id).or_default().extend(share);
        }
    }
    shares
        .into_iter()
        .map(|(id, share)| (id, encode(&share)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_consecutive_and_the_first_get_one_more() {
        let topic = Name(70_000);
        let wants = subscription(&[topic]);
        let members = [
            (MemberId(9), wants.clone()),
            (MemberId(3), wants.clone()),
            (MemberId(5), subscription(&[])),
        ];
        let shares = range(&members, &BTreeMap::from([(topic, vec![0, 1, 2, 3, 4])]));
        let got: Vec<(u64, Vec<i32>)> = shares
            .iter()
            .map(|(id, share)| (id.0, decode(share).iter().map(|p| p.partition).collect()))
            .collect();
        assert_eq!(got, [(3, vec![0, 1, 2]), (5, vec![]), (9, vec![3, 4])]);
        assert_eq!(topics(&members), [topic]);
    }
}

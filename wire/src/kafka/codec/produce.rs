//! Produce, versions 3 to 12: <https://kafka.apache.org/protocol#The_Messages_Produce>.

use super::answer::Answer;
use super::reader::{Malformed, Reader};
use super::topics;
use super::writer::Writer;
use crate::kafka::names::Names;
use bytes::Bytes;
use squall_model::kafka::{ProducedPartition, TopicPartition};

/// A Produce request whose record data nobody has looked at yet.
#[derive(Clone, Debug)]
pub struct ProduceData {
    /// As sent: -1 is all.
    pub acks: i16,
    pub timeout_ms: i32,
    pub partitions: Vec<(TopicPartition, Option<Bytes>)>,
}

pub fn read(r: &mut Reader<'_>, names: &mut Names) -> Result<ProduceData, Malformed> {
    let _transactional_id = r.nullable_string()?;
    let acks = r.i16()?;
    let timeout_ms = r.i32()?;
    let partitions = topics::read(r, names, |r, topic| {
        let partition = r.i32()?;
        let records = r.nullable_bytes()?;
        r.tags()?;
        Ok((TopicPartition { topic, partition }, records))
    })?;
    r.tags()?;
    Ok(ProduceData {
        acks,
        timeout_ms,
        partitions,
    })
}

pub fn write<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    partitions: &[ProducedPartition],
) {
    topics::write(
        w,
        answer.names,
        partitions,
        |p| p.partition,
        |w, p| {
            w.i32(p.partition.partition);
            w.i16(p.error.code());
            w.i64(p.base_offset);
            w.i64(-1); // log append time: the topic keeps the producer's
            if version >= 5 {
                w.i64(p.log_start_offset);
            }
            if version >= 8 {
                w.array_length(0); // record errors
                w.nullable_string(None);
            }
            // Where the leader is now (KIP-951).
            match p.current_leader.filter(|_| version >= 10) {
                Some((leader, epoch)) => {
                    w.uvarint(1);
                    w.tagged(0, |w| {
                        w.i32(leader.0);
                        w.i32(epoch);
                        w.tags();
                    });
                }
                None => w.tags(),
            }
        },
    );
    w.i32(0);
    if version >= 10 {
        write_node_endpoints(w, answer, partitions);
    } else {
        w.tags();
    }
}

fn write_node_endpoints<X>(
    w: &mut Writer<X>,
    answer: &Answer<'_>,
    partitions: &[ProducedPartition],
) {
    let mut leaders: Vec<_> = partitions
        .iter()
        .filter_map(|p| p.current_leader.map(|(node, _)| node))
        .collect();
    leaders.sort_unstable();
    leaders.dedup();
    if leaders.is_empty() {
        return w.tags();
    }
    w.uvarint(1);
    w.tagged(0, |w| {
        w.array(leaders.iter(), |w, node| {
            let (host, port) = answer.address(*node);
            w.i32(node.0);
            w.string(host);
            w.i32(i32::from(port));
            w.nullable_string(None);
            w.tags();
        });
    });
}

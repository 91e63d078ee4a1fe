//! Metadata and DescribeCluster: which brokers there are and who leads what.

use super::answer::Answer;
use super::reader::{Malformed, Reader};
use super::writer::Writer;
use crate::kafka::names::Names;
use squall_model::kafka::{MetadataRequest, MetadataResponse, NodeId, PartitionMetadata};

/// No authorizer, so no operations to tell.
pub const OPERATIONS_UNKNOWN: i32 = i32::MIN;

pub fn read_metadata(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<MetadataRequest, Malformed> {
    let topics = r.nullable_array(|r| {
        let topic = names.intern(r.string()?)?;
        r.tags()?;
        Ok(topic)
    })?;
    let allow_auto_topic_creation = version < 4 || r.bool()?;
    if version >= 8 {
        let _include_cluster_operations = r.bool()?;
        let _include_topic_operations = r.bool()?;
    }
    r.tags()?;
    Ok(MetadataRequest {
        // Version 0 has no null and asks for every topic by an empty list.
        topics: topics.filter(|t| version > 0 || !t.is_empty()),
        allow_auto_topic_creation,
    })
}

pub fn write_metadata<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    metadata: &MetadataResponse,
) {
    if version >= 3 {
        w.i32(0);
    }
    write_brokers(w, version >= 1, answer, &metadata.brokers);
    if version >= 2 {
        w.nullable_string(Some(answer.cluster_id));
    }
    if version >= 1 {
        w.i32(metadata.controller.map_or(-1, |n| n.0));
    }
    w.array(metadata.topics.iter(), |w, topic| {
        w.i16(topic.error.code());
        w.string(answer.names.text(topic.topic));
        if version >= 1 {
            w.bool(topic.internal);
        }
        w.array(topic.partitions.iter(), |w, p| {
            write_partition(w, version, p)
        });
        if version >= 8 {
            w.i32(OPERATIONS_UNKNOWN);
        }
        w.tags();
    });
    if version >= 8 {
        w.i32(OPERATIONS_UNKNOWN);
    }
    w.tags();
}

fn write_brokers<X>(w: &mut Writer<X>, with_rack: bool, answer: &Answer<'_>, brokers: &[NodeId]) {
    w.array(brokers.iter(), |w, node| {
        let (host, port) = answer.address(*node);
        w.i32(node.0);
        w.string(host);
        w.i32(i32::from(port));
        if with_rack {
            w.nullable_string(None);
        }
        w.tags();
    });
}

fn write_partition<X>(w: &mut Writer<X>, version: i16, p: &PartitionMetadata) {
    w.i16(p.error.code());
    w.i32(p.partition);
    w.i32(p.leader.map_or(-1, |n| n.0));
    if version >= 7 {
        w.i32(p.leader_epoch);
    }
    write_nodes(w, &p.replicas);
    write_nodes(w, &p.isr);
    if version >= 5 {
        write_nodes(w, &p.offline);
    }
    w.tags();
}

pub fn write_nodes<X>(w: &mut Writer<X>, nodes: &[NodeId]) {
    w.array(nodes.iter(), |w, node| w.i32(node.0));
}

/// Which endpoints a DescribeCluster of version 1 asks for: 1 is the brokers'.
pub fn read_describe_cluster(r: &mut Reader<'_>, version: i16) -> Result<i8, Malformed> {
    let _include_operations = r.bool()?;
    let endpoints = if version >= 1 { r.i8()? } else { 1 };
    r.tags()?;
    Ok(endpoints)
}

pub fn write_describe_cluster<X>(
    w: &mut Writer<X>,
    version: i16,
    endpoints: i8,
    answer: &Answer<'_>,
    metadata: &MetadataResponse,
) {
    // KIP-919: a broker answers only for brokers, with MISMATCHED_ENDPOINT_TYPE otherwise.
    let mismatched = endpoints != 1;
    w.i32(0);
    w.i16(if mismatched { 114 } else { 0 });
    w.nullable_string(mismatched.then_some("This listener serves broker endpoints only."));
    if version >= 1 {
        w.i8(1);
    }
    w.string(answer.cluster_id);
    w.i32(metadata.controller.map_or(-1, |n| n.0));
    let brokers: &[NodeId] = if mismatched { &[] } else { &metadata.brokers };
    write_brokers(w, true, answer, brokers);
    w.i32(OPERATIONS_UNKNOWN);
    w.tags();
}

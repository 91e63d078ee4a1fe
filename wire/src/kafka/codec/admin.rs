//! Admin calls about topics: CreateTopics, DeleteTopics, CreatePartitions; and InitProducerId.

use super::answer::Answer;
use super::membership::optional_name;
use super::reader::{Malformed, Reader};
use super::writer::Writer;
use crate::kafka::names::Names;
use squall_model::kafka::{
    CreateTopicsRequest, ErrorCode, InitProducerIdRequest, InitProducerIdResponse, Name, NewTopic,
    NodeId, TopicResult,
};
use std::collections::BTreeMap;

pub fn read_create_topics(
    r: &mut Reader<'_>,
    names: &mut Names,
) -> Result<CreateTopicsRequest, Malformed> {
    let topics = r.array(|r| read_new_topic(r, names))?;
    let timeout_ms = r.i32()?;
    let validate_only = r.bool()?;
    r.tags()?;
    Ok(CreateTopicsRequest {
        topics,
        timeout_ms,
        validate_only,
    })
}

fn read_new_topic(r: &mut Reader<'_>, names: &mut Names) -> Result<NewTopic, Malformed> {
    let topic = names.intern(r.string()?)?;
    let partitions = r.i32()?;
    let replication_factor = r.i16()?;
    let mut assignment = r.array(|r| {
        let partition = r.i32()?;
        let replicas = r.array(|r| r.i32().map(NodeId))?;
        r.tags()?;
        Ok((partition, replicas))
    })?;
    assignment.sort_by_key(|(partition, _)| *partition);
    let dense = (0..)
        .zip(&assignment)
        .all(|(index, (partition, _))| index == *partition);
    if !dense {
        return Err(Malformed::BadValue);
    }
    let configs = r.array(|r| {
        let name = r.string()?.to_owned();
        let value = r.nullable_string()?.map(str::to_owned);
        r.tags()?;
        Ok(value.map(|value| (name, value)))
    })?;
    r.tags()?;
    Ok(NewTopic {
        topic,
        partitions,
        replication_factor,
        assignment: (!assignment.is_empty()).then(|| {
            assignment
                .into_iter()
                .map(|(_, replicas)| replicas)
                .collect()
        }),
        configs: configs.into_iter().flatten().collect::<BTreeMap<_, _>>(),
    })
}

pub fn write_create_topics<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    results: &[TopicResult],
) {
    w.i32(0);
    w.array(results.iter(), |w, result| {
        w.string(answer.names.text(result.topic));
        w.i16(result.error.code());
        w.nullable_string(result.message.as_deref());
        if version >= 5 {
            w.i32(result.partitions);
            w.i16(result.replication_factor);
            w.array_length(0); // configurations
        }
        w.tags();
    });
    w.tags();
}

/// Topics and the time-out.
pub fn read_delete_topics(
    r: &mut Reader<'_>,
    names: &mut Names,
) -> Result<(Vec<Name>, i32), Malformed> {
    let topics = r.array(|r| names.intern(r.string()?))?;
    let timeout_ms = r.i32()?;
    r.tags()?;
    Ok((topics, timeout_ms))
}

pub fn write_delete_topics<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    deleted: &[(Name, ErrorCode)],
) {
    w.i32(0);
    w.array(deleted.iter(), |w, (topic, error)| {
        w.string(answer.names.text(*topic));
        w.i16(error.code());
        if version >= 5 {
            w.nullable_string(None);
        }
        w.tags();
    });
    w.tags();
}

/// A CreatePartitions request; explicit assignments are read and left to the controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreatePartitionsData {
    pub topics: Vec<(Name, i32)>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

pub fn read_create_partitions(
    r: &mut Reader<'_>,
    names: &mut Names,
) -> Result<CreatePartitionsData, Malformed> {
    let topics = r.array(|r| {
        let topic = names.intern(r.string()?)?;
        let count = r.i32()?;
        r.nullable_array(|r| {
            r.array(Reader::i32)?;
            r.tags()
        })?;
        r.tags()?;
        Ok((topic, count))
    })?;
    let timeout_ms = r.i32()?;
    let validate_only = r.bool()?;
    r.tags()?;
    Ok(CreatePartitionsData {
        topics,
        timeout_ms,
        validate_only,
    })
}

pub fn write_create_partitions<X>(w: &mut Writer<X>, answer: &Answer<'_>, results: &[TopicResult]) {
    w.i32(0);
    w.array(results.iter(), |w, result| {
        w.string(answer.names.text(result.topic));
        w.i16(result.error.code());
        w.nullable_string(result.message.as_deref());
        w.tags();
    });
    w.tags();
}

pub fn read_init_producer_id(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<InitProducerIdRequest, Malformed> {
    let transactional_id = optional_name(r, names)?;
    let _transaction_timeout_ms = r.i32()?;
    let (producer_id, producer_epoch) = if version >= 3 {
        (r.i64()?, r.i16()?)
    } else {
        (-1, -1)
    };
    r.tags()?;
    Ok(InitProducerIdRequest {
        transactional_id,
        producer_id,
        producer_epoch,
    })
}

pub fn write_init_producer_id<X>(w: &mut Writer<X>, init: &InitProducerIdResponse) {
    w.i32(0);
    w.i16(init.error.code());
    w.i64(init.producer_id);
    w.i16(init.producer_epoch);
    w.tags();
}

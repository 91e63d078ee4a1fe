//! ListOffsets and OffsetForLeaderEpoch: where a partition's log begins, ends and changed leaders.

use super::answer::Answer;
use super::fetch::read_isolation;
use super::reader::{Malformed, Reader};
use super::topics;
use super::writer::Writer;
use crate::kafka::names::Names;
use squall_model::kafka::{
    EpochEnd, EpochQuery, Isolation, ListOffsetsRequest, ListedOffset, OffsetSpec, TopicPartition,
};

pub fn read_list_offsets(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<ListOffsetsRequest, Malformed> {
    let _replica = r.i32()?;
    let isolation = if version >= 2 {
        read_isolation(r)?
    } else {
        Isolation::ReadUncommitted
    };
    let partitions = topics::read(r, names, |r, topic| {
        let partition = r.i32()?;
        let epoch = if version >= 4 { r.i32()? } else { -1 };
        let spec = match r.i64()? {
            -1 => OffsetSpec::Latest,
            -2 => OffsetSpec::Earliest,
            -3 if version >= 7 => OffsetSpec::MaxTimestamp,
            timestamp if timestamp >= 0 => OffsetSpec::Timestamp(timestamp),
            _ => OffsetSpec::Unsupported,
        };
        r.tags()?;
        Ok((TopicPartition { topic, partition }, epoch, spec))
    })?;
    r.tags()?;
    Ok(ListOffsetsRequest {
        isolation,
        partitions,
    })
}

pub fn write_list_offsets<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    listed: &[ListedOffset],
) {
    if version >= 2 {
        w.i32(0);
    }
    topics::write(
        w,
        answer.names,
        listed,
        |p| p.partition,
        |w, p| {
            w.i32(p.partition.partition);
            w.i16(p.error.code());
            w.i64(p.timestamp_ms);
            w.i64(p.offset);
            if version >= 4 {
                w.i32(p.leader_epoch);
            }
            w.tags();
        },
    );
    w.tags();
}

pub fn read_epochs(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<Vec<EpochQuery>, Malformed> {
    if version >= 3 {
        let _replica = r.i32()?;
    }
    let queries = topics::read(r, names, |r, topic| {
        let partition = r.i32()?;
        let current_leader_epoch = r.i32()?;
        let epoch = r.i32()?;
        r.tags()?;
        Ok(EpochQuery {
            partition: TopicPartition { topic, partition },
            current_leader_epoch,
            epoch,
        })
    })?;
    r.tags()?;
    Ok(queries)
}

pub fn write_epochs<X>(w: &mut Writer<X>, answer: &Answer<'_>, ends: &[EpochEnd]) {
    w.i32(0);
    topics::write(
        w,
        answer.names,
        ends,
        |p| p.partition,
        |w, p| {
            w.i16(p.error.code());
            w.i32(p.partition.partition);
            w.i32(p.epoch);
            w.i64(p.end_offset);
            w.tags();
        },
    );
    w.tags();
}

//! OffsetCommit and OffsetFetch.

use super::answer::Answer;
use super::membership::{Caller, caller};
use super::reader::{Malformed, Reader};
use super::topics;
use super::writer::Writer;
use crate::kafka::names::Names;
use squall_model::kafka::{
    Blob, CommittedOffset, ErrorCode, OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse,
    TopicPartition,
};

pub fn read_commit(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<OffsetCommitRequest, Malformed> {
    let Caller {
        group,
        generation,
        member,
        instance,
    } = caller(r, names, version >= 7)?;
    if version <= 4 {
        let _retention_ms = r.i64()?;
    }
    let offsets = topics::read(r, names, |r, topic| {
        let partition = r.i32()?;
        let offset = r.i64()?;
        let leader_epoch = if version >= 6 { r.i32()? } else { -1 };
        let metadata = r.nullable_string()?.map(|t| Blob::from(t.as_bytes()));
        r.tags()?;
        Ok(CommittedOffset {
            partition: TopicPartition { topic, partition },
            offset,
            leader_epoch,
            metadata,
        })
    })?;
    r.tags()?;
    Ok(OffsetCommitRequest {
        group,
        generation,
        member,
        instance,
        offsets,
    })
}

pub fn write_commit<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    committed: &[(TopicPartition, ErrorCode)],
) {
    if version >= 3 {
        w.i32(0);
    }
    topics::write(
        w,
        answer.names,
        committed,
        |c| c.0,
        |w, (place, error)| {
            w.i32(place.partition);
            w.i16(error.code());
            w.tags();
        },
    );
    w.tags();
}

/// One request a group: version 8 may ask for several.
pub fn read_fetch(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<Vec<OffsetFetchRequest>, Malformed> {
    let groups = if version >= 8 {
        r.array(|r| {
            let request = read_fetch_group(r, names)?;
            r.tags()?;
            Ok(request)
        })?
    } else {
        vec![read_fetch_group(r, names)?]
    };
    if version >= 7 {
        let _require_stable = r.bool()?;
    }
    r.tags()?;
    Ok(groups)
}

fn read_fetch_group(
    r: &mut Reader<'_>,
    names: &mut Names,
) -> Result<OffsetFetchRequest, Malformed> {
    let group = names.intern(r.string()?)?;
    let partitions = topics::read_nullable(r, names, |r, topic| {
        let partition = r.i32()?;
        Ok(TopicPartition { topic, partition })
    })?;
    Ok(OffsetFetchRequest { group, partitions })
}

pub fn write_fetch<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    groups: &[OffsetFetchResponse],
) {
    if version >= 3 {
        w.i32(0);
    }
    if version >= 8 {
        w.array(groups.iter(), |w, group| {
            w.string(answer.names.text(group.group));
            write_offsets(w, version, answer, group);
            w.i16(group.error.code());
            w.tags();
        });
    } else if let Some(group) = groups.first() {
        write_offsets(w, version, answer, group);
        if version >= 2 {
            w.i16(group.error.code());
        }
    }
    w.tags();
}

fn write_offsets<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    group: &OffsetFetchResponse,
) {
    topics::write(
        w,
        answer.names,
        &group.offsets,
        |(c, _)| c.partition,
        |w, (committed, error)| {
            w.i32(committed.partition.partition);
            w.i64(committed.offset);
            if version >= 5 {
                w.i32(committed.leader_epoch);
            }
            let metadata = committed.metadata.as_deref().unwrap_or_default();
            w.nullable_string(Some(std::str::from_utf8(metadata).unwrap_or_default()));
            w.i16(error.code());
            w.tags();
        },
    );
}

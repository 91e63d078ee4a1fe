//! Fetch, versions 4 to 12, without fetch sessions: every answer says session id 0 (KIP-227 allows that).

use super::answer::Answer;
use super::reader::{Malformed, Reader};
use super::topics;
use super::writer::Writer;
use crate::kafka::names::Names;
use squall_model::kafka::{
    Entry, FetchPartition, FetchRequest, FetchedPartition, Isolation, TopicPartition,
};

/// A Fetch request; `session` is other than 0 when a client believes in a session that it cannot have.
#[derive(Clone, Debug)]
pub struct FetchData {
    pub session: i32,
    pub request: FetchRequest,
}

pub fn read(r: &mut Reader<'_>, version: i16, names: &mut Names) -> Result<FetchData, Malformed> {
    let _replica = r.i32()?;
    let max_wait_ms = r.i32()?;
    let min_bytes = r.i32()?;
    let max_bytes = r.i32()?;
    let isolation = read_isolation(r)?;
    let session = if version >= 7 { r.i32()? } else { 0 };
    if version >= 7 {
        let _session_epoch = r.i32()?;
    }
    let partitions = topics::read(r, names, |r, topic| read_partition(r, version, topic))?;
    if version >= 7 {
        read_forgotten(r)?;
    }
    if version >= 11 {
        let _rack = r.string()?;
    }
    r.tags()?;
    Ok(FetchData {
        session,
        request: FetchRequest {
            max_wait_ms,
            min_bytes,
            max_bytes,
            isolation,
            partitions,
        },
    })
}

pub fn read_isolation(r: &mut Reader<'_>) -> Result<Isolation, Malformed> {
    match r.i8()? {
        0 => Ok(Isolation::ReadUncommitted),
        1 => Ok(Isolation::ReadCommitted),
        _ => Err(Malformed::BadValue),
    }
}

fn read_partition(
    r: &mut Reader<'_>,
    version: i16,
    topic: squall_model::kafka::Name,
) -> Result<FetchPartition, Malformed> {
    let partition = r.i32()?;
    let current_leader_epoch = if version >= 9 { r.i32()? } else { -1 };
    let offset = r.i64()?;
    let last_fetched_epoch = if version >= 12 { r.i32()? } else { -1 };
    if version >= 5 {
        let _log_start_offset = r.i64()?;
    }
    let max_bytes = r.i32()?;
    r.tags()?;
    Ok(FetchPartition {
        partition: TopicPartition { topic, partition },
        offset,
        current_leader_epoch,
        last_fetched_epoch,
        max_bytes,
    })
}

fn read_forgotten(r: &mut Reader<'_>) -> Result<(), Malformed> {
    r.array(|r| {
        r.string()?;
        r.array(Reader::i32)?;
        r.tags()
    })?;
    Ok(())
}

/// `record` writes one batch, in as many bytes as its header says.
pub fn write<X, B>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    partitions: &[FetchedPartition<B>],
    mut record: impl FnMut(&mut Writer<X>, &Entry<B>),
) {
    write_head(w, version, 0);
    topics::write(
        w,
        answer.names,
        partitions,
        |p| p.partition,
        |w, p| {
            w.i32(p.partition.partition);
            w.i16(p.error.code());
            w.i64(p.high_watermark);
            w.i64(p.last_stable_offset);
            if version >= 5 {
                w.i64(p.log_start_offset);
            }
            w.null_array(); // aborted transactions
            if version >= 11 {
                w.i32(-1); // preferred read replica
            }
            let bytes = p.entries.iter().map(|e| e.batch.header.bytes as usize);
            w.records_length(bytes.sum());
            for entry in &p.entries {
                record(w, entry);
            }
            if version >= 12 {
                write_tagged(w, p);
            }
        },
    );
    w.tags();
}

/// A Fetch answer that only says `error`.
pub fn write_error<X>(w: &mut Writer<X>, version: i16, error: i16) {
    write_head(w, version, error);
    w.array_length(0);
    w.tags();
}

fn write_head<X>(w: &mut Writer<X>, version: i16, error: i16) {
    w.i32(0);
    if version >= 7 {
        w.i16(error);
        w.i32(0);
    }
}

fn write_tagged<X, B>(w: &mut Writer<X>, p: &FetchedPartition<B>) {
    let tags = u32::from(p.diverging.is_some()) + u32::from(p.current_leader.is_some());
    w.uvarint(tags);
    if let Some((epoch, end_offset)) = p.diverging {
        w.tagged(0, |w| {
            w.i32(epoch);
            w.i64(end_offset);
            w.tags();
        });
    }
    if let Some((leader, epoch)) = p.current_leader {
        w.tagged(1, |w| {
            w.i32(leader.0);
            w.i32(epoch);
            w.tags();
        });
    }
}

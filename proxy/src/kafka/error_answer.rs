//! Answers that say an error, made from the request alone.

use super::api::{
    Api, FETCH, FIND_COORDINATOR, HEARTBEAT, INIT_PRODUCER_ID, JOIN_GROUP, LEAVE_GROUP, METADATA,
    OFFSET_COMMIT, PRODUCE, SYNC_GROUP,
};
use super::frame::{REQUEST_HEAD, RequestHead};
use super::reader::{Reader, Result};
use super::writer::Writer;
use bytes::Bytes;

/// Authorized operations that were not asked for.
const NO_OPERATIONS: i32 = i32::MIN;

/// A broker that an answer must name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broker {
    pub node: i32,
    pub host: String,
    pub port: u16,
}

/// Whether an error answer of this API can be made.
#[must_use]
pub fn can_answer(key: i16) -> bool {
    first_version(key).is_some()
}

/// First version whose request is read here.
fn first_version(key: i16) -> Option<i16> {
    match key {
        PRODUCE => Some(3),
        FETCH => Some(4),
        OFFSET_COMMIT => Some(2),
        METADATA | FIND_COORDINATOR | JOIN_GROUP | HEARTBEAT | LEAVE_GROUP | SYNC_GROUP
        | INIT_PRODUCER_ID => Some(0),
        _ => None,
    }
}

/// The answer to a whole request frame; `None` where this version has no place for the error. `brokers` are those that a Metadata answer
/// names: clients ignore one without any.
///
/// # Errors
/// When the request cannot be decoded.
pub fn make(
    frame: &[u8],
    head: RequestHead,
    error: i16,
    brokers: impl FnOnce() -> Vec<Broker>,
) -> Result<Option<Bytes>> {
    let version = head.version;
    let known = Api::from_key(head.key).filter(|api| api.knows(version));
    let (Some(api), true) = (known, first_version(head.key).is_some_and(|v| v <= version)) else {
        return Ok(None);
    };
    let mut r = Reader::new(frame, false);
    r.skip(REQUEST_HEAD)?;
    r.nullable_string()?;
    r.set_flexible(api.is_flexible(version));
    r.tags()?;
    let flexible_header = api.has_flexible_answer_header(version);
    let w = &mut Writer::answer(head.correlation, flexible_header, api.is_flexible(version));
    match head.key {
        PRODUCE => produce(&mut r, w, version, error)?,
        FETCH => fetch(&mut r, w, version, error)?,
        METADATA => {
            if !metadata(&mut r, w, version, error, &brokers())? {
                return Ok(None);
            }
        }
        OFFSET_COMMIT => offset_commit(&mut r, w, version, error)?,
        FIND_COORDINATOR => find_coordinator(&mut r, w, version, error)?,
        JOIN_GROUP => join_group(&mut r, w, version, error)?,
        SYNC_GROUP => sync_group(w, version, error),
        INIT_PRODUCER_ID => init_producer_id(w, version, error),
        LEAVE_GROUP => {
            heartbeat(w, version, error);
            if version >= 3 {
                w.array_length(0);
            }
        }
        _ => heartbeat(w, version, error),
    }
    w.tags();
    Ok(Some(std::mem::replace(w, Writer::part(false)).finish()))
}

/// A topic of a request by its name or id, as its bytes there, and the partitions that are asked for.
struct Topic<'a> {
    name: Option<&'a str>,
    id: &'a [u8],
    partitions: Vec<i32>,
}

/// Reads topics; `partition` reads one up to its tags and returns its index.
fn topics<'a>(
    r: &mut Reader<'a>,
    has_id: bool,
    partition: impl Fn(&mut Reader<'a>) -> Result<i32>,
) -> Result<Vec<Topic<'a>>> {
    let mut topics = Vec::new();
    r.array(|r| {
        let (name, id) = match has_id {
            true => (None, r.take(16)?),
            false => (Some(r.string()?), &[][..]),
        };
        let mut partitions = Vec::new();
        r.array(|r| {
            partitions.push(partition(r)?);
            r.tags()
        })?;
        topics.push(Topic {
            name,
            id,
            partitions,
        });
        r.tags()
    })?;
    Ok(topics)
}

/// Writes topics; `partition` writes one up to its tags.
fn write_topics(w: &mut Writer, topics: &[Topic<'_>], partition: impl Fn(&mut Writer, i32)) {
    w.array(topics, |w, topic| {
        match topic.name {
            Some(name) => w.string(name),
            None => w.raw(topic.id),
        }
        w.array(&topic.partitions, |w, index| {
            partition(w, *index);
            w.tags();
        });
        w.tags();
    });
}

fn produce(r: &mut Reader<'_>, w: &mut Writer, version: i16, error: i16) -> Result<()> {
    r.nullable_string()?;
    // Acks, timeout.
    r.skip(2 + 4)?;
    let topics = topics(r, version >= 13, |r| {
        let index = r.i32()?;
        r.skip_bytes()?;
        Ok(index)
    })?;
    write_topics(w, &topics, |w, index| {
        w.i32(index);
        w.i16(error);
        w.i64(-1);
        w.i64(-1);
        if version >= 5 {
            w.i64(-1);
        }
        if version >= 8 {
            w.array_length(0);
            w.nullable_string(None);
        }
    });
    w.i32(0);
    Ok(())
}

fn fetch(r: &mut Reader<'_>, w: &mut Writer, version: i16, error: i16) -> Result<()> {
    // Replica, which is a tagged field from version 15 on; longest wait, least and most bytes, isolation.
    r.skip(if version <= 14 { 4 } else { 0 } + 4 + 4 + 4 + 1)?;
    if version >= 7 {
        r.skip(4 + 4)?;
    }
    let before_offset = if version >= 9 { 4 } else { 0 };
    let behind_offset = if version >= 12 { 4 } else { 0 } + if version >= 5 { 8 } else { 0 } + 4;
    let topics = topics(r, version >= 13, |r| {
        let index = r.i32()?;
        r.skip(before_offset + 8 + behind_offset)?;
        Ok(index)
    })?;
    w.i32(0);
    if version >= 7 {
        // An incremental fetch names no partitions: the session is refused instead (KIP-227). Session 0: there is none any more.
        w.i16(if topics.is_empty() { error } else { 0 });
        w.i32(0);
    }
    write_topics(w, &topics, |w, index| {
        w.i32(index);
        w.i16(error);
        w.i64(-1);
        w.i64(-1);
        if version >= 5 {
            w.i64(-1);
        }
        w.array_length(0);
        if version >= 11 {
            w.i32(-1);
        }
        w.empty_bytes();
    });
    Ok(())
}

/// `false` where there is no place for the error: no topic is named.
fn metadata(
    r: &mut Reader<'_>,
    w: &mut Writer,
    version: i16,
    error: i16,
    brokers: &[Broker],
) -> Result<bool> {
    let mut names = Vec::new();
    r.array(|r| {
        let id = if version >= 10 { r.take(16)? } else { &[] };
        names.push((id, r.nullable_string()?));
        r.tags()
    })?;
    if names.is_empty() && version < 13 {
        return Ok(false);
    }
    if version >= 3 {
        w.i32(0);
    }
    w.array(brokers, |w, broker| {
        w.i32(broker.node);
        w.string(&broker.host);
        w.i32(i32::from(broker.port));
        if version >= 1 {
            w.nullable_string(None);
        }
        w.tags();
    });
    if version >= 2 {
        w.nullable_string(None);
    }
    if version >= 1 {
        w.i32(-1);
    }
    w.array(&names, |w, (id, name)| {
        w.i16(error);
        match version {
            ..12 => w.string(name.unwrap_or_default()),
            _ => w.nullable_string(*name),
        }
        w.raw(id);
        if version >= 1 {
            w.i8(0);
        }
        w.array_length(0);
        if version >= 8 {
            w.i32(NO_OPERATIONS);
        }
        w.tags();
    });
    if (8..=10).contains(&version) {
        w.i32(NO_OPERATIONS);
    }
    if version >= 13 {
        w.i16(if names.is_empty() { error } else { 0 });
    }
    Ok(true)
}

fn offset_commit(r: &mut Reader<'_>, w: &mut Writer, version: i16, error: i16) -> Result<()> {
    // Group, generation, member, instance.
    r.string()?;
    r.i32()?;
    r.string()?;
    if version >= 7 {
        r.nullable_string()?;
    }
    if version <= 4 {
        r.i64()?;
    }
    let topics = topics(r, version >= 10, |r| {
        let index = r.i32()?;
        r.skip(8 + if version >= 6 { 4 } else { 0 })?;
        r.nullable_string()?;
        Ok(index)
    })?;
    if version >= 3 {
        w.i32(0);
    }
    write_topics(w, &topics, |w, index| {
        w.i32(index);
        w.i16(error);
    });
    Ok(())
}

fn find_coordinator(r: &mut Reader<'_>, w: &mut Writer, version: i16, error: i16) -> Result<()> {
    if version >= 1 {
        w.i32(0);
    }
    if version < 4 {
        w.i16(error);
        if version >= 1 {
            w.nullable_string(None);
        }
        nobody(w);
        return Ok(());
    }
    // Type of the keys.
    r.i8()?;
    let mut keys = Vec::new();
    r.array(|r| {
        keys.push(r.string()?);
        Ok(())
    })?;
    w.array(&keys, |w, key| {
        w.string(key);
        nobody(w);
        w.i16(error);
        w.nullable_string(None);
        w.tags();
    });
    Ok(())
}

/// Node, host and port where there is none.
fn nobody(w: &mut Writer) {
    w.i32(-1);
    w.string("");
    w.i32(-1);
}

fn join_group(r: &mut Reader<'_>, w: &mut Writer, version: i16, error: i16) -> Result<()> {
    // Group, session timeout, rebalance timeout.
    r.string()?;
    r.skip(4 + if version >= 1 { 4 } else { 0 })?;
    let member = r.string()?;
    if version >= 2 {
        w.i32(0);
    }
    w.i16(error);
    w.i32(-1);
    if version >= 7 {
        w.nullable_string(None);
        w.nullable_string(None);
    } else {
        w.string("");
    }
    w.string("");
    if version >= 9 {
        w.i8(0);
    }
    w.string(member);
    w.array_length(0);
    Ok(())
}

fn sync_group(w: &mut Writer, version: i16, error: i16) {
    heartbeat(w, version, error);
    if version >= 5 {
        w.nullable_string(None);
        w.nullable_string(None);
    }
    w.empty_bytes();
}

/// Throttle time and error: how most answers of the group protocol begin.
fn heartbeat(w: &mut Writer, version: i16, error: i16) {
    if version >= 1 {
        w.i32(0);
    }
    w.i16(error);
}

fn init_producer_id(w: &mut Writer, version: i16, error: i16) {
    w.i32(0);
    w.i16(error);
    w.i64(-1);
    w.i16(-1);
    if version >= 6 {
        w.i64(-1);
        w.i16(-1);
    }
}

//! The classic group protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, FindCoordinator.

use super::answer::Answer;
use super::reader::{Malformed, Reader};
use super::writer::Writer;
use crate::kafka::names::{Names, member_id, member_text};
use squall_model::kafka::{
    Blob, Coordinator, ErrorCode, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, LeaveGroupResponse, MemberId, Name, SyncGroupRequest, SyncGroupResponse,
};

pub(super) fn optional_name(
    r: &mut Reader<'_>,
    names: &mut Names,
) -> Result<Option<Name>, Malformed> {
    r.nullable_string()?.map(|t| names.intern(t)).transpose()
}

/// How each request of a group's member begins.
pub(super) struct Caller {
    pub group: Name,
    pub generation: i32,
    pub member: MemberId,
    pub instance: Option<Name>,
}

/// `has_instance`: the version tells the static member (KIP-345), if it is one.
pub(super) fn caller(
    r: &mut Reader<'_>,
    names: &mut Names,
    has_instance: bool,
) -> Result<Caller, Malformed> {
    Ok(Caller {
        group: names.intern(r.string()?)?,
        generation: r.i32()?,
        member: member_id(r.string()?),
        instance: match has_instance {
            true => optional_name(r, names)?,
            false => None,
        },
    })
}

pub(super) fn blob(r: &mut Reader<'_>) -> Result<Blob, Malformed> {
    Ok(Blob::from(&r.bytes()?[..]))
}

fn optional_text(names: &Names, name: Option<Name>) -> Option<&str> {
    name.map(|n| names.text(n))
}

pub fn read_join(
    r: &mut Reader<'_>,
    version: i16,
    client: Name,
    names: &mut Names,
) -> Result<JoinGroupRequest, Malformed> {
    let group = names.intern(r.string()?)?;
    let session_timeout_ms = r.i32()?;
    let rebalance_timeout_ms = if version >= 1 {
        r.i32()?
    } else {
        session_timeout_ms
    };
    let member = member_id(r.string()?);
    let instance = if version >= 5 {
        optional_name(r, names)?
    } else {
        None
    };
    let protocol_type = names.intern(r.string()?)?;
    let protocols = r.array(|r| {
        let name = names.intern(r.string()?)?;
        let metadata = blob(r)?;
        r.tags()?;
        Ok((name, metadata))
    })?;
    if version >= 8 {
        let _reason = r.nullable_string()?;
    }
    r.tags()?;
    Ok(JoinGroupRequest {
        group,
        member,
        instance,
        client,
        session_timeout_ms,
        rebalance_timeout_ms,
        protocol_type,
        protocols,
        member_id_required: version >= 4,
    })
}

pub fn write_join<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    join: &JoinGroupResponse,
) {
    if version >= 2 {
        w.i32(0);
    }
    w.i16(join.error.code());
    w.i32(join.generation);
    if version >= 7 {
        w.nullable_string(optional_text(answer.names, join.protocol_type));
        w.nullable_string(optional_text(answer.names, join.protocol));
    } else {
        w.string(optional_text(answer.names, join.protocol).unwrap_or_default());
    }
    w.string(&member_text(join.leader));
    if version >= 9 {
        w.bool(join.skip_assignment);
    }
    w.string(&member_text(join.member));
    w.array(join.members.iter(), |w, m| {
        w.string(&member_text(m.member));
        if version >= 5 {
            w.nullable_string(optional_text(answer.names, m.instance));
        }
        w.bytes(&m.metadata);
        w.tags();
    });
    w.tags();
}

pub fn read_sync(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<SyncGroupRequest, Malformed> {
    let Caller {
        group,
        generation,
        member,
        instance,
    } = caller(r, names, version >= 3)?;
    let (protocol_type, protocol) = if version >= 5 {
        (optional_name(r, names)?, optional_name(r, names)?)
    } else {
        (None, None)
    };
    let assignments = r.array(|r| {
        let member = member_id(r.string()?);
        let assignment = blob(r)?;
        r.tags()?;
        Ok((member, assignment))
    })?;
    r.tags()?;
    Ok(SyncGroupRequest {
        group,
        generation,
        member,
        instance,
        protocol_type,
        protocol,
        assignments,
    })
}

pub fn write_sync<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    sync: &SyncGroupResponse,
) {
    if version >= 1 {
        w.i32(0);
    }
    w.i16(sync.error.code());
    if version >= 5 {
        w.nullable_string(optional_text(answer.names, sync.protocol_type));
        w.nullable_string(optional_text(answer.names, sync.protocol));
    }
    w.bytes(&sync.assignment);
    w.tags();
}

pub fn read_heartbeat(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<HeartbeatRequest, Malformed> {
    let Caller {
        group,
        generation,
        member,
        instance,
    } = caller(r, names, version >= 3)?;
    r.tags()?;
    Ok(HeartbeatRequest {
        group,
        generation,
        member,
        instance,
    })
}

pub fn write_heartbeat<X>(w: &mut Writer<X>, version: i16, error: ErrorCode) {
    if version >= 1 {
        w.i32(0);
    }
    w.i16(error.code());
    w.tags();
}

pub fn read_leave(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<LeaveGroupRequest, Malformed> {
    let group = names.intern(r.string()?)?;
    let members = if version >= 3 {
        r.array(|r| {
            let member = member_id(r.string()?);
            let instance = optional_name(r, names)?;
            if version >= 5 {
                let _reason = r.nullable_string()?;
            }
            r.tags()?;
            Ok((member, instance))
        })?
    } else {
        vec![(member_id(r.string()?), None)]
    };
    r.tags()?;
    Ok(LeaveGroupRequest { group, members })
}

pub fn write_leave<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    leave: &LeaveGroupResponse,
) {
    if version >= 1 {
        w.i32(0);
    }
    if version < 3 {
        // One member, whose error is the answer's.
        let member = leave.members.first().map_or(ErrorCode::None, |m| m.2);
        let error = if leave.error.is_error() {
            leave.error
        } else {
            member
        };
        return w.i16(error.code());
    }
    w.i16(leave.error.code());
    w.array(leave.members.iter(), |w, (member, instance, error)| {
        w.string(&member_text(*member));
        w.nullable_string(optional_text(answer.names, *instance));
        w.i16(error.code());
        w.tags();
    });
    w.tags();
}

/// Which coordinators a client looks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindCoordinatorData {
    /// 0 is a group, 1 a transaction, 2 a share group.
    pub key_type: i8,
    pub keys: Vec<Name>,
}

pub fn read_find_coordinator(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<FindCoordinatorData, Malformed> {
    let mut keys = Vec::new();
    if version < 4 {
        keys.push(names.intern(r.string()?)?);
    }
    let key_type = if version >= 1 { r.i8()? } else { 0 };
    if version >= 4 {
        keys = r.array(|r| names.intern(r.string()?))?;
    }
    r.tags()?;
    Ok(FindCoordinatorData { key_type, keys })
}

pub fn write_coordinators<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    found: &[Coordinator],
    message: Option<&str>,
) {
    if version >= 1 {
        w.i32(0);
    }
    if version >= 4 {
        w.array(found.iter(), |w, c| {
            w.string(answer.names.text(c.group));
            write_node(w, answer, c);
            w.i16(c.error.code());
            w.nullable_string(message);
            w.tags();
        });
    } else if let Some(c) = found.first() {
        w.i16(c.error.code());
        if version >= 1 {
            w.nullable_string(message);
        }
        write_node(w, answer, c);
    }
    w.tags();
}

fn write_node<X>(w: &mut Writer<X>, answer: &Answer<'_>, c: &Coordinator) {
    let node = c.node.filter(|_| !c.error.is_error());
    let (host, port) = node.map_or(("", None), |n| {
        let (host, port) = answer.address(n);
        (host, Some(port))
    });
    w.i32(node.map_or(-1, |n| n.0));
    w.string(host);
    w.i32(port.map_or(-1, i32::from));
}

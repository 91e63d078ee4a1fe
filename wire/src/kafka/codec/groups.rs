//! Admin calls about groups: ListGroups, DescribeGroups, DeleteGroups.

use super::answer::Answer;
use super::metadata::OPERATIONS_UNKNOWN;
use super::reader::{Malformed, Reader};
use super::writer::Writer;
use crate::kafka::names::{Names, member_text};
use squall_model::kafka::{
    DescribedGroup, DescribedMember, ErrorCode, GroupState, ListedGroup, Name,
};

/// Filters of ListGroups; empty lets everything through.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ListGroupsData {
    pub states: Vec<String>,
    pub types: Vec<String>,
}

pub fn read_list(r: &mut Reader<'_>, version: i16) -> Result<ListGroupsData, Malformed> {
    let text = |r: &mut Reader<'_>| r.string().map(str::to_owned);
    let states = if version >= 4 {
        r.array(text)?
    } else {
        Vec::new()
    };
    let types = if version >= 5 {
        r.array(text)?
    } else {
        Vec::new()
    };
    r.tags()?;
    Ok(ListGroupsData { states, types })
}

fn state_text(state: GroupState) -> &'static str {
    match state {
        GroupState::Empty => "Empty",
        GroupState::PreparingRebalance => "PreparingRebalance",
        GroupState::CompletingRebalance => "CompletingRebalance",
        GroupState::Stable => "Stable",
        GroupState::Dead => "Dead",
    }
}

pub fn write_list<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    filter: &ListGroupsData,
    listed: &[ListedGroup],
) {
    let matches = |filter: &[String], text: &str| {
        filter.is_empty() || filter.iter().any(|f| f.eq_ignore_ascii_case(text))
    };
    let shown: Vec<_> = listed
        .iter()
        .filter(|g| matches(&filter.states, state_text(g.state)))
        .filter(|_| matches(&filter.types, "classic"))
        .collect();
    if version >= 1 {
        w.i32(0);
    }
    w.i16(0);
    w.array(shown.into_iter(), |w, group| {
        w.string(answer.names.text(group.group));
        w.string(group.protocol_type.map_or("", |n| answer.names.text(n)));
        if version >= 4 {
            w.string(state_text(group.state));
        }
        if version >= 5 {
            w.string("classic");
        }
        w.tags();
    });
    w.tags();
}

pub fn read_describe(
    r: &mut Reader<'_>,
    version: i16,
    names: &mut Names,
) -> Result<Vec<Name>, Malformed> {
    let groups = r.array(|r| names.intern(r.string()?))?;
    if version >= 3 {
        let _include_operations = r.bool()?;
    }
    r.tags()?;
    Ok(groups)
}

pub fn write_describe<X>(
    w: &mut Writer<X>,
    version: i16,
    answer: &Answer<'_>,
    groups: &[DescribedGroup],
) {
    if version >= 1 {
        w.i32(0);
    }
    w.array(groups.iter(), |w, group| {
        let text = |name: Option<Name>| name.map_or("", |n| answer.names.text(n));
        w.i16(group.error.code());
        w.string(answer.names.text(group.group));
        w.string(if group.error.is_error() {
            ""
        } else {
            state_text(group.state)
        });
        w.string(text(group.protocol_type));
        w.string(text(group.protocol));
        w.array(group.members.iter(), |w, member| {
            write_member(w, version, answer, member)
        });
        if version >= 3 {
            w.i32(OPERATIONS_UNKNOWN);
        }
        w.tags();
    });
    w.tags();
}

fn write_member<X>(w: &mut Writer<X>, version: i16, answer: &Answer<'_>, member: &DescribedMember) {
    w.string(&member_text(member.member));
    if version >= 4 {
        w.nullable_string(member.instance.map(|n| answer.names.text(n)));
    }
    w.string(answer.names.text(member.client));
    w.string("/127.0.0.1");
    w.bytes(&member.metadata);
    w.bytes(&member.assignment);
    w.tags();
}

pub fn read_delete(r: &mut Reader<'_>, names: &mut Names) -> Result<Vec<Name>, Malformed> {
    let groups = r.array(|r| names.intern(r.string()?))?;
    r.tags()?;
    Ok(groups)
}

pub fn write_delete<X>(w: &mut Writer<X>, answer: &Answer<'_>, deleted: &[(Name, ErrorCode)]) {
    w.i32(0);
    w.array(deleted.iter(), |w, (group, error)| {
        w.string(answer.names.text(*group));
        w.i16(error.code());
        w.tags();
    });
    w.tags();
}

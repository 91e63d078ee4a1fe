//! What came of a join: who is a member now, and what was seen of it.

use super::protocol::{protocols, user_data};
use crate::client::Unheard;
use crate::run::Runner;
use crate::run::book::Member;
use crate::run::link::Heard;
use crate::seen::{Joined, Seen};
use crate::step::{Join, Number};
use kafka_protocol::messages::JoinGroupResponse;
use std::collections::BTreeMap;

impl Runner<'_> {
    /// Notes who is a member now.
    pub(super) fn enter(
        &mut self,
        join: &Join,
        instance: Option<String>,
        known: Option<Member>,
        answers: &BTreeMap<Number, Heard<JoinGroupResponse>>,
    ) {
        let Some(group) = self.book.groups.get_mut(&join.group) else {
            return;
        };
        for (number, heard) in answers {
            let Ok(answer) = heard else {
                continue;
            };
            if answer.error_code != 0 {
                continue;
            }
            let entry = group.members.entry(*number).or_default();
            if *number == join.member {
                let old = known.as_ref().map(|m| m.id.clone());
                entry.old_id = old
                    .filter(|old| *old != answer.member_id.as_str())
                    .or(entry.old_id.take());
                entry.instance.clone_from(&instance);
                entry.protocols = protocols(join.protocol)
                    .iter()
                    .map(|p| (*p).to_owned())
                    .collect();
            }
            entry.id = answer.member_id.to_string();
            entry.generation = answer.generation_id;
            entry.protocol = answer.protocol_name.as_ref().map(ToString::to_string);
            entry.leads = answer.leader == answer.member_id;
            entry.roster = answer
                .members
                .iter()
                .map(|m| m.member_id.to_string())
                .collect();
        }
    }

    pub(super) fn seen_joined(
        &self,
        group: Number,
        answers: &BTreeMap<Number, Heard<JoinGroupResponse>>,
    ) -> Seen {
        let joined = answers.iter().map(|(number, heard)| {
            let joined = match heard {
                Ok(answer) => Joined {
                    code: answer.error_code,
                    generation: answer.generation_id,
                    protocol: answer.protocol_name.as_ref().map(ToString::to_string),
                    leads: answer.error_code == 0 && answer.leader == answer.member_id,
                    members: answer
                        .members
                        .iter()
                        .map(|m| {
                            (
                                self.book.member(group, m.member_id.as_str()),
                                user_data(&m.metadata),
                            )
                        })
                        .collect(),
                },
                Err(why) => Joined {
                    code: if *why == Unheard::NoAnswer {
                        -100
                    } else {
                        -101
                    },
                    generation: -1,
                    protocol: None,
                    leads: false,
                    members: BTreeMap::new(),
                },
            };
            (*number, joined)
        });
        Seen::Joined(joined.collect())
    }
}

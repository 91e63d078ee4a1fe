//! Joining: one member does, and the others join again.

use super::protocol::{protocol_of, protocols, subscription};
use super::{TOGETHER_MS, group_id, lane};
use crate::client::Unheard;
use crate::run::admin::text;
use crate::run::link::Heard;
use crate::run::{RunError, Runner};
use crate::seen::Seen;
use crate::step::{Claim, Join, Number, Protocol};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use std::collections::BTreeMap;

const MEMBER_ID_REQUIRED: i16 = 79;
const REBALANCE_IN_PROGRESS: i16 = 27;
/// Long enough that no member is evicted while a sequence has to wait for something else.
const SESSION_MS: i32 = 600_000;
const SHORT_SESSION_MS: i32 = 500;
/// How long to look whether a join is answered without the other members.
const ALONE_MS: u64 = 400;

impl Runner<'_> {
    fn join_request(&self, join: &Join, id: &str, instance: Option<&str>) -> JoinGroupRequest {
        let protocols = protocols(join.protocol).iter().map(|name| {
            let metadata = format!("{name} of member {}", join.member);
            JoinGroupRequestProtocol::default()
                .with_name(text(name))
                .with_metadata(subscription(&metadata))
        });
        let (kind, session) = match join.protocol {
            Protocol::ForeignType => ("connect", SESSION_MS),
            Protocol::ShortSession => ("consumer", SHORT_SESSION_MS),
            _ => ("consumer", SESSION_MS),
        };
        JoinGroupRequest::default()
            .with_group_id(group_id(&self.book.group(join.group)))
            .with_session_timeout_ms(session)
            .with_rebalance_timeout_ms(SESSION_MS)
            .with_member_id(text(id))
            .with_group_instance_id(instance.map(text))
            .with_protocol_type(text(kind))
            .with_protocols(protocols.collect())
    }

    /// One member joins, anew or again; the others learn of it by a heartbeat and join again, as clients do.
    pub(super) fn join(&mut self, join: &Join) -> Result<Seen, RunError> {
        let group = self.book.groups.entry(join.group).or_default();
        let known = group.members.get(&join.member).cloned();
        let others: Vec<Number> = group
            .members
            .keys()
            .copied()
            .filter(|m| *m != join.member)
            .collect();
        if join.protocol == Protocol::ShortSession && !others.is_empty() {
            return Ok(Seen::Skipped);
        }
        let instance = match &known {
            Some(member) => member.instance.clone(),
            None => join
                .fixed
                .then(|| self.book.instance(join.group, join.member)),
        };
        let forgets = join.forgetful && instance.is_some();
        let id = known
            .as_ref()
            .filter(|_| !forgets)
            .map_or(String::new(), |m| m.id.clone());
        self.await_coordinator(join.group)?;
        let Some(broker) = self.coordinator(&self.book.group(join.group))? else {
            return Ok(Seen::NoAnswer);
        };
        let first = self.first_join(join, broker, &id, instance.as_deref())?;
        let mut answers: BTreeMap<Number, Heard<JoinGroupResponse>> = BTreeMap::new();
        let heard = first;
        match heard {
            Err(Unheard::NoAnswer) => {
                self.gather(join.group, broker, &others, &mut answers)?;
                let late = self.hear::<JoinGroupRequest>(broker, lane(join.member), TOGETHER_MS)?;
                answers.insert(join.member, late);
                for other in &others {
                    if matches!(answers.get(other), Some(Err(Unheard::NoAnswer))) {
                        let late =
                            self.hear::<JoinGroupRequest>(broker, lane(*other), TOGETHER_MS)?;
                        answers.insert(*other, late);
                    }
                }
            }
            heard => {
                answers.insert(join.member, heard);
            }
        }
        self.enter(join, instance, known, &answers);
        let seen = self.seen_joined(join.group, &answers);
        if join.protocol == Protocol::ShortSession {
            // It is evicted before anything else is asked.
            self.arm
                .pass(u64::from(SHORT_SESSION_MS.unsigned_abs()) * 4)?;
        }
        Ok(seen)
    }

    /// Sends the join, with the member id that the coordinator gives if it wants one. Gives the answer, if it came at once.
    fn first_join(
        &mut self,
        join: &Join,
        broker: i32,
        id: &str,
        instance: Option<&str>,
    ) -> Result<Heard<JoinGroupResponse>, RunError> {
        let mut id = id.to_owned();
        let mut waited = 0;
        loop {
            let request = self.join_request(join, &id, instance);
            let heard = self.ask_for(broker, lane(join.member), request, ALONE_MS)?;
            match &heard {
                Ok(answer) if answer.error_code == MEMBER_ID_REQUIRED && id.is_empty() => {
                    id = answer.member_id.to_string();
                }
                Ok(answer) if matches!(answer.error_code, 14 | 15) && waited < 10_000 => {
                    self.arm.pass(50)?;
                    waited += 50;
                }
                _ => return Ok(heard),
            }
        }
    }

    /// The others hear of the rebalance and join again; answers that come at once are noted.
    fn gather(
        &mut self,
        group: Number,
        broker: i32,
        others: &[Number],
        answers: &mut BTreeMap<Number, Heard<JoinGroupResponse>>,
    ) -> Result<(), RunError> {
        for other in others {
            let mut waited = 0;
            while waited < 3_000 {
                let Some(named) = self.named(group, *other, Claim::Right) else {
                    break;
                };
                match self.heartbeat(group, *other, named)? {
                    Seen::Code(REBALANCE_IN_PROGRESS | 25 | 82) => break,
                    _ => self.arm.pass(20)?,
                }
                waited += 20;
            }
            let Some(member) = self
                .book
                .groups
                .get(&group)
                .and_then(|g| g.members.get(other))
                .cloned()
            else {
                continue;
            };
            let again = Join {
                group,
                member: *other,
                fixed: false,
                forgetful: false,
                protocol: protocol_of(&member),
            };
            let request = self.join_request(&again, &member.id, member.instance.as_deref());
            let sent = self.begin_ask(broker, lane(*other), &[request], true);
            self.take_in(broker, lane(*other), 20)?;
            answers.insert(*other, sent.and(Err(Unheard::NoAnswer)));
        }
        Ok(())
    }
}

//! Consumer groups: membership step by step, and committed offsets.

use super::admin::{text, topic_name, unheard};
use super::book::{Detail, Member};
use super::link::{Heard, Lane};
use super::{RunError, Runner};
use crate::seen::{Joined, Seen};
use crate::step::{Claim, Join, Number, Place, Protocol, Step};
use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, GroupId, HeartbeatRequest, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest,
    SyncGroupRequest,
};
use kafka_protocol::protocol::Request;
use std::collections::BTreeMap;

const MEMBER_ID_REQUIRED: i16 = 79;
const REBALANCE_IN_PROGRESS: i16 = 27;
/// Long enough that no member is evicted while a sequence has to wait for something else.
const SESSION_MS: i32 = 600_000;
const SHORT_SESSION_MS: i32 = 500;
/// How long to look whether a join is answered without the other members.
const ALONE_MS: u64 = 400;
const TOGETHER_MS: u64 = 5_000;

fn lane(member: Number) -> Lane {
    10 + Lane::from(member)
}

fn group_id(of: &str) -> GroupId {
    GroupId(text(of))
}

/// A member as a request names it.
struct Named {
    id: String,
    instance: Option<String>,
    generation: i32,
}

impl Runner<'_> {
    pub(super) fn group_step(&mut self, step: &Step) -> Result<(Seen, Detail), RunError> {
        let plain = |seen: Seen| (seen, Detail::None);
        Ok(match step {
            Step::FindCoordinator { group } => plain(self.find_coordinator(*group)?),
            Step::Join(join) => plain(self.join(join)?),
            Step::Sync {
                group,
                leader_first,
            } => plain(self.sync(*group, *leader_first)?),
            Step::SyncOne {
                group,
                member,
                claim,
            } => self.claimed(*group, *member, *claim, Self::sync_one)?,
            Step::Heartbeat {
                group,
                member,
                claim,
            } => self.claimed(*group, *member, *claim, Self::heartbeat)?,
            Step::Leave {
                group,
                member,
                claim,
            } => self.claimed(*group, *member, *claim, Self::leave)?,
            Step::Commit {
                group,
                member,
                claim,
                place,
                offset,
            } => self.commit(*group, *member, *claim, *place, *offset)?,
            Step::FetchOffsets { group } => plain(self.fetch_offsets(*group)?),
            Step::DescribeGroup { group } => plain(self.describe_group(*group)?),
            Step::DeleteGroup { group } => plain(self.delete_group(*group)?),
            _ => plain(Seen::Skipped),
        })
    }

    /// Asks the coordinator, as long as it says that it is not yet or no more.
    fn ask_coordinator<R: Request + Clone>(
        &mut self,
        group: Number,
        request: R,
        code: impl Fn(&R::Response) -> i16,
    ) -> Result<Heard<R::Response>, RunError> {
        let name = self.book.group(group);
        let mut waited = 0;
        loop {
            let heard = match self.coordinator(&name)? {
                Some(broker) => self.ask(broker, request.clone())?,
                None => Err(crate::client::Unheard::NoAnswer),
            };
            let passing = heard.as_ref().map_or(true, |r| matches!(code(r), 14..=16));
            if !passing || self.rough || waited >= 10_000 {
                return Ok(heard);
            }
            self.arm.pass(50)?;
            waited += 50;
        }
    }

    /// Until the broker that is told to coordinate the group does so: by something that changes nothing and is asked until then.
    fn await_coordinator(&mut self, group: Number) -> Result<(), RunError> {
        if !self.rough {
            self.describe_group(group)?;
        }
        Ok(())
    }

    fn find_coordinator(&mut self, group: Number) -> Result<Seen, RunError> {
        let name = self.book.group(group);
        let found = self.coordinator(&name)?;
        Ok(Seen::Coordinator {
            code: if found.is_some() { 0 } else { 15 },
            is_known: found.is_some_and(|b| self.links.is_awake(b)),
        })
    }

    fn named(&self, group: Number, member: Number, claim: Claim) -> Option<Named> {
        let known = self.book.groups.get(&group)?.members.get(&member);
        if claim == Claim::Alone {
            return Some(Named {
                id: String::new(),
                instance: None,
                generation: -1,
            });
        }
        let known = known?;
        let right = Named {
            id: known.id.clone(),
            instance: known.instance.clone(),
            generation: known.generation,
        };
        Some(match claim {
            Claim::Right | Claim::Alone => right,
            Claim::Stale => match &known.old_id {
                Some(old) => Named {
                    id: old.clone(),
                    ..right
                },
                None => Named {
                    generation: right.generation - 1,
                    ..right
                },
            },
            Claim::Future => Named {
                generation: right.generation + 1,
                ..right
            },
            Claim::UnknownMember => Named {
                id: "nobody-77".to_owned(),
                instance: None,
                ..right
            },
        })
    }

    fn claimed(
        &mut self,
        group: Number,
        member: Number,
        claim: Claim,
        what: fn(&mut Self, Number, Number, Named) -> Result<Seen, RunError>,
    ) -> Result<(Seen, Detail), RunError> {
        let Some(named) = self.named(group, member, claim) else {
            return Ok((Seen::Skipped, Detail::None));
        };
        let detail = self.detail(group, member, claim);
        Ok((what(self, group, member, named)?, detail))
    }

    fn detail(&self, group: Number, member: Number, claim: Claim) -> Detail {
        let members = self.book.groups.get(&group).map(|g| &g.members);
        let is_known = members.is_some_and(|m| m.contains_key(&member));
        let newest = members.and_then(|m| m.values().map(|m| m.generation).max());
        let own = members.and_then(|m| m.get(&member)).map(|m| m.generation);
        Detail::Claimed {
            is_member: is_known && !matches!(claim, Claim::UnknownMember | Claim::Alone),
            is_current: claim == Claim::Right && own == newest,
        }
    }

    fn heartbeat(&mut self, group: Number, _: Number, named: Named) -> Result<Seen, RunError> {
        let request = HeartbeatRequest::default()
            .with_group_id(group_id(&self.book.group(group)))
            .with_generation_id(named.generation)
            .with_member_id(text(&named.id))
            .with_group_instance_id(named.instance.as_deref().map(text));
        let heard = self.ask_coordinator(group, request, |r| r.error_code)?;
        Ok(heard.map_or_else(unheard, |answer| Seen::Code(answer.error_code)))
    }

    fn sync_one(&mut self, group: Number, member: Number, named: Named) -> Result<Seen, RunError> {
        let known = self
            .book
            .groups
            .get(&group)
            .and_then(|g| g.members.get(&member));
        let request = SyncGroupRequest::default()
            .with_group_id(group_id(&self.book.group(group)))
            .with_generation_id(named.generation)
            .with_member_id(text(&named.id))
            .with_group_instance_id(named.instance.as_deref().map(text))
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(known.and_then(|m| m.protocol.as_deref()).map(text));
        let heard = self.ask_coordinator(group, request, |r| r.error_code)?;
        Ok(heard.map_or_else(unheard, |answer| Seen::Code(answer.error_code)))
    }

    fn leave(&mut self, group: Number, member: Number, named: Named) -> Result<Seen, RunError> {
        let identity = MemberIdentity::default()
            .with_member_id(text(&named.id))
            .with_group_instance_id(named.instance.as_deref().map(text));
        let request = LeaveGroupRequest::default()
            .with_group_id(group_id(&self.book.group(group)))
            .with_members(vec![identity]);
        let heard = self.ask_coordinator(group, request, |r| r.error_code)?;
        Ok(match heard {
            Ok(answer) => {
                let code = answer.members.first().map(|m| m.error_code);
                if answer.error_code == 0
                    && code == Some(0)
                    && let Some(group) = self.book.groups.get_mut(&group)
                {
                    group.members.remove(&member);
                }
                Seen::Left {
                    code: answer.error_code,
                    member: code,
                }
            }
            Err(why) => unheard(why),
        })
    }

    fn commit(
        &mut self,
        group: Number,
        member: Number,
        claim: Claim,
        place: Place,
        offset: i64,
    ) -> Result<(Seen, Detail), RunError> {
        self.book.groups.entry(group).or_default();
        let Some(named) = self.named(group, member, claim) else {
            return Ok((Seen::Skipped, Detail::None));
        };
        let metadata = format!("by step {}", self.index);
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(place.partition)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(Some(text(&metadata)));
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic_name(&self.book.topic(place.topic)))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group_id(&self.book.group(group)))
            .with_generation_id_or_member_epoch(named.generation)
            .with_member_id(text(&named.id))
            .with_group_instance_id(named.instance.as_deref().map(text))
            .with_topics(vec![topic]);
        let first = |r: &kafka_protocol::messages::OffsetCommitResponse| {
            let mut partitions = r.topics.iter().flat_map(|t| &t.partitions);
            partitions.next().map_or(-1, |p| p.error_code)
        };
        let heard = self.ask_coordinator(group, request, first)?;
        let seen = heard.map_or_else(unheard, |answer| Seen::Code(first(&answer)));
        let detail = Detail::Commit {
            group,
            place,
            offset,
            metadata,
        };
        Ok((seen, detail))
    }

    pub(super) fn fetch_offsets(&mut self, group: Number) -> Result<Seen, RunError> {
        let name = self.book.group(group);
        let asked = OffsetFetchRequestGroup::default()
            .with_group_id(group_id(&name))
            .with_topics(None);
        let request = OffsetFetchRequest::default().with_groups(vec![asked]);
        let code = |r: &kafka_protocol::messages::OffsetFetchResponse| {
            r.groups.first().map_or(-1, |g| g.error_code)
        };
        let answer = match self.ask_coordinator(group, request, code)? {
            Ok(answer) => answer,
            Err(why) => return Ok(unheard(why)),
        };
        let topics = answer.groups.iter().flat_map(|g| &g.topics);
        let mut committed = BTreeMap::new();
        for topic in topics {
            let number = (0..u8::MAX).find(|n| self.book.topic(*n) == topic.name.0.as_str());
            for p in &topic.partitions {
                let metadata = p.metadata.as_ref().map_or("", |m| m.as_str());
                let value = (p.committed_offset, metadata.to_owned());
                committed.insert((number.unwrap_or(99), p.partition_index), value);
            }
        }
        Ok(Seen::Offsets {
            code: code(&answer),
            committed,
        })
    }

    fn describe_group(&mut self, group: Number) -> Result<Seen, RunError> {
        let name = self.book.group(group);
        let request = DescribeGroupsRequest::default().with_groups(vec![group_id(&name)]);
        let code = |r: &kafka_protocol::messages::DescribeGroupsResponse| {
            r.groups.first().map_or(-1, |g| g.error_code)
        };
        let answer = match self.ask_coordinator(group, request, code)? {
            Ok(answer) => answer,
            Err(why) => return Ok(unheard(why)),
        };
        let Some(found) = answer.groups.into_iter().next() else {
            return Ok(Seen::Code(-1));
        };
        let members = found.members.iter().map(|m| {
            let number = self.book.member(group, m.member_id.as_str());
            (number, string(&m.member_assignment))
        });
        Ok(Seen::Group {
            code: found.error_code,
            state: found.group_state.to_string(),
            protocol: found.protocol_data.to_string(),
            members: members.collect(),
        })
    }

    fn delete_group(&mut self, group: Number) -> Result<Seen, RunError> {
        let name = self.book.group(group);
        let request = DeleteGroupsRequest::default().with_groups_names(vec![group_id(&name)]);
        let code = |r: &kafka_protocol::messages::DeleteGroupsResponse| {
            r.results.first().map_or(-1, |g| g.error_code)
        };
        let heard = self.ask_coordinator(group, request, code)?;
        Ok(heard.map_or_else(unheard, |answer| Seen::Code(code(&answer))))
    }

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
    fn join(&mut self, join: &Join) -> Result<Seen, RunError> {
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
            Err(crate::client::Unheard::NoAnswer) => {
                self.gather(join.group, broker, &others, &mut answers)?;
                let late = self.hear::<JoinGroupRequest>(broker, lane(join.member), TOGETHER_MS)?;
                answers.insert(join.member, late);
                for other in &others {
                    if matches!(
                        answers.get(other),
                        Some(Err(crate::client::Unheard::NoAnswer))
                    ) {
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
            answers.insert(*other, sent.and(Err(crate::client::Unheard::NoAnswer)));
        }
        Ok(())
    }

    /// Notes who is a member now.
    fn enter(
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

    fn seen_joined(
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
                    code: if *why == crate::client::Unheard::NoAnswer {
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

    /// All members ask for their assignment, which the leader brings.
    fn sync(&mut self, group: Number, leader_first: bool) -> Result<Seen, RunError> {
        let members = self
            .book
            .groups
            .get(&group)
            .map(|g| g.members.clone())
            .unwrap_or_default();
        if !members.values().any(|m| m.leads) {
            return Ok(Seen::Skipped);
        }
        self.await_coordinator(group)?;
        let Some(broker) = self.coordinator(&self.book.group(group))? else {
            return Ok(Seen::NoAnswer);
        };
        let mut order: Vec<_> = members.iter().collect();
        order.sort_by_key(|(number, member)| (member.leads != leader_first, **number));
        for (number, member) in &order {
            let assignments = member.roster.iter().map(|id| {
                let to = self.book.member(group, id);
                let assignment = format!("step {} to member {to}", self.index);
                SyncGroupRequestAssignment::default()
                    .with_member_id(text(id))
                    .with_assignment(Bytes::from(assignment))
            });
            let request = SyncGroupRequest::default()
                .with_group_id(group_id(&self.book.group(group)))
                .with_generation_id(member.generation)
                .with_member_id(text(&member.id))
                .with_group_instance_id(member.instance.as_deref().map(text))
                .with_protocol_type(Some(text("consumer")))
                .with_protocol_name(member.protocol.as_deref().map(text))
                .with_assignments(if member.leads {
                    assignments.collect()
                } else {
                    Vec::new()
                });
            if self
                .begin_ask(broker, lane(**number), &[request], true)
                .is_ok()
            {
                self.take_in(broker, lane(**number), 0)?;
                self.arm.pass(10)?;
            }
        }
        let mut synced = BTreeMap::new();
        for (number, _) in order {
            let heard = self.hear::<SyncGroupRequest>(broker, lane(*number), TOGETHER_MS)?;
            let seen = match heard {
                Ok(answer) => (answer.error_code, string(&answer.assignment)),
                Err(_) => (-100, String::new()),
            };
            synced.insert(*number, seen);
        }
        Ok(Seen::Synced(synced))
    }
}

fn protocols(of: Protocol) -> &'static [&'static str] {
    match of {
        Protocol::Range | Protocol::ForeignType | Protocol::ShortSession => &["range"],
        Protocol::Both => &["roundrobin", "range"],
        Protocol::Foreign => &["sticky"],
    }
}

fn protocol_of(member: &Member) -> Protocol {
    match member.protocols.first().map(String::as_str) {
        Some("roundrobin") => Protocol::Both,
        Some("sticky") => Protocol::Foreign,
        _ => Protocol::Range,
    }
}

/// A subscription as the consumer protocol has it: Kafka reads it when a join completes, and a group whose members send anything else
/// never completes (seen with 4.2.1). Version 0, no topics, the text as user data.
fn subscription(text: &str) -> Bytes {
    let length = u32::try_from(text.len()).unwrap_or(0);
    let head = [&[0, 0][..], &[0; 4], &length.to_be_bytes()].concat();
    [head.as_slice(), text.as_bytes()].concat().into()
}

fn user_data(subscription: &[u8]) -> String {
    string(subscription.get(10..).unwrap_or(subscription))
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

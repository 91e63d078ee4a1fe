//! Single operations of clients.

use super::{Draft, Kind};
use crate::step::{
    At, Claim, EpochClaim, Flaw, Idempotent, Join, Number, Place, Produce, ProducerEpoch, Protocol,
    Sequencing, Step, To, Twist, What,
};

#[derive(Clone, Copy)]
enum Family {
    Produce,
    Idempotent,
    Read,
    Group,
    Admin,
}

impl Draft {
    pub(super) fn operation(&mut self) {
        let family = self.random.weighted(&[
            (7, Family::Produce),
            (7, Family::Idempotent),
            (7, Family::Read),
            (9, Family::Group),
            (3, Family::Admin),
        ]);
        match family {
            Family::Produce => self.plain(),
            Family::Idempotent => self.idempotent(),
            Family::Read => self.read(),
            Family::Group => self.group(),
            Family::Admin => self.admin(),
        }
    }

    /// A number of records.
    fn records(&mut self) -> u8 {
        u8::try_from(1 + self.random.below(4)).unwrap_or(1)
    }

    fn to(&mut self) -> To {
        self.random
            .weighted(&[(9, To::Leader), (2, To::Follower), (1, To::Stranger)])
    }

    /// Produces with acks=all, as recipes need it.
    pub(super) fn write(&mut self, place: Place, acks: i16) {
        let records = self.records();
        self.push(Step::Produce(Produce {
            place,
            acks,
            records,
            by: None,
            flaw: None,
            to: To::Leader,
        }));
    }

    pub(super) fn write_as(&mut self, place: Place, producer: Number, sequence: Sequencing) {
        let records = self.records();
        self.push(Step::Produce(Produce {
            place,
            acks: -1,
            records,
            by: Some(Idempotent {
                producer,
                sequence,
                epoch: ProducerEpoch::Same,
            }),
            flaw: None,
            to: To::Leader,
        }));
    }

    fn plain(&mut self) {
        let place = self.some_place();
        let acks = self.random.weighted(&[(6, -1), (4, 1), (2, 0), (1, 2)]);
        let flaw = self.random.weighted(&[
            (14, None),
            (1, Some(Flaw::Oversized)),
            (1, Some(Flaw::BadCrc)),
            (1, Some(Flaw::BadMagic)),
            (1, Some(Flaw::Empty)),
        ]);
        // Too large is what is larger than the topic's own bound.
        let bounded = self
            .topics
            .iter()
            .any(|t| t.topic == place.topic && t.max_message_bytes.is_some());
        let flaw = flaw.filter(|f| bounded || *f != Flaw::Oversized);
        // With acks=0 a broker that refuses closes the connection, at a time of its own.
        let (flaw, to) = if acks == 0 {
            (None, To::Leader)
        } else {
            (flaw, self.to())
        };
        let records = self.records();
        self.push(Step::Produce(Produce {
            place,
            acks,
            records,
            by: None,
            flaw,
            to,
        }));
    }

    fn idempotent(&mut self) {
        let place = self.place();
        let producer = u8::try_from(self.random.below(2)).unwrap_or(0);
        if self.random.percent(12) {
            let bump = self.random.percent(60);
            return self.push(Step::InitProducer { producer, bump });
        }
        if self.random.percent(15) {
            let batches = u8::try_from(2 + self.random.below(4)).unwrap_or(2);
            return self.push(Step::Burst {
                place,
                producer,
                batches,
            });
        }
        let back = u8::try_from(self.random.below(7)).unwrap_or(0);
        let gap = u8::try_from(1 + self.random.below(3)).unwrap_or(1);
        let sequence = self.random.weighted(&[
            (9, Sequencing::Next),
            (3, Sequencing::Again(0)),
            (2, Sequencing::Again(back)),
            (2, Sequencing::Gap(gap)),
            (1, Sequencing::Zero),
        ]);
        let epoch = self.random.weighted(&[
            (14, ProducerEpoch::Same),
            (1, ProducerEpoch::Older),
            (1, ProducerEpoch::Newer),
        ]);
        let records = self.records();
        let acks = self.random.weighted(&[(8, -1), (1, 1)]);
        self.push(Step::Produce(Produce {
            place,
            acks,
            records,
            by: Some(Idempotent {
                producer,
                sequence,
                epoch,
            }),
            flaw: None,
            to: To::Leader,
        }));
    }

    /// Mostly one that exists.
    fn some_place(&mut self) -> Place {
        let place = self.place();
        match self.random.below(30) {
            0 => Place {
                partition: 7,
                ..place
            },
            1 => Place { topic: 9, ..place },
            _ => place,
        }
    }

    fn claim(&mut self) -> EpochClaim {
        self.random.weighted(&[
            (7, EpochClaim::None),
            (3, EpochClaim::Right),
            (1, EpochClaim::Older),
            (1, EpochClaim::Newer),
        ])
    }

    fn read(&mut self) {
        let place = self.some_place();
        let epoch = self.claim();
        let to = self.to();
        match self.random.below(10) {
            0..5 => {
                let offset = i64::try_from(self.random.below(12)).unwrap_or(0);
                let at = self.random.weighted(&[
                    (5, At::Start),
                    (4, At::Offset(offset)),
                    (2, At::End),
                    (2, At::BeyondEnd(1 + offset)),
                    (1, At::Negative),
                ]);
                self.push(Step::Fetch {
                    place,
                    at,
                    to,
                    epoch,
                });
            }
            5..8 => {
                let step = i64::try_from(self.random.below(30)).unwrap_or(0);
                let what = self.random.weighted(&[
                    (3, What::Earliest),
                    (4, What::Latest),
                    (2, What::MaxTimestamp),
                    (3, What::Timestamp(step)),
                    (1, What::Nonsense),
                ]);
                self.push(Step::ListOffsets {
                    place,
                    what,
                    to,
                    epoch,
                });
            }
            8 => {
                let of = self.claim();
                self.push(Step::EpochEnd {
                    place,
                    of,
                    knows: epoch,
                });
            }
            _ => self.push(Step::Metadata { topic: place.topic }),
        }
    }

    fn member_claim(&mut self) -> Claim {
        self.random.weighted(&[
            (8, Claim::Right),
            (2, Claim::Stale),
            (1, Claim::Future),
            (1, Claim::UnknownMember),
            (1, Claim::Alone),
        ])
    }

    fn group(&mut self) {
        let group = u8::try_from(self.random.below(2)).unwrap_or(0);
        let member = u8::try_from(self.random.below(3)).unwrap_or(0);
        let claim = self.member_claim();
        match self.random.below(20) {
            0..6 => self.join(group, member),
            6..9 => {
                let leader_first = self.random.percent(50);
                self.push(Step::Sync {
                    group,
                    leader_first,
                });
            }
            9 | 10 => self.push(Step::Heartbeat {
                group,
                member,
                claim,
            }),
            11..14 => {
                let place = self.some_place();
                let offset = i64::try_from(self.random.below(20)).unwrap_or(0);
                self.push(Step::Commit {
                    group,
                    member,
                    claim,
                    place,
                    offset,
                });
            }
            14 | 15 => self.push(Step::FetchOffsets { group }),
            16 => self.push(Step::DescribeGroup { group }),
            17 => self.push(Step::Leave {
                group,
                member,
                claim,
            }),
            18 => {
                let claim = self
                    .random
                    .pick(&[Claim::Stale, Claim::Future, Claim::UnknownMember]);
                self.push(Step::SyncOne {
                    group,
                    member,
                    claim,
                });
            }
            _ if self.random.percent(50) => self.push(Step::DeleteGroup { group }),
            _ => self.push(Step::FindCoordinator { group }),
        }
    }

    fn join(&mut self, group: Number, member: Number) {
        let protocol = self.random.weighted(&[
            (8, Protocol::Range),
            (4, Protocol::Both),
            (1, Protocol::Foreign),
            (1, Protocol::ForeignType),
            (1, Protocol::ShortSession),
        ]);
        let fixed = self.random.percent(25);
        let forgetful = self.random.percent(20);
        self.push(Step::Join(Join {
            group,
            member,
            fixed,
            forgetful,
            protocol,
        }));
        if self.random.percent(70) {
            let leader_first = self.random.percent(50);
            self.push(Step::Sync {
                group,
                leader_first,
            });
        }
    }

    fn admin(&mut self) {
        let topic = self.topic();
        match self.random.below(12) {
            0..4 => {
                let twist = self.random.pick(&[
                    Twist::BadName,
                    Twist::BadConfig,
                    Twist::UnknownConfig,
                    Twist::NoPartitions,
                    Twist::TooManyReplicas,
                    Twist::UnknownBroker,
                    Twist::ValidateOnly,
                    Twist::Twice,
                ]);
                let mut new = self.new_topic(5);
                new.twist = Some(twist);
                self.push(Step::CreateTopic(new));
            }
            // One that exists, or not any more.
            4 | 5 => self.push(Step::CreateTopic(topic)),
            6 if self.kind == Kind::Quiet => self.push(Step::DeleteTopic { topic: topic.topic }),
            6 | 7 => self.push(Step::DeleteTopic { topic: 9 }),
            8 => {
                let count = self.random.pick(&[0, 1, 2, 5]);
                self.push(Step::CreatePartitions {
                    topic: topic.topic,
                    count,
                });
            }
            9 | 10 => self.push(Step::DescribeConfigs { topic: topic.topic }),
            _ => self.push(Step::Metadata { topic: 9 }),
        }
    }
}

//! What a real Kafka 4.2.1 answered where ours once differed: each row is a sequence and what its last step must be answered.

use squall_conform::run::FIRST_TIMESTAMP;
use squall_conform::seen::{Fetched, Produced, Seen};
use squall_conform::step::{
    Act, At, Claim, EpochClaim, Flaw, Join, NewTopic, Place, Produce, Protocol, Role, Sequence,
    Step, To, Twist, What,
};
use squall_conform::suite;
use squall_model::kafka::Defects;

const PLACE: Place = Place {
    topic: 0,
    partition: 0,
};
const NOWHERE: Place = Place {
    topic: 9,
    partition: 0,
};

fn topic(twist: Option<Twist>) -> Step {
    Step::CreateTopic(NewTopic {
        topic: if twist.is_some() { 5 } else { 0 },
        partitions: 1,
        replicas: 3,
        min_insync: 2,
        max_message_bytes: None,
        flushed: false,
        twist,
    })
}

fn produce(place: Place, acks: i16, flaw: Option<Flaw>, to: To) -> Step {
    Step::Produce(Produce {
        place,
        acks,
        records: 2,
        by: None,
        flaw,
        to,
    })
}

fn good() -> Step {
    produce(PLACE, -1, None, To::Leader)
}

/// What the last of the steps is answered, after a topic was made.
fn last(steps: &[Step]) -> Seen {
    let first = [topic(None)];
    let sequence = Sequence {
        seed: 0,
        rough: false,
        steps: first.iter().chain(steps).cloned().collect(),
    };
    let mut outcome = suite::embedded(&sequence, Defects::default()).expect("a cluster");
    assert_eq!(outcome.restless, None);
    outcome.noted.pop().expect("a step").seen
}

fn refused(code: i16) -> Seen {
    Seen::Produced(Produced {
        code,
        base: -1,
        log_start: -1,
    })
}

#[test]
fn impossible_topics_are_refused_for_their_reason() {
    let rows = [
        (Twist::BadName, 17),
        (Twist::UnknownBroker, 39),
        (Twist::Twice, 42),
        (Twist::NoPartitions, 37),
        (Twist::TooManyReplicas, 38),
        (Twist::UnknownConfig, 40),
        (Twist::BadConfig, 40),
    ];
    for (twist, code) in rows {
        assert_eq!(
            last(&[topic(Some(twist))]),
            Seen::Codes(vec![code]),
            "{twist:?}"
        );
    }
}

#[test]
fn flush_messages_is_described() {
    let Seen::Configs { values, .. } = last(&[Step::DescribeConfigs { topic: 0 }]) else {
        panic!("no configurations");
    };
    let flush = values.get("flush.messages").map(String::as_str);
    assert_eq!(flush, Some("9223372036854775807"));
}

#[test]
fn a_produce_is_refused_with_what_kafka_finds_first() {
    let rows = [
        (produce(PLACE, 1, Some(Flaw::BadCrc), To::Leader), 2),
        (produce(PLACE, 1, Some(Flaw::BadCrc), To::Follower), 6),
        (produce(PLACE, 1, None, To::Follower), 6),
        (produce(NOWHERE, 1, None, To::Leader), 3),
        (produce(NOWHERE, 2, None, To::Leader), 3),
        (produce(PLACE, 2, None, To::Leader), 21),
        (produce(PLACE, -1, Some(Flaw::Empty), To::Leader), 87),
        (produce(PLACE, 2, Some(Flaw::Empty), To::Leader), 87),
        (produce(NOWHERE, 1, Some(Flaw::Empty), To::Leader), 3),
    ];
    for (step, code) in rows {
        assert_eq!(last(&[good(), step.clone()]), refused(code), "{step:?}");
    }
}

#[test]
fn a_fetch_out_of_range_tells_nothing_else() {
    for at in [At::BeyondEnd(3), At::Negative] {
        let fetch = Step::Fetch {
            place: PLACE,
            at,
            to: To::Leader,
            epoch: EpochClaim::None,
        };
        let nothing = Fetched {
            code: 1,
            high_watermark: -1,
            last_stable: -1,
            log_start: -1,
            ..Fetched::default()
        };
        assert_eq!(last(&[good(), fetch]), Seen::Fetched(nothing));
    }
}

#[test]
fn an_offset_that_is_not_there_has_no_epoch() {
    for (what, code) in [(What::Timestamp(29), 0), (What::Nonsense, 35)] {
        let list = Step::ListOffsets {
            place: PLACE,
            what,
            to: To::Leader,
            epoch: EpochClaim::None,
        };
        let nothing = Seen::Listed {
            code,
            offset: -1,
            timestamp: -1,
            epoch: -1,
        };
        assert_eq!(last(&[good(), list]), nothing, "{what:?}");
    }
}

#[test]
fn an_offset_is_listed_with_the_epoch_of_its_record() {
    let kill = Step::Disturb {
        broker: Role::Leader(PLACE),
        act: Act::Kill,
    };
    let stamp = FIRST_TIMESTAMP + 1_000;
    let rows = [
        (What::Earliest, 0, -1, 0),
        (What::Timestamp(1), 0, stamp, 0),
        (What::MaxTimestamp, 1, stamp, 0),
        (What::Latest, 2, -1, 1),
    ];
    for (what, offset, timestamp, epoch) in rows {
        let list = Step::ListOffsets {
            place: PLACE,
            what,
            to: To::Leader,
            epoch: EpochClaim::None,
        };
        let listed = Seen::Listed {
            code: 0,
            offset,
            timestamp,
            epoch,
        };
        assert_eq!(last(&[good(), kill.clone(), list]), listed, "{what:?}");
    }
}

#[test]
fn an_epoch_that_has_not_begun_has_no_end() {
    for (of, epoch, end) in [(EpochClaim::Right, 0, 2), (EpochClaim::Newer, -1, -1)] {
        let ask = Step::EpochEnd {
            place: PLACE,
            of,
            knows: EpochClaim::Right,
        };
        let told = Seen::EpochEnd {
            code: 0,
            epoch,
            end,
        };
        assert_eq!(last(&[good(), ask]), told, "{of:?}");
    }
}

#[test]
fn nothing_is_committed_for_a_partition_that_does_not_exist() {
    for (place, code) in [
        (PLACE, 0),
        (NOWHERE, 3),
        (
            Place {
                partition: 7,
                ..PLACE
            },
            3,
        ),
    ] {
        let commit = Step::Commit {
            group: 0,
            member: 0,
            claim: Claim::Alone,
            place,
            offset: 4,
        };
        assert_eq!(last(&[commit]), Seen::Code(code), "{place:?}");
    }
}

#[test]
fn members_keep_their_assignment_until_they_have_another() {
    let join = |member| {
        Step::Join(Join {
            group: 0,
            member,
            fixed: false,
            forgetful: false,
            protocol: Protocol::Range,
        })
    };
    let sync = Step::Sync {
        group: 0,
        leader_first: true,
    };
    let Seen::Group { state, members, .. } =
        last(&[join(0), sync, join(1), Step::DescribeGroup { group: 0 }])
    else {
        panic!("no group");
    };
    assert_eq!(state, "CompletingRebalance");
    let assignments: Vec<&str> = members.values().map(String::as_str).collect();
    assert_eq!(assignments, ["step 2 to member 0", ""]);
}

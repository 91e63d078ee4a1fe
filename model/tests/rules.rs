//! What one request is answered in one situation: a row for each rule.

mod support;

use squall_model::kafka::*;
use support::workload::batch;
use support::world::{World, new_topic};
use support::{MILLISECOND, SECOND};

const TOPIC: Name = Name(7);
const AT: TopicPartition = TopicPartition {
    topic: TOPIC,
    partition: 0,
};

fn config() -> BrokerConfig {
    BrokerConfig {
        session_timeout_ms: 3_000,
        heartbeat_interval_ms: 500,
        replica_lag_time_max_ms: 2_000,
        replica_fetch_wait_max_ms: 200,
        min_insync_replicas: 2,
        offsets_topic: Name(1),
        offsets_topic_partitions: 4,
        ..BrokerConfig::default()
    }
}

/// Three brokers and a topic of one partition on all of them; and who leads it.
fn cluster(config: BrokerConfig) -> (World, NodeId) {
    let mut world = World::new(1, 3, config);
    let up = |w: &World| {
        w.controller()
            .is_some_and(|c| c.brokers().filter(|(_, f)| !f).count() == 3)
    };
    world.run_until(20 * SECOND, "three brokers", up);
    world.call(NodeId(1), new_topic(TOPIC, 1, &[]));
    world.run_until(20 * SECOND, "whole partitions", World::is_whole);
    let leader = world.leader_of(AT).expect("a leader");
    (world, leader)
}

fn produce(
    world: &mut World,
    to: NodeId,
    acks: Acks,
    batch: Result<Batch<u64>, ErrorCode>,
) -> (ErrorCode, Offset, u64) {
    let request = ProduceRequest {
        acks,
        timeout_ms: 1_000,
        partitions: vec![(AT, batch)],
    };
    let begun = world.now;
    match world.call(to, Request::Produce(request)) {
        Some(Response::Produce(results)) => {
            (results[0].error, results[0].base_offset, world.now - begun)
        }
        other => panic!("no answer to a produce: {other:?}"),
    }
}

fn fetch(world: &mut World, to: NodeId, offset: Offset, epoch: Epoch) -> FetchedPartition<u64> {
    let part = FetchPartition {
        partition: AT,
        offset,
        current_leader_epoch: epoch,
        last_fetched_epoch: -1,
        max_bytes: 1 << 20,
    };
    let request = FetchRequest {
        max_wait_ms: 100,
        min_bytes: 1,
        max_bytes: 1 << 20,
        isolation: Isolation::ReadUncommitted,
        partitions: vec![part],
    };
    match world.call(to, Request::Fetch(request)) {
        Some(Response::Fetch(mut parts)) => parts.remove(0),
        other => panic!("no answer to a fetch: {other:?}"),
    }
}

fn latest(world: &mut World, to: NodeId) -> (ErrorCode, Offset) {
    let request = ListOffsetsRequest {
        isolation: Isolation::ReadUncommitted,
        partitions: vec![(AT, -1, OffsetSpec::Latest)],
    };
    match world.call(to, Request::ListOffsets(request)) {
        Some(Response::ListOffsets(listed)) => (listed[0].error, listed[0].offset),
        other => panic!("no answer to ListOffsets: {other:?}"),
    }
}

fn others(world: &World, than: NodeId) -> Vec<NodeId> {
    let all = world.broker_ids();
    all.into_iter().filter(|id| *id != than).collect()
}

#[test]
fn a_produce_is_refused_for_its_reason() {
    let (mut world, leader) = cluster(config());
    let follower = others(&world, leader)[0];
    let header = |change: fn(&mut BatchHeader)| {
        let mut batch = batch(1, 1, None);
        change(&mut batch.header);
        Ok(batch)
    };
    let rows = [
        ("a good one", leader, header(|_| {}), ErrorCode::None),
        (
            "to a follower",
            follower,
            header(|_| {}),
            ErrorCode::NotLeaderOrFollower,
        ),
        (
            "too large",
            leader,
            header(|h| h.bytes = 2_000_000),
            ErrorCode::MessageTooLarge,
        ),
        (
            "a bad one",
            leader,
            Err(ErrorCode::CorruptMessage),
            ErrorCode::CorruptMessage,
        ),
    ];
    for (what, to, batch, then) in rows {
        assert_eq!(produce(&mut world, to, Acks::All, batch).0, then, "{what}");
    }
    assert_eq!(world.view(leader, AT).map(|v| v.log_end), Some(1));
}

#[test]
fn too_few_in_sync_replicas_refuse_acks_all_only() {
    let (mut world, leader) = cluster(config());
    for other in others(&world, leader) {
        world.crash(other, false);
    }
    let alone = |w: &World| w.view(leader, AT).is_some_and(|v| v.isr == [leader]);
    world.run_until(20 * SECOND, "a leader alone", alone);
    let good = || Ok(batch(1, 1, None));
    let refused = produce(&mut world, leader, Acks::All, good());
    assert_eq!(refused.0, ErrorCode::NotEnoughReplicas);
    let taken = produce(&mut world, leader, Acks::Leader, good());
    assert_eq!((taken.0, taken.1), (ErrorCode::None, 0));
    // KIP-966: what is below the minimum is not committed, so nobody reads it.
    assert!(fetch(&mut world, leader, 0, -1).entries.is_empty());
}

#[test]
fn an_unreplicated_batch_times_out_and_stays() {
    let (mut world, leader) = cluster(config());
    for other in others(&world, leader) {
        world.block(leader, other, true);
    }
    let (error, offset, took) = produce(&mut world, leader, Acks::All, Ok(batch(1, 1, None)));
    assert_eq!((error, offset), (ErrorCode::RequestTimedOut, -1));
    assert!(
        (900 * MILLISECOND..1_200 * MILLISECOND).contains(&took),
        "after {took} ns"
    );
    assert_eq!(world.view(leader, AT).map(|v| v.log_end), Some(1));
    world.heal();
    world.run_until(20 * SECOND, "a replicated batch", |w| {
        w.view(leader, AT).is_some_and(|v| v.high_watermark == 1)
    });
}

#[test]
fn a_leader_without_its_controller_takes_acks_1_and_cannot_shrink_the_set() {
    let (mut world, leader) = cluster(config());
    let node = support::world::CONTROLLER;
    world.block(leader, node, true);
    for other in others(&world, leader) {
        world.block(leader, other, true);
    }
    world.run_for(10 * SECOND);
    let old = world.view(leader, AT).expect("a replica");
    assert!(old.is_leader && old.isr.len() == 3, "{old:?}");
    let taken = produce(&mut world, leader, Acks::Leader, Ok(batch(1, 1, None)));
    assert_eq!(taken.0, ErrorCode::None);
    let waits = produce(&mut world, leader, Acks::All, Ok(batch(2, 1, None)));
    assert_eq!(waits.0, ErrorCode::RequestTimedOut);
    world.heal();
    world.run_until(30 * SECOND, "whole partitions", World::is_whole);
    // Another one led meanwhile: both are gone.
    assert!(world.log_of(leader, AT).is_empty());
    let cut = |(_, id, fact): &(u64, NodeId, Fact)| {
        *id == leader && matches!(fact, Fact::Truncated { from: 2, to: 0, .. })
    };
    assert!(world.facts.iter().any(cut));
}

#[test]
fn epochs_fence_readers() {
    let (mut world, leader) = cluster(config());
    produce(&mut world, leader, Acks::All, Ok(batch(1, 1, None)));
    world.crash(leader, false);
    world.run_until(20 * SECOND, "another leader", |w| w.leader_of(AT).is_some());
    let leader = world.leader_of(AT).expect("a leader");
    let epoch = world.view(leader, AT).expect("a replica").epoch;
    let rows = [
        (epoch, 0, ErrorCode::None),
        (-1, 0, ErrorCode::None),
        (epoch - 1, 0, ErrorCode::FencedLeaderEpoch),
        (epoch + 1, 0, ErrorCode::UnknownLeaderEpoch),
        (epoch, 99, ErrorCode::OffsetOutOfRange),
    ];
    for (asked, offset, then) in rows {
        let part = fetch(&mut world, leader, offset, asked);
        assert_eq!(part.error, then, "epoch {asked} at {offset}");
    }
}

#[test]
fn after_an_election_the_end_is_told_once_it_is_known() {
    let (mut world, leader) = cluster(config());
    let rest = others(&world, leader);
    // Replicated, but the followers have not heard so: the answers with the high watermark do not come.
    let request = ProduceRequest {
        acks: Acks::Leader,
        timeout_ms: 1_000,
        partitions: vec![(AT, Ok(batch(1, 3, None)))],
    };
    world.ask(leader, Request::Produce(request));
    let all_have_it = |w: &World| {
        rest.iter()
            .all(|id| w.view(*id, AT).is_some_and(|v| v.log_end == 3))
    };
    world.run_until(5 * SECOND, "a replicated batch", all_have_it);
    world.crash(leader, false);
    // The other follower is cut off, so that the new leader cannot learn what is committed.
    world.block(rest[0], rest[1], true);
    world.run_until(20 * SECOND, "another leader", |w| {
        w.leader_of(AT).is_some_and(|id| id != leader)
    });
    let next = world.leader_of(AT).expect("a leader");
    assert_eq!(world.view(next, AT).map(|v| v.high_watermark), Some(0));
    assert_eq!(
        latest(&mut world, next),
        (ErrorCode::OffsetNotAvailable, -1)
    );
    world.heal();
    world.run_until(20 * SECOND, "a known end", |w| {
        w.view(next, AT).is_some_and(|v| v.high_watermark == 3)
    });
    assert_eq!(latest(&mut world, next), (ErrorCode::None, 3));
}

#[test]
fn a_repeated_batch_is_answered_with_its_first_offset() {
    let (mut world, leader) = cluster(config());
    let stamped = |sequence| {
        Ok(batch(
            1,
            2,
            Some(Stamp {
                producer_id: 5,
                producer_epoch: 0,
                base_sequence: sequence,
            }),
        ))
    };
    assert_eq!(produce(&mut world, leader, Acks::All, stamped(0)).1, 0);
    assert_eq!(produce(&mut world, leader, Acks::All, stamped(2)).1, 2);
    let (error, offset, took) = produce(&mut world, leader, Acks::All, stamped(0));
    assert_eq!((error, offset), (ErrorCode::None, 0));
    // It is replicated already, so nothing is waited for.
    assert!(took < 100 * MILLISECOND, "after {took} ns");
    assert_eq!(
        produce(&mut world, leader, Acks::All, stamped(9)).0,
        ErrorCode::OutOfOrderSequenceNumber
    );
    // The next leader knows them from its log.
    world.crash(leader, false);
    world.run_until(20 * SECOND, "another leader", |w| {
        w.leader_of(AT).is_some_and(|id| id != leader)
    });
    let next = world.leader_of(AT).expect("a leader");
    assert_eq!(produce(&mut world, next, Acks::All, stamped(2)).1, 2);
    assert_eq!(produce(&mut world, next, Acks::All, stamped(4)).1, 4);
}

#[test]
fn an_append_that_waits_for_the_disk_is_answered_when_it_is_there() {
    let mut config = config();
    config.log_flush_interval_messages = Some(1);
    let (mut world, leader) = cluster(config);
    world.flush_latency = 300 * MILLISECOND;
    let (error, _, took) = produce(&mut world, leader, Acks::Leader, Ok(batch(1, 1, None)));
    assert_eq!(error, ErrorCode::None);
    assert!(took >= 300 * MILLISECOND, "after {took} ns");
    // The leader flushes, and the followers do, at the same time or after it.
    let (error, _, took) = produce(&mut world, leader, Acks::All, Ok(batch(2, 1, None)));
    assert_eq!(error, ErrorCode::None);
    assert!(took >= 300 * MILLISECOND, "after {took} ns");
}

#[test]
fn groups_of_several_partitions_are_deleted_by_one_request() {
    let (mut world, _) = cluster(config());
    let found = |world: &mut World, groups: Vec<Name>| match world
        .call(NodeId(1), Request::FindCoordinator { groups })
    {
        Some(Response::FindCoordinator(found)) => found,
        other => panic!("no answer to FindCoordinator: {other:?}"),
    };
    let groups: Vec<Name> = (10..14).map(Name).collect();
    found(&mut world, groups.clone());
    world.run_for(2 * SECOND);
    let found = found(&mut world, groups.clone());
    assert!(found.iter().all(|f| f.error == ErrorCode::None));
    let request = Request::DeleteGroups {
        groups: groups.clone(),
    };
    let Some(Response::DeleteGroups(mut results)) = world.call(NodeId(1), request) else {
        panic!("no answer to DeleteGroups");
    };
    results.sort();
    let expected = found.iter().map(|f| {
        let here = f.node == Some(NodeId(1));
        let error = if here {
            ErrorCode::GroupIdNotFound
        } else {
            ErrorCode::NotCoordinator
        };
        (f.group, error)
    });
    assert_eq!(results, expected.collect::<Vec<_>>());
}

/// As Kafka's `StripedReplicaPlacer` places them: living brokers first, and fenced ones where those do not suffice.
#[test]
fn replicas_are_placed_on_brokers_that_are_down_too() {
    let (mut world, _) = cluster(config());
    let fenced = |w: &World| {
        w.controller()
            .map(|c| c.brokers().filter(|(_, f)| *f).count())
    };
    world.crash(NodeId(3), false);
    world.run_until(20 * SECOND, "a fenced broker", |w| fenced(w) == Some(1));
    let groups = vec![Name(10)];
    world.call(NodeId(1), Request::FindCoordinator { groups });
    world.run_for(2 * SECOND);
    let states = |w: &World| -> Vec<PartitionState> {
        let partitions = w.controller().into_iter().flat_map(|c| c.partitions());
        let of_offsets = partitions.filter(|(at, _)| at.topic == Name(1));
        of_offsets.map(|(_, state)| state.clone()).collect()
    };
    let made = states(&world);
    assert_eq!(made.len(), 4);
    for state in &made {
        assert_eq!(
            (state.replicas.len(), state.replicas[2]),
            (3, NodeId(3)),
            "{state:?}"
        );
        assert_eq!(state.isr, [NodeId(1), NodeId(2)]);
        assert_eq!(state.leader, Some(state.replicas[0]));
    }
    world.crash(NodeId(2), false);
    world.run_until(20 * SECOND, "two fenced brokers", |w| fenced(w) == Some(2));
    match world.call(NodeId(1), new_topic(Name(8), 1, &[])) {
        Some(Response::CreateTopics(made)) => assert_eq!(made[0].replication_factor, 3),
        other => panic!("no answer to CreateTopics: {other:?}"),
    }
    world.start(NodeId(2));
    world.start(NodeId(3));
    world.run_until(20 * SECOND, "whole partitions", World::is_whole);
}

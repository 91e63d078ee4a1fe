//! Every path of a cluster once: start, topics, produce, fetch, groups, failover, restart, shutdown.

mod cluster;

use cluster::client::{fetch, produce};
use cluster::{Cluster, Loss, MS, SECOND, config, partition};
use squall_model::kafka::*;

const GROUP: Name = Name(40);

#[test]
fn a_new_topic_has_leaders_and_full_in_sync_sets() {
    let cluster = Cluster::ready(1, &config(), 3);
    let leaders: Vec<_> = (0..3)
        .map(|p| cluster.leader(partition(p)).unwrap())
        .collect();
    let mut spread = leaders.clone();
    spread.sort();
    spread.dedup();
    assert_eq!(spread.len(), 3, "one leader each: {leaders:?}");
    for p in 0..3 {
        assert_eq!(cluster.state(partition(p)).unwrap().isr.len(), 3);
    }
}

#[test]
fn every_kind_of_acks_lands_on_all_replicas() {
    let mut cluster = Cluster::ready(2, &config(), 1);
    let leader = cluster.leader(partition(0)).unwrap();
    // Nothing is ever answered to acks=0.
    let silent = cluster.ask(leader, produce(partition(0), Acks::None, 10, None));
    cluster.run(100 * MS);
    assert!(cluster.is_open(silent), "acks=0 was answered");
    for (acks, event, offset) in [(Acks::Leader, 11, 1), (Acks::All, 12, 2)] {
        let answer = cluster.produce_to(leader, partition(0), acks, event);
        assert_eq!(answer, Some((ErrorCode::None, offset)));
    }
    cluster.until("whole", |c| c.is_whole(partition(0)));
    assert!(cluster.diverged(partition(0)).is_empty());
    assert_eq!(cluster.fetch_from(leader, partition(0), 0), [10, 11, 12]);
}

#[test]
fn followers_refuse_clients() {
    let mut cluster = Cluster::ready(3, &config(), 1);
    let leader = cluster.leader(partition(0)).unwrap();
    let follower = cluster
        .brokers()
        .into_iter()
        .find(|id| *id != leader)
        .unwrap();
    let answer = cluster.produce_to(follower, partition(0), Acks::All, 1);
    assert_eq!(answer, Some((ErrorCode::NotLeaderOrFollower, -1)));
}

#[test]
fn a_long_poll_ends_with_data_or_at_its_deadline() {
    let mut cluster = Cluster::ready(4, &config(), 1);
    let leader = cluster.leader(partition(0)).unwrap();
    let began = cluster.now;
    let poll = cluster.ask(leader, fetch(partition(0), 0, 1_000));
    cluster.until("the deadline", |c| !c.is_open(poll));
    let waited = (cluster.now - began) / MS;
    assert!((1_000..1_010).contains(&waited), "{waited} ms");
    let poll = cluster.ask(leader, fetch(partition(0), 0, 30_000));
    cluster.run(500 * MS);
    assert!(cluster.is_open(poll));
    let began = cluster.now;
    cluster.ask(leader, produce(partition(0), Acks::All, 5, None));
    cluster.until("data", |c| !c.is_open(poll));
    assert!(cluster.now - began < 100 * MS);
}

#[test]
fn consumers_see_only_what_is_below_the_high_watermark() {
    let mut cluster = Cluster::ready(5, &config(), 1);
    let leader = cluster.leader(partition(0)).unwrap();
    cluster.must_produce(partition(0), 1);
    cluster.until("whole", |c| c.is_whole(partition(0)));
    cluster.isolate(leader);
    let answer = cluster.produce_to(leader, partition(0), Acks::Leader, 2);
    assert_eq!(
        answer,
        Some((ErrorCode::None, 1)),
        "the leader alone took it"
    );
    assert_eq!(cluster.fetch_from(leader, partition(0), 0), [1]);
    let view = cluster.view(leader, partition(0)).unwrap();
    assert_eq!((view.high_watermark, view.log_end), (1, 2));
}

#[test]
fn offsets_are_listed() {
    let mut cluster = Cluster::ready(6, &config(), 1);
    for event in [100, 200, 300] {
        cluster.must_produce(partition(0), event);
    }
    let rows = [
        (OffsetSpec::Earliest, 0),
        (OffsetSpec::Latest, 3),
        (OffsetSpec::Timestamp(150), 1),
        (OffsetSpec::Timestamp(301), -1),
        (OffsetSpec::MaxTimestamp, 2),
    ];
    for (spec, offset) in rows {
        assert_eq!(
            cluster.latest(partition(0), spec).offset,
            offset,
            "{spec:?}"
        );
    }
}

#[test]
fn producer_ids_are_given_out_once() {
    let mut cluster = Cluster::ready(7, &config(), 1);
    let mut ids: Vec<i64> = Vec::new();
    for _ in 0..3 {
        for id in cluster.brokers() {
            ids.push(cluster.producer_id(id));
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn a_group_joins_commits_and_survives_its_coordinator() {
    let mut cluster = Cluster::ready(8, &config(), 1);
    let node = cluster.coordinator(GROUP);
    cluster.until("offsets topic", Cluster::has_offsets_topic);
    let (member, generation) = cluster.join_alone(node, GROUP);
    assert_eq!(
        cluster.heartbeat(node, GROUP, member, generation),
        Some(ErrorCode::None)
    );
    let answer = cluster.commit_as(node, GROUP, member, generation, 17);
    assert_eq!(answer, Some(ErrorCode::None));
    assert_eq!(cluster.committed(GROUP), 17);
    cluster.crash(node, Loss::Process);
    assert_eq!(cluster.committed(GROUP), 17);
    let next = cluster.coordinator(GROUP);
    assert_ne!(next, node);
    assert_eq!(
        cluster.heartbeat(next, GROUP, member, generation),
        Some(ErrorCode::None),
        "the group is known to the next coordinator"
    );
}

#[test]
fn a_killed_leader_is_fenced_replaced_and_comes_back() {
    let mut cluster = Cluster::ready(9, &config(), 1);
    let before = cluster.state(partition(0)).unwrap();
    let leader = before.leader.unwrap();
    cluster.must_produce(partition(0), 1);
    let began = cluster.now;
    cluster.crash(leader, Loss::Process);
    cluster.until("another leader", |c| {
        c.leader(partition(0)).is_some_and(|now| now != leader)
    });
    let took = (cluster.now - began) / MS;
    assert!((2_000..3_100).contains(&took), "fenced after {took} ms");
    let after = cluster.state(partition(0)).unwrap();
    assert!(after.leader_epoch > before.leader_epoch);
    assert!(!after.isr.contains(&leader));
    let offset = cluster.must_produce(partition(0), 2);
    assert_eq!(offset, 1);
    cluster.start(leader);
    cluster.until("whole again", Cluster::all_whole);
    assert!(cluster.diverged(partition(0)).is_empty());
}

#[test]
fn what_only_a_dead_leader_had_is_cut_off() {
    let mut cluster = Cluster::ready(10, &config(), 1);
    let leader = cluster.leader(partition(0)).unwrap();
    cluster.must_produce(partition(0), 1);
    cluster.isolate(leader);
    cluster.produce_to(leader, partition(0), Acks::Leader, 2);
    cluster.until("another leader", |c| {
        c.leader(partition(0)).is_some_and(|now| now != leader)
    });
    cluster.must_produce(partition(0), 3);
    cluster.rejoin(leader);
    cluster.until("whole again", Cluster::all_whole);
    assert!(cluster.diverged(partition(0)).is_empty());
    let next = cluster.leader(partition(0)).unwrap();
    assert_eq!(cluster.fetch_from(next, partition(0), 0), [1, 3]);
    let cut = cluster.facts.iter().any(|(_, id, fact)| {
        *id == leader && matches!(fact, Fact::Truncated { from: 2, to: 1, .. })
    });
    assert!(cut, "the truncation is told");
}

#[test]
fn a_restart_within_the_session_is_taken_back() {
    let mut cluster = Cluster::ready(11, &config(), 1);
    let leader = cluster.leader(partition(0)).unwrap();
    cluster.must_produce(partition(0), 1);
    cluster.crash(leader, Loss::Process);
    cluster.run(100 * MS);
    cluster.start(leader);
    cluster.must_produce(partition(0), 2);
    cluster.until("whole again", Cluster::all_whole);
    assert!(cluster.diverged(partition(0)).is_empty());
}

#[test]
fn a_shutdown_in_order_moves_the_leader_at_once() {
    let mut cluster = Cluster::ready(12, &config(), 1);
    let leader = cluster.leader(partition(0)).unwrap();
    cluster.must_produce(partition(0), 1);
    let began = cluster.now;
    cluster.shut_down(leader);
    cluster.until("its end", |c| !c.is_up(leader));
    let took = (cluster.now - began) / MS;
    assert!(took < 1_000, "{took} ms");
    let state = cluster.state(partition(0)).unwrap();
    assert!(state.leader.is_some_and(|now| now != leader));
    cluster.must_produce(partition(0), 2);
    cluster.start(leader);
    cluster.until("whole again", Cluster::all_whole);
}

#[test]
fn a_restarted_controller_remembers() {
    let mut cluster = Cluster::ready(13, &config(), 2);
    let before = cluster.state(partition(1)).unwrap();
    cluster.crash(cluster::CONTROLLER, Loss::Process);
    cluster.run(SECOND);
    cluster.start(cluster::CONTROLLER);
    cluster.run(SECOND);
    assert_eq!(cluster.state(partition(1)), Some(before));
    cluster.must_produce(partition(1), 1);
    cluster.until("whole", Cluster::all_whole);
}

#[test]
fn an_idle_cluster_does_little() {
    let mut cluster = Cluster::ready(14, &config(), 3);
    cluster.coordinator(GROUP);
    cluster.run(5 * SECOND);
    let before = cluster.steps;
    cluster.run(10 * SECOND);
    let each_second = (cluster.steps - before) / 10;
    // Six pairs fetch five times a second, in two messages and a deadline; heartbeats and checks come on top.
    assert!(each_second < 200, "{each_second} steps a second");
}

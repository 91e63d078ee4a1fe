//! Commits, fetches and the deletion of groups.

use super::*;

#[test]
fn a_commit_is_answered_and_seen_only_once_it_is_durable() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    rig.instant = false;
    let conn = rig.send_commit(id, 1, 5);
    assert_eq!((rig.committed(conn), rig.fetched()), (None, -1));
    rig.replicate();
    assert_eq!(
        (rig.committed(conn), rig.fetched()),
        (Some(ErrorCode::None), 5)
    );
    assert!(matches!(
        rig.facts.last(),
        Some(Fact::Committed { member, offset: 5, .. }) if *member == id
    ));
}

#[test]
fn a_commit_that_was_not_stored_is_not_seen() {
    let mut rig = Rig::new();
    rig.instant = false;
    let conn = rig.send_commit(MemberId::NONE, -1, 5);
    let (token, _) = rig.appending.remove(0);
    let error = Err(ErrorCode::NotLeaderOrFollower);
    rig.coordinator
        .appended(rig.now, token, error, &mut rig.out);
    rig.collect();
    assert_eq!(rig.committed(conn), Some(ErrorCode::NotCoordinator));
    assert_eq!(rig.fetched(), -1);
    let lost = rig.send_commit(MemberId::NONE, -1, 6);
    rig.fail_over(2);
    assert_eq!(rig.committed(lost), Some(ErrorCode::NotCoordinator));
    assert_eq!(rig.fetched(), -1);
}

#[test]
fn who_may_commit_when() {
    let mut rig = Rig::new();
    let simple = rig.send_commit(MemberId::NONE, -1, 1);
    assert_eq!(rig.committed(simple), Some(ErrorCode::None));
    let expect = |rig: &mut Rig, member, generation, expected| {
        let conn = rig.send_commit(member, generation, 2);
        assert_eq!(rig.committed(conn), Some(expected));
    };
    expect(&mut rig, MemberId(7), 1, ErrorCode::UnknownMemberId);
    let id = rig.stable_one();
    expect(&mut rig, id, 1, ErrorCode::None);
    expect(&mut rig, id, 0, ErrorCode::IllegalGeneration);
    expect(&mut rig, MemberId::NONE, -1, ErrorCode::UnknownMemberId);
    expect(&mut rig, MemberId(7), 1, ErrorCode::UnknownMemberId);
    rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    assert_eq!(rig.state(), GroupState::PreparingRebalance);
    expect(&mut rig, id, 1, ErrorCode::None);
    rig.send_join(&join_request(id, &[(RANGE, "a")]));
    assert_eq!(rig.state(), GroupState::CompletingRebalance);
    expect(&mut rig, id, 2, ErrorCode::RebalanceInProgress);
    expect(&mut rig, id, 1, ErrorCode::IllegalGeneration);
}

#[test]
fn the_first_commit_of_a_named_generation_in_no_group_is_illegal() {
    let mut rig = Rig::new();
    let conn = rig.send_commit(MemberId(7), 1, 1);
    assert_eq!(rig.committed(conn), Some(ErrorCode::IllegalGeneration));
    assert_eq!(rig.coordinator.list().count(), 0);
}

#[test]
fn to_commit_keeps_a_session_alive() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    for offset in 0..4 {
        rig.wait_ms(9_000);
        rig.send_commit(id, 1, offset);
    }
    assert_eq!(rig.state(), GroupState::Stable);
}

#[test]
fn metadata_that_is_too_large_fails_its_partition_alone() {
    let mut rig = Rig::new();
    let conn = rig.conn();
    let offset = |index, size: usize| CommittedOffset {
        partition: partition(index),
        offset: 1,
        leader_epoch: -1,
        metadata: Some(Blob::from(vec![b'x'; size])),
    };
    let request = OffsetCommitRequest {
        group: GROUP,
        generation: -1,
        member: MemberId::NONE,
        instance: None,
        offsets: vec![offset(0, 4_097), offset(1, 4_096)],
    };
    rig.coordinator
        .commit(rig.now, conn, CLIENT, request, Vec::new(), &mut rig.out);
    rig.collect();
    let Some(GroupReply::Commit(results)) = rig.replies.remove(&conn) else {
        panic!("no answer");
    };
    let errors = [
        (partition(0), ErrorCode::OffsetMetadataTooLarge),
        (partition(1), ErrorCode::None),
    ];
    assert_eq!(results, errors);
    let all = OffsetFetchRequest {
        group: GROUP,
        partitions: None,
    };
    let fetched = rig.coordinator.fetch_offsets(&all).offsets;
    assert_eq!(fetched.len(), 1);
    assert_eq!(fetched[0].0.partition, partition(1));
}

#[test]
fn only_an_empty_group_can_be_deleted_and_then_it_is_gone_for_good() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    let commit = rig.send_commit(id, 1, 5);
    rig.committed(commit);
    let delete = |rig: &mut Rig, name| {
        let conn = rig.conn();
        rig.coordinator.delete(rig.now, conn, &[name], &mut rig.out);
        rig.collect();
        match rig.replies.remove(&conn) {
            Some(GroupReply::Delete(results)) => results[0].1,
            other => panic!("expected a deletion, got {other:?}"),
        }
    };
    assert_eq!(delete(&mut rig, GROUP), ErrorCode::NonEmptyGroup);
    assert_eq!(delete(&mut rig, Name(77)), ErrorCode::GroupIdNotFound);
    rig.leave(id, None);
    assert_eq!(delete(&mut rig, GROUP), ErrorCode::None);
    assert_eq!(rig.state(), GroupState::Dead);
    rig.fail_over(2);
    assert_eq!((rig.state(), rig.fetched()), (GroupState::Dead, -1));
}

//! Joining, syncing, leaving and expiring.

use super::*;

#[test]
fn the_first_member_waits_for_more_up_to_its_rebalance_timeout() {
    let mut rig = Rig::with(GroupConfig::default());
    let first = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "a")]));
    rig.wait_ms(2_999);
    assert!(rig.replies.is_empty());
    let second = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    rig.wait_ms(1);
    assert!(rig.replies.is_empty(), "a new member prolongs the wait");
    rig.wait_ms(3_000);
    let (first, second) = (rig.joined(first), rig.joined(second));
    assert_eq!((first.generation, second.generation), (1, 1));
    assert_eq!(first.leader, first.member);
    assert_eq!(first.members.len(), 2);
    assert_eq!(
        (second.leader, second.members.len()),
        (first.member, 0),
        "only the leader is told of the members"
    );
}

#[test]
fn a_member_id_is_required_and_then_known() {
    let mut rig = Rig::new();
    let mut request = join_request(MemberId::NONE, &[(RANGE, "a")]);
    request.member_id_required = true;
    let refused = rig.join(&request);
    assert_eq!(refused.error, ErrorCode::MemberIdRequired);
    request.member = refused.member;
    let joined = rig.join(&request);
    assert_eq!(
        (joined.error, joined.member),
        (ErrorCode::None, refused.member)
    );
}

#[test]
fn an_id_that_was_given_out_holds_a_rebalance_up_only_for_its_session() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    let mut request = join_request(MemberId::NONE, &[(RANGE, "a")]);
    request.member_id_required = true;
    rig.join(&request);
    let rejoin = rig.send_join(&join_request(id, &[(RANGE, "a")]));
    assert_eq!(rig.state(), GroupState::PreparingRebalance);
    rig.wait_ms(SESSION_MS as u64);
    assert_eq!(rig.joined(rejoin).generation, 2);
}

#[test]
fn every_member_gets_what_the_leader_gave_it_and_none_before_it_is_stored() {
    let mut rig = Rig::new();
    rig.instant = false;
    let first = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "a")]));
    let second = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    rig.wait_ms(0);
    let (leader, follower) = (rig.joined(first).member, rig.joined(second).member);
    let waits = rig.send_sync(follower, 1, &[]);
    let leads = rig.send_sync(leader, 1, &[(leader, "0,1"), (follower, "2")]);
    assert!(rig.replies.is_empty());
    assert_eq!(rig.state(), GroupState::CompletingRebalance);
    rig.replicate();
    assert_eq!(rig.synced(waits), Ok("2".to_owned()));
    assert_eq!(rig.synced(leads), Ok("0,1".to_owned()));
    assert_eq!(rig.state(), GroupState::Stable);
    assert!(matches!(
        rig.facts.last(),
        Some(Fact::Rebalanced { generation: 1, members, .. }) if members.len() == 2
    ));
}

#[test]
fn a_failed_append_of_the_assignment_makes_everyone_join_again() {
    let mut rig = Rig::new();
    rig.instant = false;
    let joined = rig.join(&join_request(MemberId::NONE, &[(RANGE, "a")]));
    let sync = rig.send_sync(joined.member, 1, &[(joined.member, "x")]);
    let (token, _) = rig.appending.remove(0);
    let error = Err(ErrorCode::NotEnoughReplicas);
    rig.coordinator
        .appended(rig.now, token, error, &mut rig.out);
    rig.collect();
    assert_eq!(rig.synced(sync), Err(ErrorCode::CoordinatorNotAvailable));
    assert_eq!(rig.state(), GroupState::PreparingRebalance);
}

#[test]
fn a_follower_that_joins_again_unchanged_keeps_its_generation_and_a_leader_does_not() {
    let mut rig = Rig::new();
    let first = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "a")]));
    let second = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    rig.wait_ms(0);
    let (leader, follower) = (rig.joined(first).member, rig.joined(second).member);
    rig.send_sync(leader, 1, &[]);
    rig.send_sync(follower, 1, &[]);
    let again = rig.join(&join_request(follower, &[(RANGE, "b")]));
    assert_eq!((again.generation, rig.state()), (1, GroupState::Stable));
    let changed = rig.send_join(&join_request(follower, &[(RANGE, "b2")]));
    assert_eq!(rig.state(), GroupState::PreparingRebalance);
    assert_eq!(
        rig.heartbeat(leader, 1),
        ErrorCode::RebalanceInProgress,
        "heartbeats tell the others to join again"
    );
    let leads = rig.send_join(&join_request(leader, &[(RANGE, "a")]));
    assert_eq!(rig.joined(changed).generation, 2);
    assert_eq!(rig.joined(leads).generation, 2);
    rig.send_sync(leader, 2, &[]);
    rig.send_sync(follower, 2, &[]);
    rig.send_join(&join_request(leader, &[(RANGE, "a")]));
    assert_eq!(rig.state(), GroupState::PreparingRebalance);
}

#[test]
fn who_does_not_join_again_in_time_is_out() {
    let mut rig = Rig::new();
    let late = rig.stable_one();
    let new = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    // It goes on with heartbeats, so it is the rebalance timeout that ends it.
    for _ in 0..5 {
        rig.wait_ms(5_000);
        assert_eq!(rig.heartbeat(late, 1), ErrorCode::RebalanceInProgress);
    }
    assert!(rig.replies.is_empty());
    rig.wait_ms(5_000);
    let joined = rig.joined(new);
    assert_eq!((joined.generation, joined.leader), (2, joined.member));
    assert_eq!(rig.removed(), [(late, Why::RebalanceTimeout)]);
    assert_eq!(rig.heartbeat(late, 1), ErrorCode::UnknownMemberId);
}

#[test]
fn who_does_not_sync_in_time_is_out() {
    let mut rig = Rig::new();
    let joined = rig.join(&join_request(MemberId::NONE, &[(RANGE, "a")]));
    for _ in 0..6 {
        rig.wait_ms(5_000);
        rig.heartbeat(joined.member, 1);
    }
    assert_eq!(rig.removed(), [(joined.member, Why::RebalanceTimeout)]);
    assert_eq!(rig.state(), GroupState::Empty);
}

#[test]
fn only_silence_ends_a_session() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    for conn in 1..=rig.last_conn {
        rig.coordinator.closed(ConnId(conn));
    }
    rig.wait_ms(9_999);
    assert_eq!(rig.heartbeat(id, 1), ErrorCode::None);
    rig.wait_ms(9_999);
    assert_eq!(rig.state(), GroupState::Stable);
    rig.wait_ms(1);
    assert_eq!(rig.state(), GroupState::Empty);
    assert_eq!(rig.removed(), [(id, Why::SessionTimeout)]);
}

#[test]
fn a_member_that_waits_is_not_silent_even_when_its_connection_is_gone() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    let other = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    let waits = rig.send_join(&join_request(id, &[(RANGE, "a")]));
    let (leader, follower) = (rig.joined(waits).member, rig.joined(other).member);
    let conn = rig.send_sync(follower, 2, &[]);
    rig.coordinator.closed(conn);
    for _ in 0..3 {
        rig.wait_ms(8_000);
        rig.heartbeat(leader, 2);
    }
    assert_eq!(rig.removed(), []);
    rig.send_sync(leader, 2, &[]);
    assert!(!rig.replies.contains_key(&conn), "nobody listens there");
    rig.wait_ms(u64::from(SESSION_MS.unsigned_abs()));
    assert!(rig.removed().contains(&(follower, Why::SessionTimeout)));
}

#[test]
fn leaving_rebalances_the_rest_and_empties_the_group() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    assert_eq!(rig.leave(MemberId(5), None), ErrorCode::UnknownMemberId);
    assert_eq!(rig.leave(id, None), ErrorCode::None);
    assert_eq!(rig.state(), GroupState::Empty);
    assert_eq!(rig.leave(id, None), ErrorCode::UnknownMemberId);
    assert_eq!(rig.removed(), [(id, Why::Left)]);
}

#[test]
fn members_vote_among_the_protocols_that_all_know() {
    let mut rig = Rig::new();
    let both = [(RANGE, "r"), (STICKY, "s")];
    let other = [(STICKY, "s"), (RANGE, "r")];
    let conns = [&both, &other, &other].map(|p| rig.send_join(&join_request(MemberId::NONE, p)));
    rig.wait_ms(0);
    for conn in conns {
        assert_eq!(rig.joined(conn).protocol, Some(STICKY));
    }
    let stranger = rig.send_join(&join_request(MemberId::NONE, &[(Name(99), "?")]));
    assert_eq!(
        rig.joined(stranger).error,
        ErrorCode::InconsistentGroupProtocol
    );
}

#[test]
fn bad_requests_get_kafkas_errors() {
    let mut rig = Rig::new();
    for (session_ms, expected) in [
        (5_999, ErrorCode::InvalidSessionTimeout),
        (1_800_001, ErrorCode::InvalidSessionTimeout),
    ] {
        let mut request = join_request(MemberId::NONE, &[(RANGE, "a")]);
        request.session_timeout_ms = session_ms;
        assert_eq!(rig.join(&request).error, expected);
    }
    let unknown = join_request(MemberId(7), &[(RANGE, "a")]);
    assert_eq!(rig.join(&unknown).error, ErrorCode::UnknownMemberId);
    let nothing = join_request(MemberId::NONE, &[]);
    assert_eq!(
        rig.join(&nothing).error,
        ErrorCode::InconsistentGroupProtocol
    );
    let id = rig.stable_one();
    let stale = rig.send_sync(id, 0, &[]);
    assert_eq!(rig.synced(stale), Err(ErrorCode::IllegalGeneration));
    assert_eq!(rig.heartbeat(id, 9), ErrorCode::IllegalGeneration);
    assert_eq!(rig.heartbeat(MemberId(7), 1), ErrorCode::UnknownMemberId);
}

#[test]
fn a_full_group_takes_nobody_more() {
    let mut rig = Rig::with(GroupConfig {
        group_initial_rebalance_delay_ms: 0,
        group_max_size: 1,
        ..GroupConfig::default()
    });
    rig.stable_one();
    let extra = rig.join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    assert_eq!(extra.error, ErrorCode::GroupMaxSizeReached);
    assert_eq!(rig.state(), GroupState::Stable);
}

#[test]
fn a_new_coordinator_goes_on_with_the_stored_generation() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    let waits = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    rig.fail_over(2);
    assert_eq!(rig.joined(waits).error, ErrorCode::NotCoordinator);
    assert_eq!(rig.state(), GroupState::Stable);
    assert_eq!(rig.heartbeat(id, 1), ErrorCode::None);
    let sync = rig.send_sync(id, 1, &[]);
    assert_eq!(rig.synced(sync), Ok("all".to_owned()));
    rig.wait_ms(u64::from(SESSION_MS.unsigned_abs()));
    assert_eq!(rig.removed(), [(id, Why::SessionTimeout)]);
}

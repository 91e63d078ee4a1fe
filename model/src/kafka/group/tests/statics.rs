//! Static members (KIP-345, KIP-814).

use super::*;

const INSTANCE: Name = Name(30);

fn request(member: MemberId, metadata: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        instance: Some(INSTANCE),
        ..join_request(member, &[(RANGE, metadata)])
    }
}

fn stable_static(rig: &mut Rig) -> MemberId {
    let id = rig.join(&request(MemberId::NONE, "a")).member;
    let conn = rig.send_sync(id, 1, &[(id, "mine")]);
    assert_eq!(rig.synced(conn), Ok("mine".to_owned()));
    id
}

#[test]
fn a_restarted_instance_takes_its_share_over_without_a_rebalance() {
    let mut rig = Rig::new();
    let old = stable_static(&mut rig);
    let again = rig.join(&request(MemberId::NONE, "a"));
    assert_eq!((again.error, again.generation), (ErrorCode::None, 1));
    assert!(again.skip_assignment && again.leader == again.member);
    assert_ne!(again.member, old);
    let sync = rig.send_sync(again.member, 1, &[]);
    assert_eq!(rig.synced(sync), Ok("mine".to_owned()));
    assert_eq!(rig.removed(), [(old, Why::Replaced)]);
    rig.fail_over(2);
    assert_eq!(rig.heartbeat(again.member, 1), ErrorCode::None);
}

#[test]
fn the_instance_that_was_replaced_is_fenced() {
    let mut rig = Rig::new();
    let old = stable_static(&mut rig);
    rig.join(&request(MemberId::NONE, "a"));
    assert_eq!(
        rig.join(&request(old, "a")).error,
        ErrorCode::FencedInstanceId
    );
    assert_eq!(rig.leave(old, Some(INSTANCE)), ErrorCode::FencedInstanceId);
    assert_eq!(rig.heartbeat(old, 1), ErrorCode::UnknownMemberId);
}

#[test]
fn an_instance_that_cannot_speak_the_protocol_any_more_rebalances() {
    let mut rig = Rig::new();
    let both = JoinGroupRequest {
        protocols: vec![(RANGE, blob("r")), (STICKY, blob("s"))],
        ..request(MemberId::NONE, "")
    };
    let id = rig.join(&both).member;
    rig.send_sync(id, 1, &[(id, "mine")]);
    let other = JoinGroupRequest {
        protocols: vec![(STICKY, blob("s"))],
        ..request(MemberId::NONE, "")
    };
    let again = rig.join(&other);
    assert_eq!((again.generation, again.protocol), (2, Some(STICKY)));
}

#[test]
fn an_absent_instance_holds_its_place_until_its_session_ends() {
    let mut rig = Rig::new();
    let away = stable_static(&mut rig);
    let other = rig.send_join(&join_request(MemberId::NONE, &[(RANGE, "b")]));
    rig.heartbeat(away, 1);
    rig.wait_ms(u64::from(SESSION_MS.unsigned_abs()));
    let joined = rig.joined(other);
    assert_eq!((joined.generation, joined.members.len()), (2, 1));
    assert_eq!(rig.removed(), [(away, Why::SessionTimeout)]);
}

#[test]
fn an_administrator_removes_an_instance_by_its_name() {
    let mut rig = Rig::new();
    let id = stable_static(&mut rig);
    assert_eq!(
        rig.leave(MemberId::NONE, Some(Name(31))),
        ErrorCode::UnknownMemberId
    );
    assert_eq!(rig.leave(MemberId::NONE, Some(INSTANCE)), ErrorCode::None);
    assert_eq!(rig.removed(), [(id, Why::Left)]);
}

#[test]
fn a_replacement_that_cannot_be_stored_has_to_join_again() {
    let mut rig = Rig::new();
    stable_static(&mut rig);
    rig.instant = false;
    let conn = rig.send_join(&request(MemberId::NONE, "a"));
    assert!(rig.replies.is_empty());
    let (token, _) = rig.appending.remove(0);
    let error = Err(ErrorCode::NotEnoughReplicas);
    rig.coordinator
        .appended(rig.now, token, error, &mut rig.out);
    rig.collect();
    assert_eq!(rig.joined(conn).error, ErrorCode::UnknownMemberId);
}

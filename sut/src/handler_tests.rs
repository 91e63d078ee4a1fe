//! Every service alone, and every planted bug: what the correct handler keeps, the planted one loses.

use crate::bugs::{Bug, Bugs};
use crate::service::Service;
use crate::settings::Settings;
use crate::testing::{End, World, live};
use squall_env::Request;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const ENOUGH: Duration = Duration::from_secs(120);
const COUNT: u32 = 20;

type Shared = Rc<RefCell<World>>;

fn settings(service: Service, bugs: &[Bug]) -> Settings {
    let mut settings = Settings::new(service, "test:1");
    settings.bugs = bugs.iter().copied().collect::<Bugs>();
    settings
}

fn world_of_signups() -> Shared {
    let world = Shared::default();
    (0..COUNT).for_each(|number| world.borrow_mut().sign_up(number));
    world
}

fn all_ids() -> Vec<String> {
    (0..COUNT).map(|number| number.to_string()).collect()
}

/// Crashes at every step that there is, each time on a fresh world, lives on, and gives the ids that the sink has then.
fn after_each_crash(
    settings: &Settings,
    fresh: impl Fn() -> Shared,
    sink: impl Fn(&World) -> Vec<String>,
) -> Vec<Vec<String>> {
    let mut seen = Vec::new();
    for fuel in 0..10_000 {
        let world = fresh();
        let end = live(&world, settings, Some(fuel), ENOUGH);
        if end == End::Crashed {
            assert_eq!(live(&world, settings, None, ENOUGH), End::Stopped);
        }
        seen.push(sink(&world.borrow()));
        if end == End::Stopped {
            return seen;
        }
    }
    panic!("it never ended");
}

fn lost(ids: &[String]) -> bool {
    all_ids().iter().any(|id| !ids.contains(id))
}

fn doubled(ids: &[String]) -> bool {
    ids.windows(2).any(|pair| pair[0] == pair[1])
}

fn rows(world: &World) -> Vec<String> {
    world.ids_of_rows("users")
}

#[test]
fn correct_consumers_do_each_effect_exactly_once_wherever_they_crash() {
    for ids in after_each_crash(&settings(Service::ConsumerDb, &[]), world_of_signups, rows) {
        assert_eq!(ids, all_ids());
    }
    let email = settings(Service::ConsumerEmail, &[]);
    for ids in after_each_crash(&email, world_of_signups, World::ids_of_mails) {
        assert_eq!(ids, all_ids());
    }
}

#[test]
fn commit_before_effect_loses_at_a_crash_and_at_no_other_time() {
    for service in [Service::ConsumerDb, Service::ConsumerEmail] {
        let planted = settings(service, &[Bug::CommitBeforeEffect]);
        let sink = |world: &World| match service {
            Service::ConsumerDb => rows(world),
            _ => world.ids_of_mails(),
        };
        let seen = after_each_crash(&planted, world_of_signups, sink);
        assert!(seen.iter().filter(|ids| lost(ids)).count() > COUNT as usize / 2);
        assert_eq!(seen.last(), Some(&all_ids()));
        assert!(!seen.iter().any(|ids| doubled(ids)));
    }
}

#[test]
fn auto_commit_beside_the_handler_loses_at_a_crash() {
    let mut planted = settings(Service::ConsumerDb, &[Bug::AutoCommitAsync]);
    planted.rows.delay = Duration::from_millis(1);
    let seen = after_each_crash(&planted, world_of_signups, rows);
    assert!(seen.iter().any(|ids| lost(ids)));
    assert_eq!(seen.last(), Some(&all_ids()));
}

#[test]
fn missing_idempotence_doubles_at_a_crash_and_loses_nothing() {
    for service in [Service::ConsumerDb, Service::ConsumerEmail] {
        let planted = settings(service, &[Bug::MissingIdempotence]);
        let sink = |world: &World| match service {
            Service::ConsumerDb => rows(world),
            _ => world.ids_of_mails(),
        };
        let seen = after_each_crash(&planted, world_of_signups, sink);
        assert!(seen.iter().any(|ids| doubled(ids)));
        assert!(!seen.iter().any(|ids| lost(ids)));
    }
}

#[test]
fn trouble_that_passes_is_outlived_unless_the_retry_is_dropped() {
    let with = |bugs: &[Bug]| {
        let world = world_of_signups();
        world.borrow_mut().mail_failures = 7;
        let settings = settings(Service::ConsumerEmail, bugs);
        assert_eq!(live(&world, &settings, None, ENOUGH), End::Stopped);
        let world = world.borrow();
        assert!(world.ids_in("signups-dead-letters").is_empty());
        world.ids_of_mails()
    };
    assert_eq!(with(&[]), all_ids());
    assert_eq!(with(&[Bug::DroppedRetry]), all_ids()[7..]);
}

#[test]
fn a_row_that_the_store_refuses_takes_no_other_with_it() {
    let world = Shared::default();
    for (id, user) in [("1", "a"), ("2", "\\u0000"), ("3", "c")] {
        let data = format!(r#"{{"user":"{user}","email":"u@squall.test"}}"#);
        let headers = [("ce_id", id), ("ce_type", "user_signup")];
        world.borrow_mut().put("signups", &headers, &data);
    }
    let db = settings(Service::ConsumerDb, &[]);
    assert_eq!(live(&world, &db, None, ENOUGH), End::Stopped);
    let world = world.borrow();
    assert_eq!(world.ids_of_rows("users"), ["1", "3"]);
    assert_eq!(world.ids_in("signups-dead-letters"), ["2"]);
}

#[test]
fn trouble_that_stays_ends_in_the_dead_letter_topic() {
    let world = world_of_signups();
    world.borrow_mut().mail_failures = u32::MAX;
    let settings = settings(Service::ConsumerEmail, &[]);
    live(&world, &settings, None, ENOUGH);
    let world = world.borrow();
    assert_eq!(world.ids_in("signups-dead-letters"), all_ids());
    let letter = &world.topics["signups-dead-letters"][3];
    assert_eq!(letter.headers.text("dlq_kind"), Some("retries-exhausted"));
    assert_eq!(letter.headers.text("dlq_offset"), Some("3"));
    assert_eq!(world.committed["consumer-email"], u64::from(COUNT));
}

#[test]
fn poison_is_dead_lettered_once_settled_unless_it_is_swallowed() {
    let with = |bugs: &[Bug]| {
        let world = Shared::default();
        {
            let mut world = world.borrow_mut();
            let head = [("ce_id", "p1"), ("ce_type", "user_signup")];
            world.put("signups", &head, "{");
            world.put(
                "signups",
                &[("ce_id", "p2"), ("ce_type", "user_signup")],
                "{}",
            );
            world.put("signups", &[("ce_id", "p3")], "[]");
            world.put("signups", &[("ce_id", "i"), ("ce_type", "unheard_of")], "{");
            world.sign_up(0);
            let structured = r#"{"type":"user_signup","id":"s","data":{"user":"u","email":"a@b"}}"#;
            world.put("signups", &[], structured);
        }
        let settings = settings(Service::ConsumerDb, bugs);
        live(&world, &settings, None, ENOUGH);
        let world = world.borrow();
        assert_eq!(rows(&world), ["0", "s"]);
        assert_eq!(world.committed["consumer-db"], 6);
        world.ids_in("signups-dead-letters")
    };
    assert_eq!(with(&[]), ["p1", "p2", "p3"]);
    assert!(with(&[Bug::SwallowedDeadLetter]).is_empty());
}

#[test]
fn coupled_consumers_write_no_row_while_mail_is_down() {
    let with = |bugs: &[Bug]| {
        let world = world_of_signups();
        world.borrow_mut().mail_failures = 10_000;
        live(
            &world,
            &settings(Service::ConsumerDb, bugs),
            None,
            Duration::from_secs(5),
        );
        rows(&world.borrow()).len()
    };
    assert_eq!(with(&[]), COUNT as usize);
    assert_eq!(with(&[Bug::CoupledConsumers]), 0);
}

#[test]
fn acks_1_is_asked_of_the_client() {
    for (bugs, acks) in [(&[][..], None), (&[Bug::Acks1], Some("1"))] {
        let world = Shared::default();
        live(&world, &settings(Service::Producer, bugs), None, ENOUGH);
        let world = world.borrow();
        assert_eq!(world.producer_settings[0].client.get("acks"), acks);
    }
}

#[test]
fn the_relay_loses_nothing_at_a_crash_unless_it_commits_first() {
    let fresh = || {
        let world = Shared::default();
        for id in all_ids() {
            world.borrow_mut().put("in", &[("ce_id", &id)], "x");
        }
        world
    };
    let out = |world: &World| {
        let mut ids = world.ids_in("out");
        ids.sort_by_key(|id| (id.len(), id.clone()));
        ids
    };
    let correct = after_each_crash(&settings(Service::Relay, &[]), fresh, out);
    assert!(!correct.iter().any(|ids| lost(ids)));
    assert_eq!(correct.last(), Some(&all_ids()));
    let mut planted = settings(Service::Relay, &[Bug::CommitBeforeEffect]);
    planted.batch_max = 5;
    planted.rows.delay = Duration::from_millis(1);
    let seen = after_each_crash(&planted, fresh, out);
    assert!(seen.iter().any(|ids| lost(ids)));
    assert_eq!(seen.last(), Some(&all_ids()));
}

fn post(headers: &[(&str, &str)], body: &str) -> Request {
    Request {
        method: "POST".to_owned(),
        path: "/event".to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn the_producer_sends_cloud_events_and_answers_with_their_place() {
    let world = Shared::default();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let body = r#"{"type":"user_signup","data":{"user":"u","email":"a@b.test"}}"#;
    world.borrow_mut().requests = vec![
        post(&[("ce-id", "7-0-1"), ("traceparent", trace)], body),
        post(&[], body),
        post(&[("ce-id", "two\nlines")], body),
        post(&[("content-type", "text/plain")], body),
        post(&[], r#"{"type":"user_signup"}"#),
        post(&[], r#"{"type":"user_signup","data":{"email":"a@b.test"}}"#),
    ];
    live(&world, &settings(Service::Producer, &[]), None, ENOUGH);
    let world = world.borrow();
    let statuses: Vec<u16> = world.responses.values().map(|one| one.status).collect();
    assert_eq!(statuses, [201, 201, 400, 415, 422, 422]);
    let body: serde_json::Value = serde_json::from_slice(&world.responses[&0].body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"id": "7-0-1", "partition": 0, "offset": 0})
    );
    let events = &world.topics["signups"];
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].key.as_deref(), Some(&b"u"[..]));
    let headers = &events[0].headers;
    assert_eq!(headers.text("ce_specversion"), Some("1.0"));
    assert_eq!(headers.text("ce_type"), Some("user_signup"));
    let passed_on = headers.text("traceparent").unwrap();
    assert_eq!(passed_on[..36], trace[..36], "the same trace");
    assert_ne!(passed_on, trace, "a span of its own");
    assert_eq!(events[1].headers.text("ce_id").unwrap().len(), 36);
}

#[test]
fn a_broker_that_does_not_answer_is_no_yes_and_no_definite_no() {
    let world = Shared::default();
    world.borrow_mut().broker_silent = true;
    let body = r#"{"type":"order_placed","data":{"user":"u","order":"o"}}"#;
    world.borrow_mut().requests = vec![post(&[("ce-id", "x")], body)];
    live(&world, &settings(Service::Producer, &[]), None, ENOUGH);
    let world = world.borrow();
    let response = &world.responses[&0];
    assert_eq!(response.status, 504);
    assert!(
        !response
            .headers
            .iter()
            .any(|(name, _)| *name == "x-not-taken")
    );
}

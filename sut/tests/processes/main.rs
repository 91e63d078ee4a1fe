//! The services as they run for real, against librdkafka's mock cluster: each on a thread of its own with its own `Env`.
#![allow(clippy::unwrap_used)]

mod mail;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_server;
mod smtp;
mod world;

use rdkafka::mocking::MockCluster;
use squall_sut::Service;
use std::time::{Duration, Instant};
use world::{Http, World, bus_of, count_rows, wait_until};

#[test]
fn an_accepted_event_becomes_a_mail_and_a_row_and_a_bad_one_a_reason() {
    let world = World::new();
    let producer = world.start(Service::Producer);
    let email = world.start(Service::ConsumerEmail);
    let db = world.start(Service::ConsumerDb);
    for service in [&producer, &email, &db] {
        service.wait_until_ready();
    }
    let mut http = Http::connect(producer.port);
    for number in 0..50 {
        let body = format!(
            r#"{{"type":"user_signup","data":{{"user":"u{number}","email":"u{number}@squall.test"}}}}"#
        );
        let id = format!("7-0-{number}");
        let (status, body) = http.post("/event", &[("ce-id", &id)], body.as_bytes());
        assert_eq!(status, 201, "{body}");
        assert!(body.contains(&format!("\"id\":\"{id}\"")), "{body}");
        assert!(body.contains("\"offset\":"), "{body}");
    }
    for (status, reason, body) in [
        (400, "line 1 column 1", "{"),
        (422, "\"pointer\":\"/type\"", r#"{"type":"x","data":{}}"#),
        (
            422,
            "\"pointer\":\"/data/email\"",
            r#"{"type":"user_signup","data":{"user":"u","email":"e"}}"#,
        ),
    ] {
        let (got, text) = http.post("/event", &[], body.as_bytes());
        assert_eq!(got, status, "{text}");
        assert!(text.contains(reason), "{text}");
    }
    assert_eq!(http.post("/other", &[], b"{}").0, 404);
    assert_eq!(http.get("/event").0, 405);
    wait_until("every row", || count_rows(&world.database(), "users") == 50);
    wait_until("every mail", || world.mails().len() == 50);
    let mail = std::fs::read_to_string(world.maildir().join("new/7-0-17")).unwrap();
    assert!(mail.contains("X-Event-Id: 7-0-17"), "{mail}");

    let (_, metrics) = Http::connect(db.port).get("/metrics");
    assert!(
        metrics.contains("signup_events_total{outcome=\"handled\"} 50"),
        "{metrics}"
    );
    let oversized = vec![b' '; (1 << 20) + 1];
    assert_eq!(
        Http::connect(producer.port)
            .post("/event", &[], &oversized)
            .0,
        413
    );
    for service in [producer, email, db] {
        service.stop();
    }
}

#[test]
fn a_poison_event_is_dead_lettered_and_holds_nobody_up() {
    let world = World::new();
    let db = world.start(Service::ConsumerDb);
    db.wait_until_ready();
    let row = br#"{"user":"u","email":"u@squall.test"}"#;
    world.send(
        "signups",
        &[("ce_id", "1"), ("ce_type", "user_signup")],
        b"{",
    );
    world.send(
        "signups",
        &[("ce_id", "2"), ("ce_type", "user_signup")],
        row,
    );
    world.send(
        "signups",
        &[("ce_id", "3"), ("ce_type", "nobody_knows")],
        b"{",
    );
    wait_until("the row", || count_rows(&world.database(), "users") == 1);
    let letters = world.receive("signups-dead-letters", 1);
    let headers = &letters[0].event.headers;
    assert_eq!(headers.text("ce_id"), Some("1"));
    assert_eq!(headers.text("dlq_kind"), Some("poison"));
    assert_eq!(headers.text("dlq_service"), Some("consumer-db"));
    db.stop();
}

#[test]
fn the_relay_passes_everything_on_with_its_id() {
    let world = World::new();
    let relay = world.start(Service::Relay);
    let ids: Vec<String> = (0..2000).map(|number| format!("7-0-{number}")).collect();
    world.fill("in", 2000);
    let mut out: Vec<String> = world
        .receive("out", ids.len())
        .iter()
        .map(|one| one.event.headers.text("ce_id").unwrap().to_owned())
        .collect();
    out.sort_unstable_by_key(|id| id[4..].parse::<u32>().unwrap());
    assert_eq!(out, ids);
    relay.stop();
}

#[test]
fn without_a_broker_the_producer_says_what_it_does_not_know() {
    let world = World::new();
    let mut settings = world.settings(Service::Producer);
    settings.ack_timeout = Duration::from_millis(1500);
    let producer = world.start_with(settings);
    producer.wait_until_ready();
    world.mock.broker_down(1).unwrap();
    let body = br#"{"type":"user_signup","data":{"user":"u","email":"u@squall.test"}}"#;
    let (status, text) = Http::connect(producer.port).post("/event", &[], body);
    assert!(status == 503 || status == 504, "{status} {text}");
    producer.stop();
}

/// `cargo test --release -p squall-sut --features process -- --ignored --nocapture rate`. The mock cluster and the load
/// share the cores with the service.
#[test]
#[ignore = "a measurement"]
fn relay_rate() {
    let world = World::new();
    // The mock keeps no more than 5 MiB a partition.
    let count = 80_000;
    world.fill("in", count);
    let relay = world.start(Service::Relay);
    relay.wait_until_ready();
    let start = Instant::now();
    let count_out = || {
        let (_, metrics) = Http::connect(relay.port).get("/metrics");
        metrics
            .lines()
            .find_map(|line| line.strip_prefix("relay_events_total{stage=\"sent\"} "))
            .map_or(0, |number| number.parse::<u32>().unwrap())
    };
    wait_until("all", || count_out() >= count);
    println!(
        "relayed {:.0}/s",
        f64::from(count) / start.elapsed().as_secs_f64()
    );
    relay.stop();
}

#[test]
#[ignore = "a measurement"]
fn producer_rate() {
    let world = World::new();
    let producer = world.start(Service::Producer);
    producer.wait_until_ready();
    let start = Instant::now();
    let each = 2000;
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let port = producer.port;
            std::thread::spawn(move || {
                let mut http = Http::connect(port);
                for number in 0..each {
                    let body = format!(
                        r#"{{"type":"user_signup","data":{{"user":"u{caller}","email":"{number}@squall.test"}}}}"#
                    );
                    assert_eq!(http.post("/event", &[], body.as_bytes()).0, 201);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
    let rate = f64::from(each * 64) / start.elapsed().as_secs_f64();
    println!("answered {rate:.0} requests/s");
    producer.stop();
}

#[test]
#[ignore = "a measurement"]
fn sink_rate() {
    let world = World::new();
    let count = 4000;
    world.fill_signups(count);
    for (service, what) in [
        (Service::ConsumerDb, "rows"),
        (Service::ConsumerEmail, "mails"),
    ] {
        let running = world.start(service);
        running.wait_until_ready();
        let start = Instant::now();
        wait_until(what, || match service {
            Service::ConsumerDb => count_rows(&world.database(), "users") as u32 == count,
            _ => world.mails().len() as u32 == count,
        });
        println!(
            "{what} {:.0}/s",
            f64::from(count) / start.elapsed().as_secs_f64()
        );
        running.stop();
    }
}

/// The mock cluster stays with the world, and the topics exist before anybody asks.
fn cluster() -> MockCluster<'static, rdkafka::producer::DefaultProducerContext> {
    let mock = MockCluster::new(1).unwrap();
    for topic in ["signups", "signups-dead-letters", "in", "out"] {
        mock.create_topic(topic, 3, 1).unwrap();
    }
    let _ = bus_of(&mock);
    mock
}

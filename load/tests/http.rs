//! The HTTP entry against servers that behave, and servers that do not.

#![allow(clippy::unwrap_used)]

mod support;

use proptest::prelude::*;
use squall_check::Kind;
use squall_load::Target;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::server::{Act, Server, answer, ok};
use support::{http, latencies, run, run_with, spec, wait_for};

fn to(server: &Server) -> Target {
    Target::Http {
        addresses: vec![server.address],
    }
}

#[test]
fn requests_carry_id_body_and_headers_and_answers_carry_places() {
    let server = Server::start(|request| {
        ok(&format!(
            "{{\"partition\":2,\"offset\":{}}}",
            request.sequence() + 100
        ))
    });
    let mut load = http();
    load.headers.insert("ce-time".into(), "{{time}}".into());
    let (report, ops) = run(spec(load, 200, 500_000), to(&server));
    assert_eq!(report.accepted, 200);
    assert_eq!(report.statuses, BTreeMap::from([(202, 200)]));
    for op in ops.iter().filter(|op| op.kind == Kind::Accepted) {
        assert_eq!(
            (op.partition, op.offset),
            (2, op.event.sequence() as i64 + 100)
        );
    }
    let requests = server.requests.lock().unwrap();
    let first = requests
        .iter()
        .find(|request| request.sequence() == 0)
        .unwrap();
    assert_eq!(first.line, "POST /event HTTP/1.1");
    assert_eq!(first.headers["ce-id"], "7421-0-0");
    assert_eq!(first.headers["content-type"], "application/json");
    assert_eq!(first.headers["ce-time"], "2026-11-21T07:59:59.020000Z");
    assert_eq!(
        first.body,
        r#"{"type":"user_signup","data":{"user":"k0","said":"a \"b\"\n"}}"#
    );
    assert!(server.connections.load(Ordering::Relaxed) <= 64);
}

#[test]
fn connections_are_kept_and_bounded() {
    let server = Server::start(|_| ok(""));
    let mut load = http();
    load.connections = 3;
    let (report, _) = run(spec(load, 500, 100_000), to(&server));
    assert_eq!(report.accepted, 500);
    assert!(server.connections.load(Ordering::Relaxed) <= 3);
}

#[test]
fn a_stall_of_three_seconds_shows_as_at_least_as_much() {
    let begun = std::sync::OnceLock::new();
    // From the first request on the server answers nobody for three seconds.
    let server = Server::start(move |_| {
        let until = *begun.get_or_init(Instant::now) + Duration::from_secs(3);
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        ok("")
    });
    let mut load = http();
    load.connections = 4;
    let (report, ops) = run(spec(load, 4_000, 1_000_000), to(&server));
    assert_eq!(report.accepted, 4_000);
    let latencies = latencies(&ops);
    assert!(latencies[&0] >= 3_000_000_000, "{}", latencies[&0]);
    // Events that had no connection waited all the same, from their intended time.
    assert!(latencies[&100] >= 2_850_000_000, "{}", latencies[&100]);
    assert!(
        report.sending.max_ns >= 2_850_000_000,
        "{:?}",
        report.sending
    );
    // A dispatcher that waited for the server would have 3,000 late ones; this one's machine may hold it up for half of that.
    assert!(
        report.sent_late > 2_000 && report.late < 1_500,
        "{report:?}"
    );
}

#[test]
fn a_dispatcher_that_was_stalled_catches_up_without_skipping() {
    let server = Server::start(|_| ok(""));
    let mut spec = spec(http(), 600, 2_000_000);
    let arrivals = std::mem::replace(&mut spec.arrivals, Box::new(std::iter::empty()));
    // The stall sits where preemption would: on the dispatcher's thread.
    spec.arrivals = Box::new(arrivals.inspect(|arrival| {
        if arrival.sequence == 50 {
            std::thread::sleep(Duration::from_secs(1));
        }
    }));
    let (report, ops) = run(spec, to(&server));
    assert_eq!((report.offered, report.accepted), (600, 600));
    let slowest = latencies(&ops).into_values().max().unwrap();
    assert!(slowest >= 980_000_000, "{slowest}");
    assert!(report.pacing.max_ns >= 980_000_000, "{:?}", report.pacing);
    assert!(report.late >= 400, "{}", report.late);
}

#[test]
fn nobody_listening_is_a_rejection() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (report, _) = run(
        spec(http(), 50, 200_000),
        Target::Http {
            addresses: vec![address],
        },
    );
    assert_eq!(report.rejected, 50);
    assert_eq!(
        report.causes,
        BTreeMap::from([("connection refused".to_owned(), 50)])
    );
}

#[test]
fn silence_is_indeterminate_and_waiting_in_vain_a_rejection() {
    let server = Server::start(|_| Act::Silence);
    let mut load = http();
    load.connections = 2;
    load.timeout_ns = 3_000_000_000;
    let (report, _) = run(spec(load, 10, 1_000), to(&server));
    assert!(report.indeterminate >= 2, "{report:?}");
    assert_eq!(report.causes["no answer in time"], report.indeterminate);
    assert_eq!(
        report
            .causes
            .get("no connection free in time")
            .copied()
            .unwrap_or(0),
        report.rejected
    );
    assert_eq!(report.indeterminate + report.rejected, 10);
}

#[test]
fn a_connection_closed_while_idle_costs_no_event() {
    let server = Server::start(|_| Act::Last(answer(202, "")));
    let (report, _) = run(spec(http(), 100, 3_000_000), to(&server));
    // The close may also arrive while the next request is being written: then nobody knows, and it must say so.
    assert_eq!(report.accepted + report.indeterminate, 100);
    assert!(report.accepted > 50, "{report:?}");
}

#[test]
fn stopping_ends_the_load_early_with_all_outcomes() {
    let server = Server::start(|_| ok(""));
    let (report, _) = run_with(spec(http(), 1_000_000, 1_000_000), to(&server), |running| {
        wait_for("events", || running.progress().dispatched > 50);
        running.stop();
    });
    assert!(report.stopped && report.offered < 100_000);
    assert_eq!(report.accepted, report.offered);
}

/// Every way in which a server can treat a request, and what it means.
fn treat(way: u8) -> (Act, &'static [Kind]) {
    const UNKNOWN: &[Kind] = &[Kind::Indeterminate];
    const TAKEN: &[Kind] = &[Kind::Accepted];
    const NOT_TAKEN: &[Kind] = &[Kind::Rejected];
    let chunked = "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    match way {
        0 => (ok("{}"), TAKEN),
        1 => (Act::Say(chunked.into()), TAKEN),
        2 => (
            Act::Pieces(
                vec![
                    "HTTP/1.1 20".into(),
                    "0 X\r\ncontent-le".into(),
                    "ngth: 1\r\n\r\n".into(),
                    "x".into(),
                ],
                Duration::from_millis(2),
            ),
            TAKEN,
        ),
        3 => (Act::Say(answer(400, "{\"error\":\"no\"}")), NOT_TAKEN),
        4 => (Act::Say(answer(500, "")), UNKNOWN),
        5 => (
            Act::Say("HTTP/1.1 503 X\r\nx-not-taken: 1\r\ncontent-length: 0\r\n\r\n".into()),
            NOT_TAKEN,
        ),
        6 => (Act::Say(answer(503, "")), UNKNOWN),
        7 => (Act::Reset, UNKNOWN),
        8 => (
            Act::Last("HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\nhalf".into()),
            UNKNOWN,
        ),
        9 => (Act::Last("\u{1}garbage\r\n\r\n".into()), UNKNOWN),
        10 => (Act::Last(String::new()), UNKNOWN),
        11 => (
            Act::Last("HTTP/1.1 200 X\r\nconnection: close\r\n\r\nuntil the end".into()),
            TAKEN,
        ),
        _ => (Act::Say(answer(429, "")), NOT_TAKEN),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn each_event_ends_in_what_its_treatment_means(ways in prop::collection::vec(0_u8..13, 1..120), connections in 1_u32..20) {
        let treatments = ways.clone();
        let server = Server::start(move |request| treat(treatments[request.sequence() as usize]).0);
        let mut load = http();
        load.connections = connections;
        let (_, ops) = run(spec(load, ways.len() as u64, 50_000), to(&server));
        for op in ops.iter().filter(|op| op.kind != Kind::Offered) {
            let way = ways[op.event.sequence() as usize];
            // A server that closes may do so while the next request goes out: unknown is then the truth.
            prop_assert!(op.kind == Kind::Indeterminate || treat(way).1.contains(&op.kind), "{way}: {op:?}");
            prop_assert!(op.kind != Kind::Indeterminate || treat(way).1.contains(&op.kind) || ways.iter().any(|way| (7..12).contains(way)));
        }
    }
}

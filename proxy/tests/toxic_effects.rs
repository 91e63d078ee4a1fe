//! What each toxic does to live connections: one table of effects, which this proxy must show, and the real Toxiproxy too when it is
//! at hand. Tolerance: never before the due time (less 2 ms, for clocks are read on either side), at most [`LATE`] after it.

mod common;

use common::http::call;
use common::real::RealToxiproxy;
use common::{DEADLINE, echo, pattern, ping, serve, until};
use squall_proxy::api::ApiServer;
use squall_proxy::engine::Engine;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Machines that run tests are busy; `proxy/src/toxic/tests.rs` holds the exact times, in virtual time.
const LATE: Duration = Duration::from_secs(10);
const EARLY: Duration = Duration::from_millis(2);

/// Either proxy, by its API.
#[derive(Clone, Copy)]
struct Target {
    api: SocketAddr,
}

/// A proxy with a name of its own.
struct Proxied {
    target: Target,
    name: String,
    listen: SocketAddr,
}

impl Target {
    fn proxy(self, name: &str, upstream: SocketAddr) -> Proxied {
        let body = format!(r#"{{"name":"{name}","listen":"127.0.0.1:0","upstream":"{upstream}"}}"#);
        let answer = call(self.api, "POST", "/proxies", &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        let listen = answer.body.split("\"listen\":\"").nth(1);
        let listen = listen.and_then(|rest| rest.split('"').next());
        Proxied {
            target: self,
            name: name.to_owned(),
            listen: listen.and_then(|l| l.parse().ok()).expect("an address"),
        }
    }
}

impl Proxied {
    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.listen).expect("a connection");
        socket.set_nodelay(true).expect("an option");
        socket.set_read_timeout(Some(DEADLINE)).expect("an option");
        socket
    }

    fn call(&self, method: &str, path: &str, body: &str) {
        let path = format!("/proxies/{}{path}", self.name);
        let answer = call(self.target.api, method, &path, body);
        assert!(answer.status < 300, "{method} {path} {body}: {answer:?}");
    }

    fn toxic(&self, kind: &str, stream: &str, attributes: &str) {
        let body = format!(
            r#"{{"name":"t","type":"{kind}","stream":"{stream}","attributes":{{{attributes}}}}}"#
        );
        self.call("POST", "/toxics", &body);
    }
}

/// How long it took, which must be `due` within the tolerance.
fn takes<T>(due_ms: u64, what: &str, work: impl FnOnce() -> T) -> T {
    let due = Duration::from_millis(due_ms);
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    assert!(took + EARLY >= due, "{what}: after {took:?}, due {due:?}");
    assert!(took <= due + LATE, "{what}: after {took:?}, due {due:?}");
    result
}

fn latency(target: Target) {
    let proxy = target.proxy("latency", echo());
    let mut open = proxy.connect();
    assert_eq!(ping(&mut open, b"a").expect("a pong"), b"a");
    proxy.toxic("latency", "downstream", r#""latency":120"#);
    let pong = takes(120, "an open connection", || ping(&mut open, b"b"));
    assert_eq!(pong.expect("a pong"), b"b");
    proxy.call("PATCH", "/toxics/t", r#"{"attributes":{"latency":240}}"#);
    takes(240, "a changed toxic", || ping(&mut proxy.connect(), b"c")).expect("a pong");
    proxy.call("DELETE", "/toxics/t", "");
    takes(0, "a removed toxic", || ping(&mut open, b"d")).expect("a pong");
    proxy.toxic("latency", "upstream", r#""latency":90,"jitter":30"#);
    takes(60, "jitter", || ping(&mut open, b"e")).expect("a pong");
}

fn bandwidth(target: Target) {
    let proxy = target.proxy("bandwidth", echo());
    proxy.toxic("bandwidth", "downstream", r#""rate":100"#);
    let sent = pattern(60_000);
    // Up to one part of 100 ms leaves ahead of its time.
    let got = takes(500, "60 kB at 100 kB/s", || {
        ping(&mut proxy.connect(), &sent)
    });
    assert!(got.expect("all of it") == sent);
}

fn slow_close(target: Target) {
    let closer = serve(|mut socket| {
        let _ = socket.read(&mut [0; 8]);
        let _ = socket.write_all(b"bye");
    });
    let proxy = target.proxy("slow_close", closer);
    proxy.toxic("slow_close", "downstream", r#""delay":200"#);
    let mut socket = proxy.connect();
    takes(200, "the end", || {
        socket.write_all(b"x").expect("written");
        let mut got = Vec::new();
        socket.read_to_end(&mut got).expect("an orderly end");
        assert_eq!(got, b"bye");
    });
}

fn timeout(target: Target) {
    let proxy = target.proxy("timeout", echo());
    proxy.toxic("timeout", "downstream", r#""timeout":1000"#);
    // Its time begins with the connection.
    takes(1_000, "the close", || {
        let mut socket = proxy.connect();
        socket.write_all(b"x").expect("written");
        assert_eq!(socket.read(&mut [0; 8]).expect("an orderly end"), 0);
    });
    proxy.call("PATCH", "/toxics/t", r#"{"attributes":{"timeout":0}}"#);
    let mut socket = proxy.connect();
    socket.write_all(b"x").expect("written");
    socket
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("an option");
    let error = socket
        .read(&mut [0; 8])
        .expect_err("neither bytes nor an end");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    proxy.call("DELETE", "/toxics/t", "");
    socket.set_read_timeout(Some(DEADLINE)).expect("an option");
    assert_eq!(socket.read(&mut [0; 8]).expect("an orderly end"), 0);
}

fn reset_peer(target: Target) {
    let proxy = target.proxy("reset_peer", echo());
    proxy.toxic("reset_peer", "upstream", r#""timeout":80"#);
    let mut socket = proxy.connect();
    takes(80, "the reset", || {
        socket.write_all(b"x").expect("written");
        let error = socket.read(&mut [0; 8]).expect_err("a reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

fn slicer(target: Target) {
    let proxy = target.proxy("slicer", echo());
    proxy.toxic(
        "slicer",
        "upstream",
        r#""average_size":100,"size_variation":20,"delay":20000"#,
    );
    let sent = pattern(1_000);
    // At least nine pieces of at most 120 bytes, with eight pauses between.
    let got = takes(160, "nine pieces", || ping(&mut proxy.connect(), &sent));
    assert!(got.expect("all of it") == sent);
}

fn limit_data(target: Target) {
    let sent = pattern(5_000);
    let sending = sent.clone();
    let sender = serve(move |mut socket| {
        let _ = socket.write_all(&sending);
        let _ = socket.read(&mut [0; 8]);
    });
    let proxy = target.proxy("limit_data", sender);
    proxy.toxic("limit_data", "downstream", r#""bytes":1234"#);
    let mut got = Vec::new();
    proxy
        .connect()
        .read_to_end(&mut got)
        .expect("an orderly end");
    assert!(got == sent[..1234], "{} bytes", got.len());
}

fn down(target: Target) {
    let proxy = target.proxy("down", echo());
    let mut open = proxy.connect();
    assert_eq!(ping(&mut open, b"a").expect("a pong"), b"a");
    proxy.call("PATCH", "", r#"{"enabled":false}"#);
    assert_eq!(open.read(&mut [0; 8]).expect("an orderly end"), 0);
    let error = TcpStream::connect(proxy.listen).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    proxy.call("PATCH", "", r#"{"enabled":true}"#);
    assert_eq!(ping(&mut proxy.connect(), b"b").expect("a pong"), b"b");
}

fn toxicity(target: Target) {
    const CONNECTIONS: usize = 120;
    let proxy = target.proxy("toxicity", echo());
    let body = r#"{"type":"limit_data","toxicity":0.5,"attributes":{"bytes":0}}"#;
    proxy.call("POST", "/toxics", body);
    let hit = (0..CONNECTIONS)
        .filter(|_| ping(&mut proxy.connect(), b"x").is_err())
        .count();
    // Seven standard deviations either way.
    assert!((22..99).contains(&hit), "{hit} of {CONNECTIONS}");
}

fn several(target: Target) {
    let proxy = target.proxy("several", echo());
    for (name, kind, attributes) in [
        ("a", "latency", r#""latency":70"#),
        ("b", "latency", r#""latency":60"#),
        ("c", "limit_data", r#""bytes":3"#),
    ] {
        let body = format!(r#"{{"name":"{name}","type":"{kind}","attributes":{{{attributes}}}}}"#);
        proxy.call("POST", "/toxics", &body);
    }
    let mut got = Vec::new();
    takes(130, "both latencies", || {
        let mut socket = proxy.connect();
        socket.write_all(b"12345").expect("written");
        socket.read_to_end(&mut got).expect("an orderly end");
    });
    assert_eq!(got, b"123");
}

type Effect = (&'static str, fn(Target));

const EFFECTS: [Effect; 10] = [
    ("latency", latency),
    ("bandwidth", bandwidth),
    ("slow_close", slow_close),
    ("timeout", timeout),
    ("reset_peer", reset_peer),
    ("slicer", slicer),
    ("limit_data", limit_data),
    ("down", down),
    ("toxicity", toxicity),
    ("several", several),
];

fn show_all(target: Target) {
    for (name, effect) in EFFECTS {
        eprintln!("{name}");
        effect(target);
    }
}

#[test]
fn toxics_do_what_they_say() {
    let engine = Engine::start(3).expect("an engine");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let api = ApiServer::start(engine.clone(), any).expect("an API");
    show_all(Target { api: api.address() });
    until("all is over", || {
        let open = |name| engine.counters(name).expect("counters").connections_open;
        EFFECTS.iter().map(|(name, _)| open(name)).sum::<u64>() == 0
    });
    let counters = |name| engine.counters(name).expect("counters");
    // Each fault has left its evidence.
    assert!(counters("latency").downstream.held_bytes >= 2);
    assert!(counters("bandwidth").downstream.held_bytes >= 50_000);
    assert_eq!(counters("slow_close").downstream.held_ends, 1);
    assert_eq!(counters("timeout").downstream.dropped_bytes, 2);
    assert_eq!(counters("timeout").closed_by_toxic, 2);
    assert_eq!(counters("reset_peer").resets, 1);
    assert!(counters("slicer").upstream.held_bytes >= 880);
    assert_eq!(
        counters("limit_data").downstream.dropped_bytes,
        5_000 - 1_234
    );
    assert!(counters("toxicity").closed_by_toxic >= 22);
}

#[test]
fn the_real_ones_do_the_same() {
    let Some(real) = RealToxiproxy::start("the_real_ones_do_the_same") else {
        return;
    };
    show_all(Target { api: real.api });
}

//! The seam for protocols on live connections, by a protocol of lines.

mod common;

use bytes::{Bytes, BytesMut};
use common::{connect, echo, ping, until};
use squall_proxy::engine::{Engine, ProxyConfig, ProxyInfo};
use squall_proxy::layer::{ConnectionInfo, Layer, LayerFactory, Output, Side};
use squall_proxy::toxic::{Direction, ToxicKind, ToxicSpec};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const LATER_NS: u64 = 60_000_000;

/// Answers `!who` itself, delays `!later`, resets on `!reset`, ends on `!end`, turns all other lines of the client into capitals.
struct Lines {
    who: String,
    later: VecDeque<(u64, Bytes)>,
    open: Arc<AtomicBool>,
}

impl Lines {
    fn line(&mut self, now_ns: u64, line: &[u8], out: &mut Output) {
        match line {
            b"!who\n" => out.send(Side::Client, Bytes::from(format!("{}\n", self.who))),
            b"!later\n" => {
                let due = now_ns + LATER_NS;
                self.later.push_back((due, Bytes::from_static(b"LATER\n")));
            }
            b"!reset\n" => out.reset(),
            b"!end\n" => {
                out.end(Side::Client);
                out.end(Side::Upstream);
            }
            other => out.send(Side::Upstream, other.to_ascii_uppercase().into()),
        }
    }
}

impl Layer for Lines {
    fn on_bytes(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        if from == Side::Upstream {
            return out.send(Side::Client, input.split().freeze());
        }
        while self.wants(Side::Client)
            && let Some(end) = input.iter().position(|byte| *byte == b'\n')
        {
            let line = input.split_to(end + 1);
            self.line(now_ns, &line, out);
        }
    }

    fn on_end(&mut self, _now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        out.send(from.other(), input.split().freeze());
        out.end(from.other());
    }

    fn next_timer(&self) -> Option<u64> {
        self.later.front().map(|(due, _)| *due)
    }

    fn on_timer(&mut self, now_ns: u64, out: &mut Output) {
        while self.later.front().is_some_and(|(due, _)| *due <= now_ns) {
            if let Some((_, line)) = self.later.pop_front() {
                out.send(Side::Upstream, line);
            }
        }
    }

    fn wants(&self, from: Side) -> bool {
        from == Side::Upstream || self.open.load(Ordering::SeqCst)
    }
}

struct MakeLines(Arc<AtomicBool>);

impl LayerFactory for MakeLines {
    fn layer(&self, connection: &ConnectionInfo) -> Box<dyn Layer> {
        Box::new(Lines {
            who: format!("{} {}", connection.proxy, connection.ordinal),
            later: VecDeque::new(),
            open: self.0.clone(),
        })
    }
}

fn lines() -> (Engine, ProxyInfo, Arc<AtomicBool>) {
    let engine = Engine::start(1).expect("an engine");
    let open = Arc::new(AtomicBool::new(true));
    let config = ProxyConfig {
        layer: Some(Arc::new(MakeLines(open.clone()))),
        ..ProxyConfig::new("lines", echo().to_string())
    };
    let proxy = engine.create(config).expect("a proxy");
    (engine, proxy, open)
}

#[test]
fn a_layer_changes_answers_delays_and_ends() {
    let (engine, proxy, _) = lines();
    let mut socket = connect(&proxy);
    assert_eq!(ping(&mut socket, b"hi\n").expect("an answer"), b"HI\n");
    // Two halves of a line, then a line and a half.
    socket.write_all(b"one t").expect("written");
    assert_eq!(ping(&mut socket, b"wo\n12").expect("an answer"), b"ONE T");
    socket.write_all(b"3\n").expect("written");
    let mut rest = [0; 7];
    socket.read_exact(&mut rest).expect("the rest");
    assert_eq!(&rest, b"WO\n123\n");
    socket.write_all(b"!who\n").expect("written");
    let mut who = [0; 8];
    socket
        .read_exact(&mut who)
        .expect("an answer of the layer's own");
    assert_eq!(&who, b"lines 0\n");
    let start = Instant::now();
    socket.write_all(b"!later\n").expect("written");
    let mut later = [0; 6];
    socket.read_exact(&mut later).expect("it comes");
    assert_eq!(&later, b"LATER\n");
    assert!(start.elapsed() >= Duration::from_nanos(LATER_NS) - Duration::from_millis(2));
    socket.write_all(b"!end\n").expect("written");
    assert_eq!(socket.read(&mut rest).expect("an orderly end"), 0);
    drop(socket);
    let mut second = connect(&proxy);
    second.write_all(b"!reset\n").expect("written");
    let error = second.read(&mut rest).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(engine.counters("lines").expect("counters").resets, 1);
}

#[test]
fn what_is_left_of_the_input_is_shown_at_the_end() {
    let (_engine, proxy, _) = lines();
    let mut socket = connect(&proxy);
    socket.write_all(b"whole\nhalf").expect("written");
    socket.shutdown(Shutdown::Write).expect("half closed");
    let mut got = String::new();
    socket.read_to_string(&mut got).expect("an orderly end");
    assert_eq!(got, "WHOLE\nhalf");
}

#[test]
fn a_layer_that_wants_nothing_is_not_fed_until_it_is_poked() {
    let (engine, proxy, open) = lines();
    let mut socket = connect(&proxy);
    assert_eq!(ping(&mut socket, b"a\n").expect("an answer"), b"A\n");
    open.store(false, Ordering::SeqCst);
    engine.poke("lines").expect("poked");
    socket.write_all(b"b\n").expect("written");
    socket.set_nonblocking(true).expect("an option");
    // Its bytes stay in the kernel: nothing more is received, for as long as a round trip on another way takes and longer.
    std::thread::sleep(Duration::from_millis(50));
    let counts = engine.counters("lines").expect("counters").upstream;
    assert_eq!(counts.received_bytes, 2);
    open.store(true, Ordering::SeqCst);
    engine.poke("lines").expect("poked");
    socket.set_nonblocking(false).expect("an option");
    let mut got = [0; 2];
    socket.read_exact(&mut got).expect("the answer");
    assert_eq!(&got, b"B\n");
}

#[test]
fn toxics_and_stalls_work_behind_a_layer() {
    let (engine, proxy, _) = lines();
    let mut socket = connect(&proxy);
    let kind = ToxicKind::Latency {
        latency_ms: 80,
        jitter_ms: 0,
    };
    let toxic = ToxicSpec::new(kind, Direction::Downstream);
    engine.add_toxic("lines", toxic).expect("added");
    let start = Instant::now();
    assert_eq!(ping(&mut socket, b"a\n").expect("an answer"), b"A\n");
    assert!(start.elapsed() >= Duration::from_millis(78));
    engine
        .remove_toxic("lines", "latency_downstream")
        .expect("removed");
    engine
        .stall("lines", Direction::Upstream, true)
        .expect("stalled");
    socket.write_all(b"b\n").expect("written");
    until("it is held", || {
        engine
            .counters("lines")
            .expect("counters")
            .upstream
            .holding_bytes
            == 2
    });
    engine
        .stall("lines", Direction::Upstream, false)
        .expect("healed");
    let mut got = [0; 2];
    socket.read_exact(&mut got).expect("the answer");
    assert_eq!(&got, b"B\n");
}

/// Wants nothing of a client before the upstream has greeted.
#[derive(Default)]
struct Greeted(bool);

impl Layer for Greeted {
    fn on_bytes(&mut self, _: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        self.0 |= from == Side::Upstream;
        out.send(from.other(), input.split().freeze());
    }

    fn on_end(&mut self, _: u64, from: Side, _: &mut BytesMut, out: &mut Output) {
        out.end(from.other());
    }

    fn next_timer(&self) -> Option<u64> {
        None
    }

    fn on_timer(&mut self, _: u64, _: &mut Output) {}

    fn wants(&self, from: Side) -> bool {
        self.0 || from == Side::Upstream
    }
}

struct MakeGreeted;

impl LayerFactory for MakeGreeted {
    fn layer(&self, _: &ConnectionInfo) -> Box<dyn Layer> {
        Box::new(Greeted::default())
    }
}

#[test]
fn what_was_not_wanted_is_read_when_the_other_side_makes_it_so() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = Engine::start(1).unwrap();
    let made = engine.create(ProxyConfig {
        layer: Some(Arc::new(MakeGreeted)),
        ..ProxyConfig::new("greeted", server.local_addr().unwrap().to_string())
    });
    let mut client = connect(&made.unwrap());
    client.write_all(b"question").unwrap();
    let (mut accepted, _) = server.accept().unwrap();
    // By now the client's bytes have been announced to the proxy, and are not again.
    until("a connection", || {
        engine.counters("greeted").unwrap().connections == 1
    });
    accepted.write_all(b"welcome").unwrap();
    let mut welcome = [0; 7];
    client.read_exact(&mut welcome).unwrap();
    let mut question = [0; 8];
    accepted.read_exact(&mut question).unwrap();
    assert_eq!((&welcome, &question), (b"welcome", b"question"));
}

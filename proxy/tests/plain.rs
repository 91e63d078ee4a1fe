//! Connections that no fault touches, and the faults of the engine itself: stall, cut, refuse, disable.

mod common;

use common::{DEADLINE, connect, echo, keep, pattern, ping, proxied, serve, until};
use squall_proxy::engine::{Engine, ProxyChange, ProxyConfig, ProxyError, Refusal};
use squall_proxy::toxic::Direction;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

fn engine() -> Engine {
    Engine::start(7).expect("an engine")
}

#[test]
fn bytes_pass_both_ways_unchanged_and_are_counted() {
    let engine = engine();
    let proxy = proxied(&engine, "echo", echo());
    let sent = pattern(9 << 20);
    let mut socket = connect(&proxy);
    let mut writer = socket.try_clone().expect("a second handle");
    let copy = sent.clone();
    let writing = thread::spawn(move || {
        writer.write_all(&copy).expect("written");
        writer.shutdown(Shutdown::Write).expect("half closed");
    });
    let mut got = Vec::new();
    socket.read_to_end(&mut got).expect("read to the end");
    writing.join().expect("the writer");
    assert!(got == sent, "{} of {} bytes", got.len(), sent.len());
    until("the connection is over", || {
        engine.counters("echo").expect("counters").connections_open == 0
    });
    let counters = engine.counters("echo").expect("counters");
    for direction in Direction::BOTH {
        let counts = counters.direction(direction);
        assert_eq!(counts.received_bytes, sent.len() as u64);
        assert_eq!(counts.sent_bytes, sent.len() as u64);
        assert_eq!((counts.held_bytes, counts.dropped_bytes), (0, 0));
    }
    assert_eq!((counters.connections, counters.resets), (1, 0));
}

#[test]
fn a_half_close_passes_and_the_answer_still_comes() {
    let server = serve(|mut socket| {
        let mut question = Vec::new();
        let _ = socket.read_to_end(&mut question);
        let _ = socket.write_all(b"you said ");
        let _ = socket.write_all(&question);
    });
    let engine = engine();
    let mut socket = connect(&proxied(&engine, "answers", server));
    socket.write_all(b"hello").expect("written");
    socket.shutdown(Shutdown::Write).expect("half closed");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    assert_eq!(answer, "you said hello");
}

#[test]
fn a_reset_of_one_side_is_a_reset_for_the_other() {
    let (server, seen) = keep();
    let engine = engine();
    let mut socket = connect(&proxied(&engine, "resets", server));
    socket.write_all(b"x").expect("written");
    until("the byte arrived", || {
        !seen.lock().unwrap().bytes.is_empty()
    });
    let linger = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
    linger.expect("an option");
    drop(socket);
    until("the server's connection ended", || {
        !seen.lock().unwrap().ends.is_empty()
    });
    assert_eq!(seen.lock().unwrap().ends, [Err(ErrorKind::ConnectionReset)]);
    // It was the client's, not the proxy's.
    assert_eq!(engine.counters("resets").expect("counters").resets, 0);
}

#[test]
fn a_slow_reader_slows_the_writer_and_memory_stays_bounded() {
    let engine = engine();
    // Nobody ever reads from the accepted connections.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = proxied(&engine, "slow", listener.local_addr().expect("an address"));
    let socket = connect(&proxy);
    socket.set_nonblocking(true).expect("an option");
    let block = vec![1; 1 << 20];
    let mut written = 0;
    let mut quiet = 0;
    while quiet < 50 {
        match (&socket).write(&block) {
            Ok(count) => (written, quiet) = (written + count as u64, 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                quiet += 1;
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
    let counts = engine.counters("slow").expect("counters").upstream;
    let inside = counts.received_bytes - counts.sent_bytes;
    assert!(inside <= 256 << 10, "{inside} bytes in the proxy");
    assert!(written > inside, "the kernel's buffers hold the rest");
}

#[test]
fn an_upstream_that_refuses_closes_the_client() {
    let engine = engine();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let mut socket = connect(&proxied(&engine, "nobody", address));
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).expect("an orderly end");
    let counters = engine.counters("nobody").expect("counters");
    assert_eq!(
        (counters.upstream_failures, counters.connections_open),
        (1, 0)
    );
}

#[test]
fn an_upstream_by_name_is_looked_up() {
    let engine = engine();
    let port = echo().port();
    let config = ProxyConfig::new("named", format!("localhost:{port}"));
    let proxy = engine.create(config).expect("a proxy");
    assert_eq!(ping(&mut connect(&proxy), b"hi").expect("a pong"), b"hi");
}

#[test]
fn a_stalled_direction_holds_bytes_and_lets_them_go() {
    let engine = engine();
    let proxy = proxied(&engine, "stalls", echo());
    let mut socket = connect(&proxy);
    assert_eq!(ping(&mut socket, b"one").expect("a pong"), b"one");
    engine
        .stall("stalls", Direction::Downstream, true)
        .expect("stalled");
    socket.write_all(b"two").expect("written");
    until("the answer is held", || {
        engine
            .counters("stalls")
            .expect("counters")
            .downstream
            .holding_bytes
            == 3
    });
    socket.set_nonblocking(true).expect("an option");
    let mut answer = [0; 3];
    let error = socket.read(&mut answer).expect_err("nothing has come");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    socket.set_nonblocking(false).expect("an option");
    engine
        .stall("stalls", Direction::Downstream, false)
        .expect("healed");
    socket.read_exact(&mut answer).expect("the answer");
    assert_eq!(&answer, b"two");
    let counters = engine.counters("stalls").expect("counters");
    assert_eq!(
        (
            counters.downstream.held_bytes,
            counters.downstream.holding_bytes
        ),
        (3, 0)
    );
    assert_eq!(counters.upstream.held_bytes, 0);
}

#[test]
fn a_stall_holds_ends_and_resets_too() {
    let (server, seen) = keep();
    let engine = engine();
    let proxy = proxied(&engine, "ends", server);
    let (first, second) = (connect(&proxy), connect(&proxy));
    until("both are through", || {
        engine.counters("ends").expect("counters").connections == 2
    });
    for mut socket in [&first, &second] {
        socket.write_all(b"x").expect("written");
    }
    until("both bytes arrived", || {
        seen.lock().unwrap().bytes.len() == 2
    });
    engine
        .stall("ends", Direction::Upstream, true)
        .expect("stalled");
    drop(first);
    socket2::SockRef::from(&second)
        .set_linger(Some(Duration::ZERO))
        .expect("an option");
    drop(second);
    until("both ends are held", || {
        engine
            .counters("ends")
            .expect("counters")
            .upstream
            .held_ends
            == 2
    });
    assert!(seen.lock().unwrap().ends.is_empty());
    engine
        .stall("ends", Direction::Upstream, false)
        .expect("healed");
    until("both ended", || seen.lock().unwrap().ends.len() == 2);
    let ends = seen.lock().unwrap().ends.clone();
    assert!(ends.contains(&Ok(())) && ends.contains(&Err(ErrorKind::ConnectionReset)));
}

#[test]
fn a_stall_makes_the_sender_wait() {
    let (server, seen) = keep();
    let engine = engine();
    let proxy = proxied(&engine, "pushes", server);
    engine
        .stall("pushes", Direction::Upstream, true)
        .expect("stalled");
    let mut socket = connect(&proxy);
    let sent = pattern(20 << 20);
    let copy = sent.clone();
    let writing = thread::spawn(move || socket.write_all(&copy));
    until("bytes are held", || {
        engine
            .counters("pushes")
            .expect("counters")
            .upstream
            .holding_bytes
            > 0
    });
    let held = engine.counters("pushes").expect("counters").upstream;
    assert!(held.received_bytes < 1 << 20, "{held:?}");
    assert!(!writing.is_finished());
    engine
        .stall("pushes", Direction::Upstream, false)
        .expect("healed");
    writing.join().expect("the writer").expect("written");
    until("all arrived", || {
        seen.lock().unwrap().bytes.len() == sent.len()
    });
    assert!(seen.lock().unwrap().bytes == sent);
}

#[test]
fn cut_resets_both_sides() {
    let (server, seen) = keep();
    let engine = engine();
    let mut socket = connect(&proxied(&engine, "cuts", server));
    socket.write_all(b"x").expect("written");
    until("the byte arrived", || {
        !seen.lock().unwrap().bytes.is_empty()
    });
    assert_eq!(engine.cut("cuts"), Ok(1));
    let error = socket.read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    until("the server saw it", || {
        !seen.lock().unwrap().ends.is_empty()
    });
    assert_eq!(seen.lock().unwrap().ends, [Err(ErrorKind::ConnectionReset)]);
    assert_eq!(engine.counters("cuts").expect("counters").resets, 1);
}

#[test]
fn refusals_spare_open_connections() {
    let engine = engine();
    let proxy = proxied(&engine, "refuses", echo());
    let mut open = connect(&proxy);
    assert_eq!(ping(&mut open, b"a").expect("a pong"), b"a");
    engine.refuse("refuses", Refusal::Refuse).expect("refuses");
    let error = TcpStream::connect(&proxy.listen).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    engine.refuse("refuses", Refusal::Reset).expect("resets");
    let error = connect(&proxy).read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(
        engine
            .counters("refuses")
            .expect("counters")
            .connections_refused,
        1
    );
    assert_eq!(ping(&mut open, b"b").expect("a pong"), b"b");
    engine.refuse("refuses", Refusal::None).expect("serves");
    assert_eq!(ping(&mut connect(&proxy), b"c").expect("a pong"), b"c");
}

#[test]
fn a_disabled_proxy_closes_and_comes_back_on_its_port() {
    let engine = engine();
    let proxy = proxied(&engine, "toggles", echo());
    let mut open = connect(&proxy);
    assert_eq!(ping(&mut open, b"a").expect("a pong"), b"a");
    let enabled = |on| ProxyChange {
        enabled: Some(on),
        ..ProxyChange::default()
    };
    let off = engine.update("toggles", enabled(false)).expect("disabled");
    assert!(!off.enabled);
    assert_eq!(open.read(&mut [0]).expect("an orderly end"), 0);
    let error = TcpStream::connect(&proxy.listen).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let on = engine.update("toggles", enabled(true)).expect("enabled");
    assert_eq!(on, proxy);
    assert_eq!(ping(&mut connect(&proxy), b"b").expect("a pong"), b"b");
    engine.remove("toggles").expect("removed");
    assert_eq!(engine.proxy("toggles"), Err(ProxyError::ProxyNotFound));
    assert!(TcpStream::connect(&proxy.listen).is_err());
}

#[test]
fn many_connections_at_once_each_keep_their_bytes() {
    const CONNECTIONS: usize = 400;
    let engine = engine();
    let proxy = proxied(&engine, "many", echo());
    let mut sockets: Vec<_> = (0..CONNECTIONS).map(|_| connect(&proxy)).collect();
    for round in 0..3 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            let text = format!("{number} in round {round}");
            socket.write_all(text.as_bytes()).expect("written");
        }
        for (number, socket) in sockets.iter_mut().enumerate() {
            let text = format!("{number} in round {round}");
            let mut answer = vec![0; text.len()];
            socket.read_exact(&mut answer).expect("an answer");
            assert_eq!(String::from_utf8_lossy(&answer), text);
        }
    }
    let counters = engine.counters("many").expect("counters");
    assert_eq!(counters.connections_open, CONNECTIONS as u64);
    drop(sockets);
    until("all are over", || {
        engine.counters("many").expect("counters").connections_open == 0
    });
}

#[test]
fn an_engine_that_is_dropped_closes_everything() {
    let engine = engine();
    let proxy = proxied(&engine, "ends", echo());
    let mut socket = connect(&proxy);
    assert_eq!(ping(&mut socket, b"a").expect("a pong"), b"a");
    drop(engine);
    assert_eq!(socket.read(&mut [0]).expect("an orderly end"), 0);
    assert!(
        TcpStream::connect_timeout(&proxy.listen.parse().expect("an address"), DEADLINE).is_err()
    );
}

//! Faults that lose nothing come and go at random over busy connections: every byte still arrives, in order, and nothing is left over.

mod common;

use common::{connect, echo, pattern, proxied, until};
use squall_plan::rng::Streams;
use squall_proxy::engine::Engine;
use squall_proxy::toxic::{Direction, ToxicKind, ToxicSpec};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const CLIENTS: u64 = 5;
const CHANGES: u64 = 80;
const BLOCK_BYTES: usize = 123_457;

fn kind(draw: u64) -> ToxicKind {
    match draw {
        0 => ToxicKind::Latency {
            latency_ms: 5,
            jitter_ms: 4,
        },
        1 => ToxicKind::Bandwidth { rate_kb_s: 20_000 },
        2 => ToxicKind::SlowClose { delay_ms: 20 },
        3 => ToxicKind::Slicer {
            average_size_bytes: 4_000,
            size_variation_bytes: 1_000,
            delay_us: 50,
        },
        _ => ToxicKind::Noop,
    }
}

/// Sends the same block again and again until the storm is over, and checks what comes back on the way.
fn client(socket: &TcpStream, over: &Arc<AtomicBool>) {
    let block = pattern(BLOCK_BYTES);
    let mut writer = socket.try_clone().expect("a second handle");
    let (sending, over) = (block.clone(), over.clone());
    let writing = thread::spawn(move || {
        let mut sent = 0;
        while sent == 0 || !over.load(Ordering::SeqCst) {
            writer.write_all(&sending).expect("written");
            sent += sending.len();
        }
        writer.shutdown(Shutdown::Write).expect("half closed");
        sent
    });
    let (mut got, mut buffer) = (0, vec![0; 50_000]);
    loop {
        // No read goes past the end of a block.
        let at = got % BLOCK_BYTES;
        let room = buffer.len().min(BLOCK_BYTES - at);
        let count = { socket }
            .read(&mut buffer[..room])
            .expect("an orderly end");
        assert!(
            buffer[..count] == block[at..at + count],
            "after {got} bytes"
        );
        got += count;
        if count == 0 {
            break;
        }
    }
    assert_eq!(got, writing.join().expect("the writer"));
}

#[test]
fn faults_that_lose_nothing_lose_nothing() {
    let engine = Engine::start(11).expect("an engine");
    let proxy = proxied(&engine, "storm", echo());
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (socket, over) = (connect(&proxy), over.clone());
            thread::spawn(move || client(&socket, &over))
        })
        .collect();
    let mut rng = Streams::new(11).stream("storm", 0);
    for _ in 0..CHANGES {
        let direction = Direction::BOTH[usize::from(rng.chance(500_000))];
        let spec = ToxicSpec {
            toxicity: 0.7,
            ..ToxicSpec::new(kind(rng.below(5)), direction)
        };
        // Adding what is there and removing what is not are refused, which is as good a change as any.
        let _ = match rng.below(5) {
            0 => engine.stall("storm", direction, true),
            1 | 2 => engine.stall("storm", direction, false),
            3 => engine.add_toxic("storm", spec),
            _ => engine.remove_toxic("storm", &spec.name),
        };
        thread::sleep(Duration::from_millis(rng.below(8)));
    }
    engine.reset().expect("healed");
    over.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().expect("a client");
    }
    until("all are over", || {
        engine.counters("storm").expect("counters").connections_open == 0
    });
    let counters = engine.counters("storm").expect("counters");
    assert_eq!((counters.connections, counters.resets), (CLIENTS, 0));
    for direction in Direction::BOTH {
        let counts = counters.direction(direction);
        assert_eq!(counts.received_bytes, counts.sent_bytes);
        assert_eq!((counts.dropped_bytes, counts.holding_bytes), (0, 0));
        assert!(counts.held_bytes > 0, "no fault bit");
    }
}

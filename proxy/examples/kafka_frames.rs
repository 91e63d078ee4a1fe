//! What it costs to understand Kafka's frames: `cargo run --release -p squall-proxy --example kafka_frames`.
//!
//! The same bytes go straight, through a plain proxy, and through one with the Kafka layer: Produce requests without answers for
//! throughput, small requests and answers one at a time for latency.

use squall_proxy::engine::{Engine, ProxyConfig};
use squall_proxy::kafka::{KafkaSettings, Link};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

const STREAMED_BYTES: usize = 2 << 30;
const ROUND_TRIPS: usize = 40_000;
/// Where a server sends answers, or says that it has read everything.
type Server = fn(TcpStream) -> std::io::Result<()>;

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::start(1)?;
    for (name, frame_bytes) in [("64 KiB frames", 64 << 10), ("1 KiB frames", 1 << 10)] {
        for (way, address) in ways(&engine, sink)? {
            let gbit_s = stream(&address, frame_bytes)?;
            println!("{name:<14} {way:<7} {gbit_s:6.1} Gbit/s");
        }
    }
    for (way, address) in ways(&engine, answer)? {
        println!(
            "{:<14} {way:<7} {:6.1} µs",
            "round trip p50",
            round_trip(&address)?
        );
    }
    Ok(())
}

/// Direct, plain, with the layer: a server for each.
fn ways(engine: &Engine, server: Server) -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let mut ways = Vec::new();
    for way in ["direct", "plain", "kafka"] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        std::thread::spawn(move || listener.incoming().flatten().try_for_each(server));
        if way == "direct" {
            ways.push((way, address));
            continue;
        }
        let name = format!("{way} {address}");
        let mut config = ProxyConfig::new(name, address);
        if way == "kafka" {
            let link = Link {
                party: "bench".to_owned(),
                broker: 1,
            };
            config.layer = Some(Arc::new(KafkaSettings::new(link)));
        }
        ways.push((way, engine.create(config)?.listen));
    }
    Ok(ways)
}

fn sink(mut socket: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    while socket.read(&mut buffer)? > 0 {}
    socket.write_all(&[1])
}

/// Answers every request with its correlation id.
fn answer(mut socket: TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut request = [0; REQUEST.len()];
    while socket.read_exact(&mut request).is_ok() {
        let mut answer = [0, 0, 0, 4, 0, 0, 0, 0];
        answer[4..].copy_from_slice(&request[8..12]);
        socket.write_all(&answer)?;
    }
    Ok(())
}

/// Heartbeat 4 with a body of zeros.
const REQUEST: [u8; 64] = {
    let mut request = [0; 64];
    (request[3], request[5], request[7]) = (60, 12, 4);
    request
};

fn stream(address: &str, frame_bytes: usize) -> Result<f64, Box<dyn Error>> {
    let mut frame = vec![0; frame_bytes];
    frame[..4].copy_from_slice(&u32::try_from(frame_bytes - 4)?.to_be_bytes());
    // Produce 3, no client id, no transaction; acks = 0: nobody answers.
    frame[7] = 3;
    frame[12..16].fill(0xff);
    let chunk = frame.repeat((1 << 20) / frame_bytes);
    let mut socket = TcpStream::connect(address)?;
    let start = Instant::now();
    let chunks = STREAMED_BYTES / chunk.len();
    for _ in 0..chunks {
        socket.write_all(&chunk)?;
    }
    socket.shutdown(std::net::Shutdown::Write)?;
    socket.read_exact(&mut [0])?;
    let bits = (chunks * chunk.len()) as f64 * 8.0;
    Ok(bits / start.elapsed().as_secs_f64() / 1e9)
}

fn round_trip(address: &str) -> Result<f64, Box<dyn Error>> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let mut took_ns = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let start = Instant::now();
        socket.write_all(&REQUEST)?;
        socket.read_exact(&mut [0; 8])?;
        took_ns.push(start.elapsed().as_nanos());
    }
    took_ns.sort_unstable();
    Ok(took_ns[ROUND_TRIPS / 2] as f64 / 1e3)
}

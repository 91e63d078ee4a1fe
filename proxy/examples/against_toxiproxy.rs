//! Measures a direct connection, this proxy, and the real Toxiproxy (when `TOXIPROXY_BIN` names its server), one after the other in one
//! run: throughput of one stream, the time of a round trip, and the request rate of 50 clients. Rounds are interleaved, medians told.
//!
//! ```text
//! TOXIPROXY_BIN=... cargo run -p squall-proxy --example against_toxiproxy [seconds a measurement] [rounds]
//! ```

use squall_proxy::engine::{Engine, ProxyConfig};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const CLIENTS: usize = 50;
const MESSAGE_BYTES: usize = 64;
const STREAM_BUFFER_BYTES: usize = 256 << 10;

/// A way from client to server.
struct Way {
    name: &'static str,
    sink: SocketAddr,
    echo: SocketAddr,
    gbit_per_s: Vec<f64>,
    round_trip_us: Vec<f64>,
    requests_per_s: Vec<f64>,
}

impl Way {
    fn new(name: &'static str, sink: SocketAddr, echo: SocketAddr) -> Self {
        Self {
            name,
            sink,
            echo,
            gbit_per_s: Vec::new(),
            round_trip_us: Vec::new(),
            requests_per_s: Vec::new(),
        }
    }
}

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().map_or(Ok(2.0), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let received = Arc::new(AtomicU64::new(0));
    let counting = received.clone();
    let sink = serve(move |socket| drain(socket, &counting))?;
    let echo = serve(echo)?;
    let engine = Engine::start(1)?;
    let ours = |name: &str, upstream: SocketAddr| -> Outcome<SocketAddr> {
        let info = engine.create(ProxyConfig::new(name, upstream.to_string()))?;
        Ok(info.listen.parse()?)
    };
    let mut ways = vec![
        Way::new("direct", sink, echo),
        Way::new("squall", ours("sink", sink)?, ours("echo", echo)?),
    ];
    let real = Toxiproxy::start(sink, echo)?;
    if let Some(real) = &real {
        ways.push(Way::new("toxiproxy", real.sink, real.echo));
    } else {
        eprintln!("TOXIPROXY_BIN is not set: the real Toxiproxy is left out");
    }
    for _ in 0..rounds {
        for way in &mut ways {
            way.gbit_per_s.push(stream(way.sink, &received, seconds)?);
            way.round_trip_us.push(round_trip(way.echo, seconds)?);
            way.requests_per_s.push(clients(way.echo, seconds)?);
        }
    }
    print_table(&ways);
    Ok(())
}

fn print_table(ways: &[Way]) {
    println!(
        "| way | one stream Gbit/s | round trip µs (p50) | added µs | {CLIENTS} clients requests/s |"
    );
    println!("|---|---|---|---|---|");
    let direct_us = median(&ways[0].round_trip_us);
    for way in ways {
        println!(
            "| {} | {:.1} | {:.1} | {:.1} | {:.0} |",
            way.name,
            median(&way.gbit_per_s),
            median(&way.round_trip_us),
            median(&way.round_trip_us) - direct_us,
            median(&way.requests_per_s),
        );
    }
    if let [_, ours, real] = ways {
        println!(
            "| squall / toxiproxy | {:.2} | {:.2} | {:.2} | {:.2} |",
            median(&ours.gbit_per_s) / median(&real.gbit_per_s),
            median(&ours.round_trip_us) / median(&real.round_trip_us),
            (median(&ours.round_trip_us) - direct_us) / (median(&real.round_trip_us) - direct_us),
            median(&ours.requests_per_s) / median(&real.requests_per_s),
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A server with a thread for each connection.
fn serve(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let handle = handle.clone();
            thread::spawn(move || handle(socket));
        }
    });
    Ok(address)
}

fn drain(mut socket: TcpStream, received: &AtomicU64) {
    let mut buffer = vec![0; STREAM_BUFFER_BYTES];
    while let Ok(count @ 1..) = socket.read(&mut buffer) {
        received.fetch_add(count as u64, Ordering::Relaxed);
    }
}

fn echo(mut socket: TcpStream) {
    let mut buffer = [0; MESSAGE_BYTES];
    let _ = socket.set_nodelay(true);
    while socket.read_exact(&mut buffer).is_ok() && socket.write_all(&buffer).is_ok() {}
}

/// Gbit/s that arrive while one connection sends as fast as it can.
#[allow(clippy::cast_precision_loss)]
fn stream(to: SocketAddr, received: &AtomicU64, seconds: f64) -> Outcome<f64> {
    let mut socket = TcpStream::connect(to)?;
    let buffer = vec![7; STREAM_BUFFER_BYTES];
    let warm_up = Instant::now();
    while warm_up.elapsed().as_secs_f64() < seconds / 5.0 {
        socket.write_all(&buffer)?;
    }
    let (start, before) = (Instant::now(), received.load(Ordering::Relaxed));
    while start.elapsed().as_secs_f64() < seconds {
        socket.write_all(&buffer)?;
    }
    let bytes = received.load(Ordering::Relaxed) - before;
    Ok(bytes as f64 * 8.0 / 1e9 / start.elapsed().as_secs_f64())
}

/// Median time of a round trip on one connection, in microseconds.
fn round_trip(to: SocketAddr, seconds: f64) -> Outcome<f64> {
    let mut socket = TcpStream::connect(to)?;
    socket.set_nodelay(true)?;
    let mut buffer = [1; MESSAGE_BYTES];
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        let sent = Instant::now();
        socket.write_all(&buffer)?;
        socket.read_exact(&mut buffer)?;
        times.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&times))
}

/// Requests answered a second when each of many clients sends its next as soon as it has the last one's answer.
#[allow(clippy::cast_precision_loss)]
fn clients(to: SocketAddr, seconds: f64) -> Outcome<f64> {
    let over = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let one = move |over: Arc<AtomicBool>| -> Outcome<u64> {
        let mut socket = TcpStream::connect(to)?;
        socket.set_nodelay(true)?;
        let (mut buffer, mut count) = ([1; MESSAGE_BYTES], 0);
        while !over.load(Ordering::Relaxed) {
            socket.write_all(&buffer)?;
            socket.read_exact(&mut buffer)?;
            count += 1;
        }
        Ok(count)
    };
    let threads: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let over = over.clone();
            thread::spawn(move || one(over))
        })
        .collect();
    thread::sleep(Duration::from_secs_f64(seconds));
    over.store(true, Ordering::Relaxed);
    let elapsed = start.elapsed().as_secs_f64();
    let mut total = 0;
    for client in threads {
        total += client.join().map_err(|_| "a client panicked")??;
    }
    Ok(total as f64 / elapsed)
}

/// The real one, as a process of its own.
struct Toxiproxy {
    process: Child,
    sink: SocketAddr,
    echo: SocketAddr,
}

impl Toxiproxy {
    fn start(sink: SocketAddr, echo: SocketAddr) -> Outcome<Option<Self>> {
        let Some(binary) = std::env::var_os("TOXIPROXY_BIN") else {
            return Ok(None);
        };
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new(binary)
            .args(["-host", "127.0.0.1", "-port", &port.to_string()])
            .env("LOG_LEVEL", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut real = Self {
            process,
            sink,
            echo,
        };
        let api = SocketAddr::from(([127, 0, 0, 1], port));
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(api).is_err() {
            if Instant::now() > deadline {
                return Err("Toxiproxy did not start".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        real.sink = create(api, "sink", sink)?;
        real.echo = create(api, "echo", echo)?;
        Ok(Some(real))
    }
}

impl Drop for Toxiproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn create(api: SocketAddr, name: &str, upstream: SocketAddr) -> Outcome<SocketAddr> {
    let body = format!(r#"{{"name":"{name}","listen":"127.0.0.1:0","upstream":"{upstream}"}}"#);
    let mut socket = TcpStream::connect(api)?;
    write!(
        socket,
        "POST /proxies HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let listen = answer
        .split(r#""listen":""#)
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    Ok(listen.ok_or("no port in the answer")?.parse()?)
}

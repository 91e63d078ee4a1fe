//! Ten thousand connections through one proxy, each with a message there and back: how long it takes, and what memory it costs.
//!
//! ```text
//! cargo run -p squall-proxy --example many_connections [connections]
//! ```
//!
//! Both ends of the connections live in a second process, so each process needs two file descriptors a connection.

use squall_proxy::engine::{Engine, ProxyConfig};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

type Outcome = Result<(), Box<dyn Error>>;

const MESSAGE: &[u8] = b"a message of a size that is common";

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("ends") {
        return ends(arguments.next().unwrap_or_default().parse()?);
    }
    let count: u64 = first.map_or(Ok(10_000), |text| text.parse())?;
    let engine = Engine::start(1)?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["ends", &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut to = child.stdin.take().ok_or("no pipe")?;
    let mut from = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
    let mut line = || {
        from.next()
            .unwrap_or_else(|| Ok("the ends are gone".to_owned()))
    };
    let proxy = engine.create(ProxyConfig::new("many", line()?))?;
    let before_kib = resident_kib()?;
    writeln!(to, "{}", proxy.listen)?;
    println!("{}\n{}", line()?, line()?);
    let counters = engine.counters("many")?;
    assert_eq!(counters.connections_open, count, "{counters:?}");
    let bytes = count * MESSAGE.len() as u64;
    assert_eq!(
        (counters.upstream.sent_bytes, counters.downstream.sent_bytes),
        (bytes, bytes)
    );
    let kib = resident_kib()?.saturating_sub(before_kib);
    println!(
        "the proxy: {kib} KiB more resident memory, {} bytes a connection",
        kib * 1024 / count
    );
    drop(to);
    child.wait()?;
    Ok(())
}

/// Clients and server, in one thread.
fn ends(count: usize) -> Outcome {
    // An engine that does nothing here: starting one lifts the limit of open files.
    drop(Engine::start(0)?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let mut from = std::io::stdin().lock();
    let mut proxy = String::new();
    from.read_line(&mut proxy)?;
    let start = Instant::now();
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let client = TcpStream::connect(proxy.trim())?;
        pairs.push((client, listener.accept()?.0));
    }
    println!("{count} connections open after {:.2?}", start.elapsed());
    let start = Instant::now();
    for (client, _) in &mut pairs {
        client.write_all(MESSAGE)?;
    }
    // All messages are under way at once; each is answered where it arrives.
    let mut buffer = [0; MESSAGE.len()];
    for (_, server) in &mut pairs {
        server.read_exact(&mut buffer)?;
        server.write_all(&buffer)?;
    }
    for (client, _) in &mut pairs {
        client.read_exact(&mut buffer)?;
        assert_eq!(buffer, MESSAGE);
    }
    println!("a message there and back on each: {:.2?}", start.elapsed());
    // The connections stay until the other process has measured.
    from.read_line(&mut proxy)?;
    Ok(())
}

fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.ok_or("no VmRSS")?.parse()?)
}

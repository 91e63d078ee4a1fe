//! What live tests share: servers on loopback, and waiting on conditions.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod http;
pub mod real;

use squall_proxy::engine::{Engine, ProxyConfig, ProxyInfo};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `done`, generously.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < DEADLINE, "never happened: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A server with a thread for each connection.
pub fn serve(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let handle = handle.clone();
            thread::spawn(move || handle(socket));
        }
    });
    address
}

/// Sends back what comes.
pub fn echo() -> SocketAddr {
    serve(|mut socket| {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = socket.read(&mut buffer) {
            if socket.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
    })
}

/// What a server received, and how its connections ended.
#[derive(Default)]
pub struct Seen {
    pub bytes: Vec<u8>,
    /// `Ok` for an orderly end.
    pub ends: Vec<Result<(), std::io::ErrorKind>>,
}

/// Keeps what comes.
pub fn keep() -> (SocketAddr, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let keeping = seen.clone();
    let address = serve(move |mut socket| {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let result = socket.read(&mut buffer);
            let mut seen = keeping.lock().expect("not poisoned");
            match result {
                Ok(0) => return seen.ends.push(Ok(())),
                Ok(count) => seen.bytes.extend_from_slice(&buffer[..count]),
                Err(error) => return seen.ends.push(Err(error.kind())),
            }
        }
    });
    (address, seen)
}

pub fn proxied(engine: &Engine, name: &str, upstream: SocketAddr) -> ProxyInfo {
    let config = ProxyConfig::new(name, upstream.to_string());
    engine.create(config).expect("a proxy")
}

pub fn connect(proxy: &ProxyInfo) -> TcpStream {
    let socket = TcpStream::connect(&proxy.listen).expect("a connection");
    socket.set_nodelay(true).expect("an option");
    socket.set_read_timeout(Some(DEADLINE)).expect("an option");
    socket.set_write_timeout(Some(DEADLINE)).expect("an option");
    socket
}

/// Bytes that tell where they stand.
pub fn pattern(count: usize) -> Vec<u8> {
    (0..count)
        .map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) & 0xff).unwrap_or(0))
        .collect()
}

/// One round trip through an echo server.
pub fn ping(socket: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
    socket.write_all(text)?;
    let mut answer = vec![0; text.len()];
    socket.read_exact(&mut answer)?;
    Ok(answer)
}

//! A small HTTP server that answers as a test says, one thread a connection.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn sequence(&self) -> u64 {
        self.headers["ce-id"]
            .rsplit('-')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }
}

/// What to do with a request.
pub enum Act {
    Say(String),
    /// First this, after a while that.
    Pieces(Vec<String>, Duration),
    /// Say it and close.
    Last(String),
    /// Close with a reset.
    Reset,
    /// Say nothing, and keep the connection until the other side closes it.
    Silence,
}

pub struct Server {
    pub address: SocketAddr,
    pub requests: Arc<Mutex<Vec<Request>>>,
    pub connections: Arc<AtomicUsize>,
}

pub fn ok(body: &str) -> Act {
    Act::Say(answer(202, body))
}

pub fn answer(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Server {
    pub fn start(act: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let act = Arc::new(act);
        let (kept, counted) = (Arc::clone(&requests), Arc::clone(&connections));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let (act, kept) = (Arc::clone(&act), Arc::clone(&kept));
                std::thread::spawn(move || serve(stream, act.as_ref(), &kept));
            }
        });
        Self {
            address,
            requests,
            connections,
        }
    }
}

fn serve(stream: TcpStream, act: &(impl Fn(&Request) -> Act + ?Sized), kept: &Mutex<Vec<Request>>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(request) = read(&mut reader) {
        kept.lock().unwrap().push(request.clone());
        let sent = match act(&request) {
            Act::Say(text) => stream.write_all(text.as_bytes()),
            Act::Pieces(pieces, pause) => pieces.iter().try_for_each(|piece| {
                stream.write_all(piece.as_bytes())?;
                std::thread::sleep(pause);
                Ok(())
            }),
            Act::Last(text) => {
                let _ = stream.write_all(text.as_bytes());
                return;
            }
            Act::Reset => {
                // Closing with bytes unread resets; so does a linger of zero, which std does not offer.
                rustix_reset(&stream);
                return;
            }
            Act::Silence => {
                let _ = reader.read(&mut [0]);
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn rustix_reset(stream: &TcpStream) {
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_owned(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        line: line.trim_end().to_owned(),
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

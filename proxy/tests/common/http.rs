//! An HTTP client of a few lines, so that no library mends what a server sends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: String,
}

pub fn call(api: SocketAddr, method: &str, path: &str, body: &str) -> Response {
    call_as(api, method, path, body, "squall-test")
}

pub fn call_as(api: SocketAddr, method: &str, path: &str, body: &str, agent: &str) -> Response {
    let mut socket = TcpStream::connect(api).expect("the API listens");
    socket
        .set_read_timeout(Some(super::DEADLINE))
        .expect("an option");
    let length = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nHost: {api}\r\nUser-Agent: {agent}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let chunked = header("transfer-encoding").is_some_and(|value| value == "chunked");
    Response {
        status: status.and_then(|s| s.parse().ok()).expect("a status"),
        content_type: header("content-type"),
        body: if chunked {
            joined(body)
        } else {
            body.to_owned()
        },
    }
}

fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk size");
        body.push_str(&rest[..size]);
        chunks = &rest[size + 2..];
        if size == 0 {
            break;
        }
    }
    body
}

//! When a service counts as ready.

use super::log;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// How long one attempt may take.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(1);

/// A condition that can be tried again and again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Readiness {
    /// A GET of `path` answers 2xx.
    Http { address: SocketAddr, path: String },
    /// The port accepts a connection.
    Port { address: SocketAddr },
    /// A line of its output since its start contains the text.
    Log { text: String },
    /// It runs.
    Running,
}

impl Readiness {
    /// `Err` says what was seen instead, as the end of a sentence.
    pub(super) fn try_once(&self, log_path: &Path, log_from: u64) -> Result<(), String> {
        match self {
            Self::Running => Ok(()),
            Self::Log { text } if log::contains(log_path, log_from, text) => Ok(()),
            Self::Log { text } => Err(format!("no line of its output contains `{text}`")),
            Self::Port { address } => match TcpStream::connect_timeout(address, ATTEMPT_WITHIN) {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("no connection to {address}: {error}")),
            },
            Self::Http { address, path } => match get(*address, path) {
                Ok(status) if (200..300).contains(&status) => Ok(()),
                Ok(status) => Err(format!("GET http://{address}{path} answered {status}")),
                Err(error) => Err(format!("GET http://{address}{path} failed: {error}")),
            },
        }
    }
}

/// The status of an HTTP/1.1 GET. The body is not read.
fn get(address: SocketAddr, path: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, ATTEMPT_WITHIN)?;
    stream.set_read_timeout(Some(ATTEMPT_WITHIN))?;
    stream.set_write_timeout(Some(ATTEMPT_WITHIN))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(1024)).read_line(&mut line)?;
    let status = line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split_ascii_whitespace().nth(1))
        .and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "that is no HTTP answer"))
}

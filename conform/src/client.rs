//! A raw client: one connection to one broker, requests in the versions that both arms serve.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use squall_wire::kafka::Sent;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The version of each API that is spoken: the newest that names topics by their names.
const fn version(key: i16) -> i16 {
    match key {
        0 | 1 => 12,
        2 => 7,
        3 | 11 => 9,
        8 | 9 => 8,
        10 | 12 | 22 | 23 | 32 => 4,
        13..=16 | 20 => 5,
        19 => 6,
        37 => 3,
        42 => 2,
        _ => 0,
    }
}

/// Longest answer that is believed.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A connection that remembers what it sent.
pub struct Connection {
    stream: TcpStream,
    ports: (u16, u16),
    sent_bytes: u64,
    correlation: i32,
    /// Correlations of requests that are to be answered, oldest first.
    open: std::collections::VecDeque<i32>,
}

/// An answer that did not come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unheard {
    NoAnswer,
    Closed,
}

impl Connection {
    /// # Errors
    /// When nobody listens.
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, Duration::from_secs(10))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            ports: (stream.local_addr()?.port(), to.port()),
            stream,
            sent_bytes: 0,
            correlation: 0,
            open: std::collections::VecDeque::new(),
        })
    }

    #[must_use]
    pub fn sent(&self) -> Sent {
        Sent {
            ports: self.ports,
            bytes: self.sent_bytes,
        }
    }

    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// Sends requests in one write, so that they are on their way together.
    ///
    /// # Errors
    /// [`Unheard::Closed`] when the broker is gone.
    pub fn send<R: Request>(&mut self, requests: &[R], answered: bool) -> Result<(), Unheard> {
        let mut out = BytesMut::new();
        for request in requests {
            self.correlation += 1;
            let frame = self.encode(request).map_err(|_| Unheard::Closed)?;
            let length = u32::try_from(frame.len()).map_err(|_| Unheard::Closed)?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&frame);
            if answered {
                self.open.push_back(self.correlation);
            }
        }
        self.stream.write_all(&out).map_err(|_| Unheard::Closed)?;
        self.sent_bytes += out.len() as u64;
        Ok(())
    }

    fn encode<R: Request>(&self, request: &R) -> Result<BytesMut, Box<dyn std::error::Error>> {
        let mut frame = BytesMut::new();
        let version = version(R::KEY);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("conform")));
        header.encode(&mut frame, R::header_version(version))?;
        request.encode(&mut frame, version)?;
        Ok(frame)
    }

    /// Reads the answer to the oldest request that has none.
    ///
    /// # Errors
    /// When it does not come within `timeout` or the connection is gone.
    pub fn receive<R: Request>(&mut self, timeout: Duration) -> Result<R::Response, Unheard> {
        let correlation = *self.open.front().ok_or(Unheard::NoAnswer)?;
        let mut frame = self.read_frame(timeout)?;
        let version = version(R::KEY);
        let header_version = R::Response::header_version(version);
        let header = ResponseHeader::decode(&mut frame, header_version).map_err(closed)?;
        if header.correlation_id != correlation {
            return Err(Unheard::Closed);
        }
        self.open.pop_front();
        R::Response::decode(&mut frame, version).map_err(closed)
    }

    fn read_frame(&mut self, timeout: Duration) -> Result<Bytes, Unheard> {
        let timeout = timeout.max(Duration::from_millis(1));
        self.stream
            .set_read_timeout(Some(timeout))
            .map_err(closed)?;
        let mut length = [0; 4];
        let mut first = 0;
        while first == 0 {
            match self.stream.read(&mut length[..1]) {
                Ok(0) => return Err(Unheard::Closed),
                Ok(read) => first = read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    return Err(Unheard::NoAnswer);
                }
                Err(e) => return Err(closed(e)),
            }
        }
        // The rest of a frame follows its first byte.
        let rest = Some(Duration::from_secs(30));
        self.stream.set_read_timeout(rest).map_err(closed)?;
        self.stream.read_exact(&mut length[1..]).map_err(closed)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > ANSWER_BYTES_MAX {
            return Err(Unheard::Closed);
        }
        let mut frame = vec![0; length];
        self.stream.read_exact(&mut frame).map_err(closed)?;
        Ok(frame.into())
    }
}

fn closed<E>(_: E) -> Unheard {
    Unheard::Closed
}

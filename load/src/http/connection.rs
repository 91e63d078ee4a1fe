//! One keep-alive connection: a request out, its answer in, the next.

use super::answer::{Parsed, parse};
use super::inbox::Waiting;
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

const READ_BYTES: usize = 16 * 1024;

pub(super) struct Connection {
    pub stream: TcpStream,
    /// Tells this connection from others that had its place before.
    pub serial: u64,
    /// Index of its address.
    pub address: usize,
    pub connected: bool,
    /// It has carried an answer before.
    pub used: bool,
    /// The event whose request is under way.
    pub current: Option<Waiting>,
    pub out: Vec<u8>,
    pub written: usize,
    input: Vec<u8>,
}

/// How a step on a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Nothing more can be done now.
    Wait,
    /// The answer is there, whole or not.
    Answer(Parsed),
    /// The connection is of no use any more.
    Lost,
}

impl Connection {
    pub fn open(address: SocketAddr, index: usize, serial: u64) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        // Without it, small requests may wait for acknowledgements. Where it cannot be set, they do.
        let _ = stream.set_nodelay(true);
        Ok(Self {
            stream,
            serial,
            address: index,
            connected: false,
            used: false,
            current: None,
            out: Vec::new(),
            written: 0,
            input: Vec::new(),
        })
    }

    /// Looks whether connecting has ended.
    pub fn check_connected(&mut self) -> Step {
        if matches!(self.stream.take_error(), Ok(Some(_)) | Err(_)) {
            return Step::Lost;
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.connected = true;
                Step::Wait
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Step::Wait,
            Err(_) => Step::Lost,
        }
    }

    /// Sends what is left of the request.
    pub fn write(&mut self) -> Step {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Step::Lost,
                Ok(sent) => self.written += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Wait,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Step::Lost,
            }
        }
        Step::Wait
    }

    /// Reads what has come. `to_end`: the other side has closed, so read on until that shows; else a short read says that
    /// all is there, for the next bytes make a new event.
    pub fn read(&mut self, to_end: bool) -> Step {
        loop {
            let from = self.input.len();
            self.input.resize(from + READ_BYTES, 0);
            let read = self.stream.read(&mut self.input[from..]);
            self.input
                .truncate(from + read.as_ref().map_or(0, |read| *read));
            match read {
                Ok(0) => return self.parsed(true),
                Ok(read) if read == READ_BYTES || to_end => {
                    if let Step::Answer(parsed) = self.parsed(false) {
                        return Step::Answer(parsed);
                    }
                }
                Ok(_) => return self.parsed(false),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.parsed(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Step::Lost,
            }
        }
    }

    fn parsed(&self, ended: bool) -> Step {
        if self.current.is_none() || (ended && self.input.is_empty()) {
            // Idle connections have nothing to say: the other side closed, or sent what nobody asked for.
            return if ended || !self.input.is_empty() {
                Step::Lost
            } else {
                Step::Wait
            };
        }
        match parse(&self.input, ended) {
            Parsed::Partial => Step::Wait,
            parsed => Step::Answer(parsed),
        }
    }

    /// Ready for the next request.
    pub fn reset(&mut self) {
        self.input.clear();
        self.out.clear();
        self.written = 0;
        self.used = true;
    }
}

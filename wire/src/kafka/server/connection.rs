//! One client connection: frames in, frames out, never more than one request in work.

use super::pending::Pending;
use crate::kafka::codec::{Frame, Piece};
use crate::kafka::store::Body;
use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use rustix::buffer::spare_capacity;
use squall_model::kafka::{Name, NodeId};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use thiserror::Error;

/// Buffer of a connection that is not in the middle of a large frame.
const BUFFER_BYTES: usize = 16 << 10;
const BUFFER_GROWTH_BYTES: usize = 128 << 10;
/// Frames below this are copied out of the buffer, which is then used again.
const COPIED_FRAME_BYTES: usize = 8 << 10;
/// A part of a batch that is read from a file at a time.
const COLD_BYTES: usize = 256 << 10;
const SLICES_MAX: usize = 64;

/// Bytes of a batch in a file, from `skip` on.
#[derive(Clone, Debug)]
pub struct Cold {
    pub body: Body,
    pub skip: usize,
}

/// What reading the socket gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fill {
    More,
    WouldBlock,
    Closed,
}

/// A frame length that Kafka refuses too (`InvalidReceiveException`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a request claims {0} bytes, which is negative or above socket.request.max.bytes")]
pub struct BadFrameLength(i32);

/// A client's connection to one broker.
pub struct Connection {
    pub stream: TcpStream,
    pub broker: NodeId,
    /// Edge-triggered readiness, remembered until the socket says that it would block.
    pub readable: bool,
    pub writable: bool,
    /// Whether it stands in the server's list of connections to look at.
    pub queued: bool,
    pub pending: Option<Pending>,
    /// The last client id and its name: clients do not change theirs.
    pub client: Option<(String, Name)>,
    input: Vec<u8>,
    output: VecDeque<Piece<Cold>>,
}

impl Connection {
    pub fn new(stream: TcpStream, broker: NodeId) -> Self {
        Self {
            stream,
            broker,
            readable: true,
            writable: true,
            queued: false,
            pending: None,
            client: None,
            input: Vec::new(),
            output: VecDeque::new(),
        }
    }

    /// Reads what the socket has, up to the room for the frame that is being read.
    pub fn fill(&mut self) -> io::Result<Fill> {
        self.make_room();
        match rustix::io::read(&self.stream, spare_capacity(&mut self.input)) {
            Ok(0) => Ok(Fill::Closed),
            Ok(_) => Ok(Fill::More),
            Err(rustix::io::Errno::AGAIN) => {
                self.readable = false;
                Ok(Fill::WouldBlock)
            }
            Err(rustix::io::Errno::INTR) => Ok(Fill::More),
            Err(error) => Err(error.into()),
        }
    }

    /// Memory follows what has arrived, not what the length claims.
    fn make_room(&mut self) {
        if self.input.capacity() == 0 {
            self.input.reserve_exact(BUFFER_BYTES);
        }
        if self.input.len() < self.input.capacity() {
            return;
        }
        let claimed = self.frame_bytes().unwrap_or(BUFFER_BYTES);
        let doubled = (2 * self.input.len()).max(BUFFER_GROWTH_BYTES);
        let capacity = claimed.min(doubled).max(self.input.len() + 1);
        self.input.reserve_exact(capacity - self.input.len());
    }

    /// Size of the frame at the front with its length field, once that has arrived.
    fn frame_bytes(&self) -> Option<usize> {
        let length = self.claimed()?;
        Some(4 + usize::try_from(length).ok()?)
    }

    fn claimed(&self) -> Option<i32> {
        let length: [u8; 4] = self.input.get(..4)?.try_into().ok()?;
        Some(i32::from_be_bytes(length))
    }

    /// Takes the next whole frame, without its length field.
    ///
    /// # Errors
    /// When the length is negative or above `bytes_max`.
    pub fn next_frame(&mut self, bytes_max: usize) -> Result<Option<Bytes>, BadFrameLength> {
        let Some(claimed) = self.claimed() else {
            return Ok(None);
        };
        let total = match self.frame_bytes() {
            Some(total) if total - 4 <= bytes_max => total,
            _ => return Err(BadFrameLength(claimed)),
        };
        if self.input.len() < total {
            return Ok(None);
        }
        if self.input.len() == total && total > COPIED_FRAME_BYTES {
            let frame = Bytes::from(std::mem::take(&mut self.input));
            return Ok(Some(frame.slice(4..)));
        }
        let frame = Bytes::copy_from_slice(&self.input[4..total]);
        self.input.drain(..total);
        Ok(Some(frame))
    }

    /// Bytes that have arrived and wait to be a frame.
    pub fn input_bytes(&self) -> usize {
        self.input.len()
    }

    /// Bytes of a frame that has not arrived whole.
    pub fn buffered_bytes(&self) -> usize {
        self.input.capacity()
    }

    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    pub fn queue(&mut self, frame: Frame<Cold>) {
        self.output.extend(frame.pieces);
    }

    /// Writes until all is out (`true`) or the socket is full.
    pub fn flush(&mut self) -> io::Result<bool> {
        while !self.output.is_empty() {
            self.load_cold()?;
            let slices: Vec<IoSlice<'_>> = self
                .output
                .iter()
                .map_while(|piece| match piece {
                    Piece::Bytes(bytes) => Some(IoSlice::new(bytes)),
                    Piece::Elsewhere { .. } => None,
                })
                .take(SLICES_MAX)
                .collect();
            match (&self.stream).write_vectored(&slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Puts bytes in place of a front piece that is still in a file.
    fn load_cold(&mut self) -> io::Result<()> {
        let Some(Piece::Elsewhere { place, length }) = self.output.front() else {
            return Ok(());
        };
        let (place, length) = (place.clone(), *length);
        let part = length.min(COLD_BYTES);
        let mut bytes = vec![0; part];
        place.body.read_at(place.skip, &mut bytes)?;
        self.output.pop_front();
        if part < length {
            self.output.push_front(Piece::Elsewhere {
                place: Cold {
                    body: place.body,
                    skip: place.skip + part,
                },
                length: length - part,
            });
        }
        self.output.push_front(Piece::Bytes(bytes.into()));
        Ok(())
    }

    fn advance(&mut self, mut written: usize) {
        while written > 0 {
            let Some(Piece::Bytes(front)) = self.output.front_mut() else {
                return;
            };
            if written < front.len() {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.output.pop_front();
        }
    }
}

//! One side's TLS session: bytes of the socket on one hand, plain ones on the other. No I/O.

use bytes::{Buf, Bytes, BytesMut};
use rustls::Connection;
use std::io::{Read, Write};

/// What is read at once from a session.
const PLAIN_CHUNK_BYTES: usize = 16 << 10;

pub struct Session {
    tls: Connection,
    /// The other end will say no more.
    pub ended: bool,
}

impl Session {
    pub fn new(mut tls: Connection) -> Self {
        // What may wait for the handshake is bounded by the layer, whose sender is not read meanwhile.
        tls.set_buffer_limit(None);
        Self { tls, ended: false }
    }

    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Takes all of `input` and adds what it says to `plain`.
    pub fn receive(
        &mut self,
        input: &mut BytesMut,
        plain: &mut BytesMut,
    ) -> Result<(), rustls::Error> {
        while !input.is_empty() {
            let mut rest = &input[..];
            let taken = match self.tls.read_tls(&mut rest) {
                Ok(taken) => taken,
                // Its buffer is full: what follows a message longer than any that TLS has.
                Err(error) => return Err(rustls::Error::General(error.to_string())),
            };
            if taken == 0 {
                // After its end: nothing counts any more.
                input.clear();
                return Ok(());
            }
            input.advance(taken);
            let state = self.tls.process_new_packets()?;
            self.ended |= state.peer_has_closed();
            self.read(state.plaintext_bytes_to_read(), plain);
        }
        Ok(())
    }

    fn read(&mut self, mut count: usize, plain: &mut BytesMut) {
        let mut chunk = [0; PLAIN_CHUNK_BYTES];
        while count > 0 {
            let some = count.min(chunk.len());
            let Ok(read) = self.tls.reader().read(&mut chunk[..some]) else {
                return;
            };
            if read == 0 {
                return;
            }
            plain.extend_from_slice(&chunk[..read]);
            count -= read;
        }
    }

    pub fn send(&mut self, plain: &[u8]) {
        // Into memory, without a limit: it takes everything.
        let _ = self.tls.writer().write_all(plain);
    }

    pub fn close(&mut self) {
        self.tls.send_close_notify();
    }

    /// What is to go to the socket.
    pub fn take_out(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        while self.tls.wants_write() {
            // Into memory: it does not fail.
            if self.tls.write_tls(&mut out).unwrap_or(0) == 0 {
                break;
            }
        }
        (!out.is_empty()).then(|| Bytes::from(out))
    }
}

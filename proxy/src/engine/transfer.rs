//! Moving bytes: the turn of one connection.
//!
//! The common case, a connection that no fault and no layer touches, reads into a buffer that all connections share and writes from it
//! at once: such a connection owns no memory. Only what its destination does not take is copied, and then nothing is read before that
//! is gone.

use super::connection::{Connection, Over, Party, direction_from, source_of};
use super::counters::{Counters, DirectionCounters};
use crate::layer::{Output, Side};
use crate::toxic::{Direction, End};
use bytes::Bytes;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

/// Reads of one direction in a turn, so that others have theirs.
const READS_PER_TURN: usize = 16;
/// What toxics get at once, as in Toxiproxy (Go's `io.Copy`).
const TOXIC_CHUNK_BYTES: usize = 32 << 10;
/// Bytes from a layer that wait for a side before its sender is no longer read.
const LAYER_AHEAD_BYTES_MAX: usize = 512 << 10;
/// Bytes that wait for a side before it is no longer read itself: it asks and does not take the answers.
const LAYER_ANSWER_BYTES_MAX: usize = 4 << 20;
const SLICES_MAX: usize = 64;

/// What a turn may use.
pub struct Turn<'a> {
    pub now_ns: u64,
    pub scratch: &'a mut [u8],
    pub counters: &'a mut Counters,
}

impl Turn<'_> {
    /// Does what can be done at once; `true` when there is more and others should go first.
    pub fn take(&mut self, connection: &mut Connection) -> Result<bool, Over> {
        if connection.layer.is_some() {
            self.wake_layer(connection)?;
        }
        let mut more = false;
        for direction in Direction::BOTH {
            more |= self.pump(connection, direction)?;
        }
        // What the second direction brought may concern the first: a layer's answer, a close both ways.
        for direction in Direction::BOTH {
            self.drain(connection, direction)?;
            // A layer may want a side only now, of which nothing new arrives.
            more |= wants_read(connection, source_of(direction));
        }
        if connection.flows.iter().all(|flow| flow.done) {
            return Err(Over::Closed);
        }
        Ok(more)
    }

    fn pump(&mut self, connection: &mut Connection, direction: Direction) -> Result<bool, Over> {
        let source = source_of(direction);
        for _ in 0..READS_PER_TURN {
            self.drain(connection, direction)?;
            if !wants_read(connection, source) {
                return Ok(false);
            }
            self.read(connection, direction)?;
        }
        Ok(true)
    }

    /// Writes what is ready, and carries out the end behind it.
    fn drain(&mut self, connection: &mut Connection, direction: Direction) -> Result<(), Over> {
        let to = source_of(direction).other();
        loop {
            let flow = &mut connection.flows[direction.index()];
            if flow.done {
                return Ok(());
            }
            let counters = self.counters.direction_mut(direction);
            flow.run_toxics(self.now_ns, counters);
            if flow.stalled {
                return Ok(());
            }
            let failed = connection.parties.iter().any(|party| party.failed);
            let is_last = flow.end.is_some() && flow.ready.is_empty();
            if flow.end == Some(End::Reset) || (failed && is_last) {
                return Err(Over::Reset { wanted: !failed });
            }
            let party = &mut connection.parties[to.index()];
            if !flow.ready.is_empty() {
                if !party.writable {
                    return Ok(());
                }
                if write_ready(party, &mut flow.ready, counters).is_err() {
                    connection.fail(to, self.counters);
                    return Ok(());
                }
                continue;
            }
            if let Some(end) = flow.end {
                self.carry_out(connection, direction, end);
            }
            return Ok(());
        }
    }

    /// All bytes of the direction have been written, and this comes behind them.
    fn carry_out(&mut self, connection: &mut Connection, direction: Direction, end: End) {
        let to = source_of(direction).other();
        connection.flows[direction.index()].done = true;
        let party = &mut connection.parties[to.index()];
        if end == End::Half {
            if let Some(socket) = &party.socket {
                // A socket that is no longer connected has ended anyway.
                let _ = socket.shutdown(Shutdown::Write);
            }
            return;
        }
        // Closed both ways, as Toxiproxy does: what is on its way back still arrives, then that way is closed too.
        self.counters.closed_by_toxic += u64::from(!connection.flows.iter().all(|f| f.done));
        party.socket = None;
        (party.readable, party.writable) = (false, false);
        let back = direction_from(to);
        let counters = self.counters.direction_mut(back);
        let flow = &mut connection.flows[back.index()];
        if !flow.done {
            flow.end_source(End::Close, counters);
        }
    }

    fn read(&mut self, connection: &mut Connection, direction: Direction) -> Result<(), Over> {
        let source = source_of(direction);
        let has_layer = connection.layer.is_some();
        let flow = &mut connection.flows[direction.index()];
        let limit = if flow.pipeline.is_some() && !has_layer {
            TOXIC_CHUNK_BYTES
        } else {
            self.scratch.len()
        };
        let party = &mut connection.parties[source.index()];
        let count = match read_some(party, &mut self.scratch[..limit]) {
            Ok(Some(count)) => count,
            Ok(None) => return Ok(()),
            Err(_) => {
                connection.fail(source, self.counters);
                return Ok(());
            }
        };
        self.counters.direction_mut(direction).received_bytes += count as u64;
        match (count, has_layer) {
            (0, false) => flow.end_source(End::Half, self.counters.direction_mut(direction)),
            (0, true) => {
                flow.source_done = true;
                self.with_layer(connection, |layer, now_ns, parties, output| {
                    layer.on_end(now_ns, source, &mut parties[source.index()].input, output);
                })?;
            }
            (_, false) => self.forward(connection, direction, count),
            (_, true) => {
                let input = &mut connection.parties[source.index()].input;
                input.extend_from_slice(&self.scratch[..count]);
                self.feed_layer(connection, source)?;
            }
        }
        Ok(())
    }

    /// Sends on what has been read into the scratch buffer, without a stop if nothing is in the way.
    fn forward(&mut self, connection: &mut Connection, direction: Direction, count: usize) {
        let to = source_of(direction).other();
        let flow = &mut connection.flows[direction.index()];
        let party = &mut connection.parties[to.index()];
        let counters = self.counters.direction_mut(direction);
        let mut written = 0;
        if flow.is_direct() && party.writable {
            match write_some(party, &self.scratch[..count], counters) {
                Ok(taken) => written = taken,
                Err(_) => return connection.fail(to, self.counters),
            }
        }
        if written < count {
            let rest = Bytes::copy_from_slice(&self.scratch[written..count]);
            flow.push(self.now_ns, rest, counters);
        }
    }

    /// Calls the layer's timer if it is due or the layer was poked.
    fn wake_layer(&mut self, connection: &mut Connection) -> Result<(), Over> {
        let now_ns = self.now_ns;
        let poked = std::mem::take(&mut connection.poked);
        let due = connection.layer.as_ref().and_then(|l| l.next_timer());
        if poked || due.is_some_and(|due| due <= now_ns) {
            self.with_layer(connection, |layer, now_ns, _, output| {
                layer.on_timer(now_ns, output);
            })?;
        }
        Ok(())
    }

    fn feed_layer(&mut self, connection: &mut Connection, from: Side) -> Result<(), Over> {
        self.with_layer(connection, |layer, now_ns, parties, output| {
            layer.on_bytes(now_ns, from, &mut parties[from.index()].input, output);
        })
    }

    /// Calls the layer and takes over what it sends; then shows it again what it did not want before and wants now.
    fn with_layer(
        &mut self,
        connection: &mut Connection,
        call: impl FnOnce(&mut dyn crate::layer::Layer, u64, &mut [Party; 2], &mut Output),
    ) -> Result<(), Over> {
        let Some(layer) = &mut connection.layer else {
            return Ok(());
        };
        let mut output = Output::default();
        call(
            layer.as_mut(),
            self.now_ns,
            &mut connection.parties,
            &mut output,
        );
        for side in [Side::Client, Side::Upstream, Side::Client] {
            let input = &mut connection.parties[side.index()].input;
            let wants = layer.wants(side);
            if wants && !connection.wanted[side.index()] && !input.is_empty() {
                layer.on_bytes(self.now_ns, side, input, &mut output);
            }
            connection.wanted[side.index()] = wants;
        }
        self.take_over(connection, output)
    }

    fn take_over(&mut self, connection: &mut Connection, mut output: Output) -> Result<(), Over> {
        if output.is_reset() {
            return Err(Over::Reset { wanted: true });
        }
        for to in Side::BOTH {
            let direction = direction_from(to.other());
            let counters = self.counters.direction_mut(direction);
            let flow = &mut connection.flows[direction.index()];
            while let Some(chunk) = output.queue(to).pop() {
                flow.push(self.now_ns, chunk, counters);
            }
            if output.is_ended(to) && flow.end.is_none() && !flow.done {
                flow.end_source(End::Half, counters);
            }
        }
        Ok(())
    }
}

/// Whether bytes of a side should be read now.
fn wants_read(connection: &Connection, source: Side) -> bool {
    let party = &connection.parties[source.index()];
    if !party.readable {
        return false;
    }
    let ahead = &connection.flows[direction_from(source).index()];
    let Some(layer) = &connection.layer else {
        let takes = connection.parties[source.other().index()].writable;
        return ahead.has_room() && (takes || !ahead.is_direct());
    };
    let answers = &connection.flows[direction_from(source.other()).index()];
    !ahead.done
        && !ahead.source_done
        && layer.wants(source)
        && ahead.bytes() < LAYER_AHEAD_BYTES_MAX
        && answers.bytes() < LAYER_ANSWER_BYTES_MAX
}

/// Reads once: the count (0 is the end), or nothing when there is nothing now.
fn read_some(party: &mut Party, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let Some(socket) = &mut party.socket else {
        party.readable = false;
        return Ok(None);
    };
    loop {
        match socket.read(buffer) {
            Ok(count) => {
                // Less than asked for means that there is no more, and that epoll will tell of more.
                if count < buffer.len() && (count == 0 || !party.hung_up) {
                    party.readable = false;
                }
                return Ok(Some(count));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                party.readable = false;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Writes once: how much was taken.
fn write_some(
    party: &mut Party,
    bytes: &[u8],
    counters: &mut DirectionCounters,
) -> io::Result<usize> {
    let count = write_once(party, bytes.len(), |socket| socket.write(bytes))?;
    counters.sent_bytes += count as u64;
    Ok(count)
}

/// Writes once from the front of the queue.
fn write_ready(
    party: &mut Party,
    ready: &mut crate::queue::ByteQueue,
    counters: &mut DirectionCounters,
) -> io::Result<()> {
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let slices = ready.slices(&mut slices);
    let asked = slices.iter().map(|slice| slice.len()).sum();
    let count = write_once(party, asked, |socket| socket.write_vectored(slices))?;
    counters.sent_bytes += count as u64;
    ready.advance(count);
    Ok(())
}

fn write_once(
    party: &mut Party,
    asked: usize,
    mut write: impl FnMut(&mut mio::net::TcpStream) -> io::Result<usize>,
) -> io::Result<usize> {
    let Some(socket) = &mut party.socket else {
        return Err(ErrorKind::NotConnected.into());
    };
    loop {
        match write(socket) {
            Ok(count) => {
                party.writable = count == asked;
                return Ok(count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                party.writable = false;
                return Ok(0);
            }
            Err(error) => return Err(error),
        }
    }
}

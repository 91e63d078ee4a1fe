//! One direction of a connection: what has been read from its source and not yet been written to its destination.

use super::counters::DirectionCounters;
use crate::queue::ByteQueue;
use crate::toxic::{End, Out, Pipeline};
use bytes::Bytes;

/// Bytes that wait for a socket before no more come out of the toxics.
const READY_BYTES_MAX: usize = 256 << 10;
/// Bytes of a stalled direction that are read, so that it shows that they are held; the rest stays with the sender.
const STALL_BYTES_MAX: usize = 64 << 10;

#[derive(Default)]
pub struct Flow {
    /// What may be written now.
    pub ready: ByteQueue,
    pub pipeline: Option<Box<Pipeline>>,
    /// What follows `ready`, or overtakes it if it is a reset.
    pub end: Option<End>,
    /// Nothing is written, not even an end.
    pub stalled: bool,
    /// The source has ended, or its end no longer matters.
    pub source_done: bool,
    /// The end has been carried out: nothing more goes this way.
    pub done: bool,
}

impl Flow {
    /// Whether bytes can go from socket to socket without a stop.
    pub fn is_direct(&self) -> bool {
        self.pipeline.is_none() && self.ready.is_empty() && self.end.is_none() && !self.stalled
    }

    /// Whether more should be read from the source.
    pub fn has_room(&self) -> bool {
        if self.done || self.source_done || self.end.is_some() {
            return false;
        }
        if self.stalled && self.bytes() >= STALL_BYTES_MAX {
            return false;
        }
        match &self.pipeline {
            Some(pipeline) => pipeline.has_room(),
            None => self.ready.is_empty() || (self.stalled && self.ready.len() < STALL_BYTES_MAX),
        }
    }

    pub fn push(&mut self, now_ns: u64, data: Bytes, counters: &mut DirectionCounters) {
        if self.stalled {
            counters.held_bytes += data.len() as u64;
        }
        match &mut self.pipeline {
            Some(pipeline) => pipeline.push(now_ns, data),
            None => self.ready.push(data),
        }
    }

    /// Nothing more comes from the source.
    pub fn end_source(&mut self, end: End, counters: &mut DirectionCounters) {
        self.source_done = true;
        if self.stalled {
            counters.held_ends += 1;
        }
        match &mut self.pipeline {
            Some(pipeline) => pipeline.end(end),
            None => self.end = self.end.max(Some(end)),
        }
    }

    /// Lets the toxics work, and takes over what they give.
    pub fn run_toxics(&mut self, now_ns: u64, counters: &mut DirectionCounters) {
        let Some(pipeline) = &mut self.pipeline else {
            return;
        };
        loop {
            pipeline.run(now_ns);
            let mut popped = false;
            while self.end.is_none() && self.ready.len() < READY_BYTES_MAX {
                match pipeline.pop() {
                    Some(Out::Bytes(data)) => self.ready.push(data),
                    Some(Out::End(end)) => self.end = Some(end),
                    None => break,
                }
                popped = true;
            }
            if !popped {
                break;
            }
        }
        let tally = pipeline.take_tally();
        counters.held_bytes += tally.held_bytes;
        counters.dropped_bytes += tally.dropped_bytes;
        counters.held_ends += tally.held_ends;
        if pipeline.is_gone() {
            self.pipeline = None;
        }
    }

    pub fn next_timer(&self) -> Option<u64> {
        self.pipeline.as_ref().and_then(|p| p.next_timer())
    }

    /// Bytes inside.
    pub fn bytes(&self) -> usize {
        self.ready.len() + self.pipeline.as_ref().map_or(0, |p| p.bytes())
    }

    /// Bytes that a fault holds now: all while stalled, else those that toxics hold.
    pub fn holding_bytes(&self) -> u64 {
        let ready = if self.stalled { self.ready.len() } else { 0 };
        let toxics = self.pipeline.as_ref().map_or(0, |p| p.bytes());
        (ready + toxics) as u64
    }
}

//! A stream: the events of one load.

use super::chunk::{CHUNK_EVENTS, Chunk};
use super::detail::{Detail, FEW};
use super::{mark, outcome};
use crate::anomaly::Place;
use crate::spec::{Expected, JudgeSpec};
use std::collections::BTreeSet;

/// Partitions whose last seen offset is kept; events of further ones count as those of an unknown partition.
const PARTITIONS_MAX: usize = 1 << 16;
/// How many chunks past the last one an event may be: a garbled id must not cost memory.
const JUMP_MAX: usize = 1 << 18;
/// How far past the plan a history may offer.
const BEYOND_PLAN_MAX: u64 = 1 << 24;

pub struct Stream {
    pub chunks: Vec<Chunk>,
    /// By sink.
    pub expected: Vec<Expected>,
    /// By sink: whether its order is judged for this load.
    pub ordered: Vec<bool>,
    /// By sink: the furthest that was seen there.
    pub seen: Vec<Seen>,
    /// Sequences from here on were never offered.
    limit: u64,
    stride: usize,
    steps_an_event: u32,
}

/// Where an event's row is.
#[derive(Clone, Copy)]
pub struct Spot {
    pub chunk: usize,
    pub index: usize,
}

impl Spot {
    #[inline]
    pub const fn of(sequence: u64) -> Self {
        Self {
            chunk: (sequence / CHUNK_EVENTS as u64) as usize,
            index: (sequence % CHUNK_EVENTS as u64) as usize,
        }
    }
}

/// The furthest events of a stream that a sink has shown.
#[derive(Default)]
pub struct Seen {
    sequence: Option<u64>,
    /// By partition; -1 for none.
    offsets: Vec<i64>,
}

impl Seen {
    #[inline]
    pub fn note(&mut self, sequence: u64, place: Option<Place>) {
        self.sequence = self.sequence.max(Some(sequence));
        if let Some(place) = place {
            self.note_place(place);
        }
    }

    #[inline]
    pub fn note_place(&mut self, place: Place) {
        let partition = place.partition as usize;
        if partition >= self.offsets.len() {
            self.offsets.resize(partition + 1, -1);
        }
        let furthest = &mut self.offsets[partition];
        *furthest = place.offset.max(*furthest);
    }

    /// Whether something later than this event was seen: later in its partition, or in its stream when that is unknown.
    pub fn is_past(&self, sequence: u64, place: Option<Place>) -> bool {
        match place {
            Some(place) => self
                .offsets
                .get(place.partition as usize)
                .is_some_and(|&furthest| furthest > place.offset),
            None => self.sequence > Some(sequence),
        }
    }
}

/// A place that is told wholly and can be kept.
#[inline]
pub fn told_place(partition: i32, offset: i64) -> Option<Place> {
    let kept = usize::try_from(partition).is_ok_and(|partition| partition < PARTITIONS_MAX);
    (kept && offset >= 0).then_some(Place { partition, offset })
}

impl Stream {
    pub fn new(spec: &JudgeSpec, stream: u16) -> Self {
        let expected: Vec<_> = spec
            .sinks
            .iter()
            .map(|sink| sink.expected(stream))
            .collect();
        let ordered: Vec<_> = spec
            .sinks
            .iter()
            .map(|sink| sink.ordered && sink.expected(stream) == Expected::Effect)
            .collect();
        let due = expected
            .iter()
            .filter(|&&expected| expected != Expected::Nothing);
        // Its offer and its outcome, its mark in each sink, its place in each line.
        let steps = 2 + due.count() + ordered.iter().filter(|&&ordered| ordered).count();
        Self {
            chunks: Vec::new(),
            seen: spec.sinks.iter().map(|_| Seen::default()).collect(),
            limit: spec
                .loads
                .get(usize::from(stream))
                .map_or(0, |load| load.events),
            stride: (1 + spec.sinks.len()).div_ceil(2),
            steps_an_event: steps as u32,
            expected,
            ordered,
        }
    }

    /// The spot of a planned event; `None` for one that was never planned.
    #[inline]
    pub fn spot(&mut self, sequence: u64) -> Option<Spot> {
        if sequence >= self.limit {
            return None;
        }
        let spot = Spot::of(sequence);
        let chunk = spot.chunk;
        if chunk >= self.chunks.len() {
            if chunk - self.chunks.len() > JUMP_MAX {
                return None;
            }
            let (stride, steps) = (self.stride, self.steps_an_event);
            self.chunks
                .resize_with(chunk + 1, || Chunk::new(stride, steps));
        }
        Some(spot)
    }

    /// Takes the history's word that more is offered than was planned, within reason.
    pub fn extend(&mut self, sequence: u64) -> bool {
        let within = sequence < self.limit.saturating_add(BEYOND_PLAN_MAX);
        if within {
            self.limit = self.limit.max(sequence + 1);
        }
        within
    }

    /// The detail of a chunk, made when it is missing; true when it was.
    #[inline]
    pub fn detail(&mut self, spot: Spot) -> (&mut Detail, bool) {
        let chunk = &mut self.chunks[spot.chunk];
        let made = chunk.detail.is_none();
        let keys = made && self.ordered.contains(&true);
        let detail = chunk
            .detail
            .get_or_insert_with(|| Box::new(Detail::new(keys)));
        (detail, made)
    }

    /// Whether the events of a chunk are still worth a detail.
    pub fn is_open(&self, spot: Spot) -> bool {
        self.chunks[spot.chunk].steps_open > 0
    }

    #[inline]
    pub fn place(&self, spot: Spot) -> Option<Place> {
        self.chunks[spot.chunk].detail.as_ref()?.place(spot.index)
    }

    /// When an event that was offered was offered, as far as it is kept.
    #[inline]
    pub fn offered_at(&self, spot: Spot) -> Option<u64> {
        self.chunks[spot.chunk]
            .detail
            .as_ref()?
            .offered_at(spot.index)
    }

    pub fn outcome(&self, spot: Spot) -> u8 {
        self.chunks[spot.chunk].get(spot.index, 0)
    }

    #[inline]
    pub fn marks(&self, spot: Spot, sink: usize) -> u8 {
        self.chunks[spot.chunk].get(spot.index, 1 + sink)
    }

    /// Takes steps off the chunk, and drops its detail when none is left.
    #[inline]
    pub fn step(&mut self, spot: Spot, steps: u32) {
        let chunk = &mut self.chunks[spot.chunk];
        if chunk.step(steps) {
            chunk.detail = None;
            chunk.compact();
        }
    }

    /// The steps that a rejected event will never take.
    pub fn steps_of_rejected(&self, spot: Spot) -> u32 {
        let sinks = 0..self.expected.len();
        let of = |sink: usize| {
            let marks = self.marks(spot, sink);
            let due = self.expected[sink] != Expected::Nothing && marks == 0;
            let order = self.ordered[sink] && marks & (mark::TRUTH | mark::DEAD) == 0;
            u32::from(due) + u32::from(order)
        };
        sinks.map(of).sum()
    }

    /// Whether a chunk's detail, if it has one, would be small with just the events in flight.
    pub fn has_few_in_flight(&self, chunk: usize) -> bool {
        // An event in flight has at least one step open, and all but its offer at most.
        self.chunks[chunk].steps_open <= FEW as u32 * (self.steps_an_event - 1)
    }

    /// Whether the detail of a chunk is exact and whole.
    pub fn is_detailed(&self, chunk: usize) -> bool {
        let detail = self.chunks[chunk].detail.as_ref();
        detail.is_some_and(|detail| !detail.is_thin())
    }

    /// Thins the detail of a chunk; `in_line` are the indices whose order is still to be judged.
    pub fn thin(&mut self, chunk: usize, in_line: &BTreeSet<usize>) {
        let Some(mut detail) = self.chunks[chunk].detail.take() else {
            return;
        };
        let spot = |index| Spot { chunk, index };
        let keep_max = if self.has_few_in_flight(chunk) {
            CHUNK_EVENTS
        } else {
            FEW
        };
        detail.thin(
            keep_max,
            |index| self.outcome(spot(index)) & outcome::OFFERED != 0,
            |index| in_line.contains(&index) || self.is_in_flight(spot(index)),
        );
        self.chunks[chunk].detail = Some(detail);
    }

    /// Something is still expected of an event that was offered.
    fn is_in_flight(&self, spot: Spot) -> bool {
        let outcome = self.outcome(spot);
        let open = (0..self.expected.len()).any(|sink| {
            let marks = self.marks(spot, sink);
            (self.expected[sink] != Expected::Nothing && marks == 0)
                || (self.ordered[sink] && marks & (mark::TRUTH | mark::DEAD) == 0)
        });
        match outcome & !outcome::OFFERED {
            0 => outcome != 0,
            outcome::REJECTED => false,
            _ => open,
        }
    }
}

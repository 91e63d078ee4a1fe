//! A chunk: the rows of neighbouring events of a stream.

use super::detail::Detail;

/// Events of a chunk. Few in tests, so that small histories fill some.
pub const CHUNK_EVENTS: usize = if cfg!(test) { 32 } else { 4096 };

/// Half bytes: of each event its outcome, then one a sink, padded to whole bytes.
pub enum Rows {
    /// All rows are alike: the one.
    Uniform(Box<[u8]>),
    Each(Box<[u8]>),
}

pub struct Chunk {
    pub rows: Rows,
    /// Of the events in flight: dropped when nothing is expected any more.
    pub detail: Option<Box<Detail>>,
    /// Outcomes and effects that are still expected.
    pub steps_open: u32,
}

impl Chunk {
    pub fn new(stride: usize, steps_an_event: u32) -> Self {
        Self {
            rows: Rows::Uniform(vec![0; stride].into_boxed_slice()),
            detail: None,
            steps_open: steps_an_event * CHUNK_EVENTS as u32,
        }
    }

    /// The half byte of a column of an event.
    #[inline]
    pub fn get(&self, index: usize, column: usize) -> u8 {
        let byte = match &self.rows {
            Rows::Uniform(row) => row[column / 2],
            Rows::Each(rows) => rows[index * (rows.len() / CHUNK_EVENTS) + column / 2],
        };
        (byte >> (column % 2 * 4)) & 15
    }

    /// Sets bits of a half byte, and gives what it was before.
    #[inline]
    pub fn set(&mut self, index: usize, column: usize, bits: u8) -> u8 {
        let rows = match &mut self.rows {
            Rows::Each(rows) => rows,
            Rows::Uniform(_) => self.spread(),
        };
        let stride = rows.len() / CHUNK_EVENTS;
        let byte = &mut rows[index * stride + column / 2];
        let shift = column % 2 * 4;
        let before = (*byte >> shift) & 15;
        *byte |= bits << shift;
        before
    }

    #[cold]
    fn spread(&mut self) -> &mut Box<[u8]> {
        if let Rows::Uniform(row) = &self.rows {
            let rows = row.repeat(CHUNK_EVENTS).into_boxed_slice();
            self.rows = Rows::Each(rows);
        }
        match &mut self.rows {
            Rows::Each(rows) | Rows::Uniform(rows) => rows,
        }
    }

    /// Takes steps off; true when none is left for the first time.
    #[inline]
    pub fn step(&mut self, steps: u32) -> bool {
        let before = self.steps_open;
        self.steps_open = before.saturating_sub(steps);
        before > 0 && self.steps_open == 0
    }

    /// Keeps one row when all are alike.
    pub fn compact(&mut self) {
        if let Rows::Each(rows) = &self.rows {
            let (row, rest) = rows.split_at(rows.len() / CHUNK_EVENTS);
            // Each row equals the one before it.
            if rest == &rows[..rest.len()] {
                self.rows = Rows::Uniform(row.into());
            }
        }
    }

    /// Bytes of memory, itself included.
    pub fn bytes(&self) -> usize {
        let rows = match &self.rows {
            Rows::Uniform(row) => row.len(),
            Rows::Each(rows) => rows.len(),
        };
        let detail = self.detail.as_ref().map_or(0, |detail| detail.bytes());
        size_of::<Self>() + rows + detail
    }
}

//! What a batch holds in the simulator: its records in one piece of memory, which all replicas share.
//!
//! A record has no memory of its own, from the producer's buffer to the consumer that hands it out: a run makes millions of them.

use squall_env::{HeaderIter, Headers, Message};
use squall_model::kafka::NoShelf;
use std::rc::Rc;

/// Body of a record batch.
#[derive(Clone, Debug)]
pub struct Body(Rc<Records>);

#[derive(Debug)]
struct Records {
    rows: Box<[Row]>,
    /// By row: key, headers, payload.
    bytes: Box<[u8]>,
    /// Size on the wire, nominal.
    size: usize,
}

/// Lengths of the parts of a record, and where it begins.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    start: u32,
    key: u32,
    headers: u32,
    header_count: u32,
    payload: u32,
    has_key: bool,
    timestamp_ms: i64,
}

/// One record of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub key: Option<&'a [u8]>,
    headers: &'a [u8],
    header_count: usize,
    pub payload: &'a [u8],
    pub timestamp_ms: i64,
}

/// Header and framing of a batch, and of a record in it, in bytes.
const BATCH_BYTES: usize = 61;
const RECORD_BYTES: usize = 12;
/// What the headers' own form takes beyond what counts for one on the wire.
const HEADER_SURPLUS: usize = 4;
/// Bytes in front of a buffer that were taken out, before it is moved together.
const SLACK: usize = 1 << 14;

/// A run needs no shelf: it is short.
impl squall_model::kafka::Body for Body {
    type Shelf = NoShelf;

    fn shelve(_: &[u8], _: &[Self]) -> Option<NoShelf> {
        None
    }

    fn unshelve(shelf: &NoShelf) -> (Vec<u8>, Vec<Self>) {
        match *shelf {}
    }
}

impl Body {
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.rows.len()
    }

    /// The record at a place that is there.
    #[must_use]
    pub fn get(&self, index: usize) -> Record<'_> {
        let row = self.0.rows[index];
        let (start, key) = (row.start as usize, row.key as usize);
        let (headers, payload) = (row.headers as usize, row.payload as usize);
        let (own, rest) = self.0.bytes[start..].split_at(key);
        let (flat, rest) = rest.split_at(headers);
        Record {
            key: row.has_key.then_some(own),
            headers: flat,
            header_count: row.header_count as usize,
            payload: &rest[..payload],
            timestamp_ms: row.timestamp_ms,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Size on the wire, nominal.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        u32::try_from(BATCH_BYTES + self.0.size).unwrap_or(u32::MAX)
    }

    #[must_use]
    pub fn max_timestamp_ms(&self) -> i64 {
        let times = self.0.rows.iter().map(|row| row.timestamp_ms);
        times.max().unwrap_or(-1)
    }
}

impl Record<'_> {
    #[must_use]
    pub fn headers(&self) -> Headers {
        Headers::from_flat(self.headers, self.header_count)
    }

    /// The value of the last header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        HeaderIter::over(self.headers).last_of(name)
    }
}

impl Row {
    /// # Panics
    /// Never: what a client takes is much smaller than 4 GiB.
    pub fn of(message: &Message<'_>, timestamp_ms: i64) -> Self {
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Self {
            start: 0,
            key: length(message.key.map_or(0, <[u8]>::len)),
            headers: length(message.headers.flat().len()),
            header_count: length(message.headers.len()),
            payload: length(message.payload.len()),
            has_key: message.key.is_some(),
            timestamp_ms,
        }
    }

    /// Size on the wire, nominal.
    #[must_use]
    pub const fn size(&self) -> usize {
        let surplus = HEADER_SURPLUS * self.header_count as usize;
        RECORD_BYTES + self.length() - surplus
    }

    const fn length(&self) -> usize {
        self.key as usize + self.headers as usize + self.payload as usize
    }
}

/// Records that wait to be sent, each with something of its sender's, one behind the other in one buffer.
pub struct Buffer<T> {
    bytes: Vec<u8>,
    /// Where the first of them begins.
    start: usize,
    rows: std::collections::VecDeque<(Row, T)>,
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            rows: std::collections::VecDeque::new(),
        }
    }
}

impl<T> Buffer<T> {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn first(&self) -> Option<&T> {
        self.rows.front().map(|(_, own)| own)
    }

    pub fn push(&mut self, row: Row, message: &Message<'_>, own: T) {
        self.bytes
            .extend_from_slice(message.key.unwrap_or_default());
        self.bytes.extend_from_slice(message.headers.flat());
        self.bytes.extend_from_slice(message.payload);
        self.rows.push_back((row, own));
    }

    /// How many of the first ones fit into a batch: at least one, if there is one.
    pub fn fitting(&self, records: usize, bytes: usize) -> usize {
        let mut sum = 0;
        let fits = |(row, _): &&(Row, T)| {
            sum += row.size();
            sum <= bytes
        };
        let count = self.rows.iter().take(records).take_while(fits).count();
        count.max(1).min(self.rows.len())
    }

    /// Takes the first ones out, `take` hearing what each had of its sender's.
    pub fn take(&mut self, count: usize, mut take: impl FnMut(T)) -> Body {
        let (mut length, mut size) = (0, 0);
        let row = |(mut row, own): (Row, T)| {
            row.start = u32::try_from(length).unwrap_or(u32::MAX);
            length += row.length();
            size += row.size();
            take(own);
            row
        };
        let rows: Box<[Row]> = self.rows.drain(..count).map(row).collect();
        let bytes = self.bytes[self.start..self.start + length].into();
        self.start += length;
        if self.rows.is_empty() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > SLACK {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        Body(Rc::new(Records { rows, bytes, size }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(from: u32, to: u32) -> Buffer<u32> {
        let mut buffer = Buffer::default();
        for number in from..to {
            let mut headers = Headers::new();
            headers.push("n", number.to_string().as_bytes());
            headers.push("n", (number + 1).to_string().as_bytes());
            let key = number.to_le_bytes();
            let message = Message {
                topic: "t",
                key: (number % 3 > 0).then_some(&key),
                headers: &headers,
                payload: &vec![b'x'; number as usize % 7],
            };
            buffer.push(Row::of(&message, i64::from(number)), &message, number);
        }
        buffer
    }

    #[test]
    fn records_come_out_as_they_went_in_however_they_are_cut() {
        let mut buffer = filled(0, 50_000);
        let mut next: u32 = 0;
        for count in (1..100).cycle() {
            let count = count.min(buffer.len());
            let mut own = Vec::new();
            let body = buffer.take(count, |number| own.push(number));
            assert_eq!(body.len(), count);
            for (record, number) in body.iter().zip(next..) {
                let key = number.to_le_bytes();
                assert_eq!(record.key, (number % 3 > 0).then_some(&key[..]));
                assert_eq!(
                    record.header("n"),
                    Some((number + 1).to_string().as_bytes())
                );
                assert_eq!(record.headers().len(), 2);
                assert_eq!(record.payload.len(), number as usize % 7);
                assert_eq!(record.timestamp_ms, i64::from(number));
            }
            assert!(own.into_iter().eq(next..next + count as u32));
            next += count as u32;
            if buffer.is_empty() {
                break;
            }
        }
        assert_eq!(next, 50_000);
    }

    #[test]
    fn a_batch_takes_what_fits_and_never_nothing() {
        let buffer = filled(1, 11);
        assert_eq!(buffer.fitting(4, usize::MAX), 4);
        assert_eq!(buffer.fitting(100, usize::MAX), 10);
        assert_eq!(buffer.fitting(100, 0), 1);
        // Frame, key, two headers of two bytes each on top of name and value, payload.
        let first = 12 + 4 + 2 * (1 + 1 + 2) + 1;
        let second = first + 1;
        assert_eq!(buffer.fitting(100, first + second), 2);
        assert_eq!(buffer.fitting(100, first + second - 1), 1);
        let empty: Buffer<u32> = Buffer::default();
        assert_eq!(empty.fitting(5, 5), 0);
    }

    #[test]
    fn the_size_of_a_batch_is_that_of_its_records() {
        let mut buffer = filled(1, 3);
        let count = buffer.len();
        let body = buffer.take(count, |_| ());
        assert_eq!(body.bytes(), 61 + 25 + 26);
        assert_eq!(body.max_timestamp_ms(), 2);
    }
}

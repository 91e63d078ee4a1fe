//! Writing primitives of Kafka's protocol into one frame: encoded bytes with record batches between them, which are not copied.

use super::frame::{Frame, Piece};
use bytes::Bytes;

/// Batches smaller than this are copied: a vector element of a write costs more.
pub const COPY_BYTES_MAX: usize = 2048;

/// Builds one response frame: length, correlation id, then what the caller writes.
pub struct Writer<X> {
    buffer: Vec<u8>,
    pieces: Vec<Piece<X>>,
    pieces_bytes: usize,
    flexible: bool,
}

macro_rules! integers {
    ($($name:ident: $type:ty),*) => {
        $(pub fn $name(&mut self, value: $type) {
            self.buffer.extend_from_slice(&value.to_be_bytes());
        })*
    };
}

impl<X> Writer<X> {
    /// `flexible_header` adds the empty tag section of response header version 1.
    #[must_use]
    pub fn response(correlation: i32, flexible_header: bool, flexible: bool) -> Self {
        let mut writer = Self {
            buffer: Vec::with_capacity(256),
            pieces: Vec::new(),
            pieces_bytes: 0,
            flexible,
        };
        writer.i32(0);
        writer.i32(correlation);
        if flexible_header {
            writer.buffer.push(0);
        }
        writer
    }

    integers!(i8: i8, i16: i16, i32: i32, i64: i64);

    pub fn bool(&mut self, value: bool) {
        self.buffer.push(u8::from(value));
    }

    pub fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buffer.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.buffer.push(value.to_le_bytes()[0]);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn length(&mut self, length: Option<usize>, short: bool) {
        let length = length.map_or(-1, |n| i32::try_from(n).unwrap_or(i32::MAX));
        if self.flexible {
            self.uvarint(length.cast_unsigned().wrapping_add(1));
        } else if short {
            self.i16(i16::try_from(length).unwrap_or(i16::MAX));
        } else {
            self.i32(length);
        }
    }

    pub fn nullable_string(&mut self, text: Option<&str>) {
        // The reader lets no longer text in, and the server's own messages are short.
        debug_assert!(text.is_none_or(|t| t.len() <= i16::MAX as usize));
        self.length(text.map(str::len), true);
        if let Some(text) = text {
            self.raw(text.as_bytes());
        }
    }

    pub fn string(&mut self, text: &str) {
        self.nullable_string(Some(text));
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.length(Some(bytes.len()), false);
        self.raw(bytes);
    }

    /// Length prefix of record data; its bytes follow by [`Self::raw`], [`Self::shared`] and [`Self::piece`].
    pub fn records_length(&mut self, length: usize) {
        self.length(Some(length), false);
    }

    pub fn array_length(&mut self, length: usize) {
        self.length(Some(length), false);
    }

    pub fn null_array(&mut self) {
        self.length(None, false);
    }

    pub fn array<T>(
        &mut self,
        elements: impl ExactSizeIterator<Item = T>,
        mut element: impl FnMut(&mut Self, T),
    ) {
        self.array_length(elements.len());
        for item in elements {
            element(self, item);
        }
    }

    /// The empty tag section that ends a flexible structure.
    pub fn tags(&mut self) {
        if self.flexible {
            self.buffer.push(0);
        }
    }

    /// A tagged field whose size the closure's writes give; call after the count of tags.
    pub fn tagged(&mut self, tag: u32, field: impl FnOnce(&mut Self)) {
        self.uvarint(tag);
        let outer = std::mem::take(&mut self.buffer);
        field(self);
        let inner = std::mem::replace(&mut self.buffer, outer);
        self.uvarint(u32::try_from(inner.len()).unwrap_or(u32::MAX));
        self.raw(&inner);
    }

    /// Bytes that are shared and not copied, unless they are few.
    pub fn shared(&mut self, bytes: Bytes) {
        if bytes.len() <= COPY_BYTES_MAX {
            self.raw(&bytes);
        } else {
            self.seal();
            self.pieces_bytes += bytes.len();
            self.pieces.push(Piece::Bytes(bytes));
        }
    }

    /// Bytes that will be read from elsewhere when the socket takes them.
    pub fn elsewhere(&mut self, place: X, length: usize) {
        self.seal();
        self.pieces_bytes += length;
        self.pieces.push(Piece::Elsewhere { place, length });
    }

    fn seal(&mut self) {
        if !self.buffer.is_empty() {
            let buffer = std::mem::take(&mut self.buffer);
            self.pieces_bytes += buffer.len();
            self.pieces.push(Piece::Bytes(Bytes::from(buffer)));
        }
    }

    /// Ends the frame and writes its length in front.
    #[must_use]
    pub fn finish(mut self) -> Frame<X> {
        if self.pieces.is_empty() {
            let length = u32::try_from(self.buffer.len() - 4).unwrap_or(u32::MAX);
            self.buffer[..4].copy_from_slice(&length.to_be_bytes());
            return Frame::new(vec![Piece::Bytes(Bytes::from(self.buffer))]);
        }
        self.seal();
        let length = u32::try_from(self.pieces_bytes - 4).unwrap_or(u32::MAX);
        if let Some(Piece::Bytes(first)) = self.pieces.first_mut() {
            let mut patched = first.to_vec();
            patched[..4].copy_from_slice(&length.to_be_bytes());
            *first = Bytes::from(patched);
        }
        Frame::new(self.pieces)
    }
}

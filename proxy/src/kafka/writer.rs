//! Writing primitives of Kafka's protocol, for the few answers that are made here.

use bytes::{BufMut, Bytes, BytesMut};

/// Builds one frame, or a part of one. What it writes must begin with the length field to be finished.
pub struct Writer {
    buffer: BytesMut,
    flexible: bool,
}

macro_rules! integers {
    ($($name:ident: $type:ty),*) => {
        $(pub fn $name(&mut self, value: $type) {
            self.buffer.extend_from_slice(&value.to_be_bytes());
        })*
    };
}

impl Writer {
    /// `flexible_header` adds the empty tag section of answer header version 1.
    pub fn answer(correlation: i32, flexible_header: bool, flexible: bool) -> Self {
        let mut writer = Self {
            buffer: BytesMut::with_capacity(64),
            flexible,
        };
        writer.i32(0);
        writer.i32(correlation);
        if flexible_header {
            writer.buffer.put_u8(0);
        }
        writer
    }

    /// A frame of which the caller writes all but the length, in classic lengths.
    pub fn frame() -> Self {
        let mut writer = Self::part(false);
        writer.i32(0);
        writer
    }

    /// Writes a part of a frame, without length and header.
    pub fn part(flexible: bool) -> Self {
        Self {
            buffer: BytesMut::new(),
            flexible,
        }
    }

    integers!(i8: i8, i16: i16, i32: i32, i64: i64);

    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buffer.put_u8(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value.to_le_bytes()[0]);
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
        self.length(text.map(str::len), true);
        if let Some(text) = text {
            self.raw(text.as_bytes());
        }
    }

    pub fn string(&mut self, text: &str) {
        self.nullable_string(Some(text));
    }

    pub fn empty_bytes(&mut self) {
        self.bytes(&[]);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.length(Some(bytes.len()), false);
        self.raw(bytes);
    }

    pub fn array_length(&mut self, length: usize) {
        self.length(Some(length), false);
    }

    pub fn array<T>(&mut self, elements: &[T], mut element: impl FnMut(&mut Self, &T)) {
        self.array_length(elements.len());
        for item in elements {
            element(self, item);
        }
    }

    /// The empty tag section that ends a flexible structure.
    pub fn tags(&mut self) {
        if self.flexible {
            self.buffer.put_u8(0);
        }
    }

    /// What was written by a writer of a part.
    pub fn into_part(self) -> BytesMut {
        self.buffer
    }

    /// Ends the frame and writes its length in front.
    pub fn finish(mut self) -> Bytes {
        let length = u32::try_from(self.buffer.len() - 4).unwrap_or(u32::MAX);
        self.buffer[..4].copy_from_slice(&length.to_be_bytes());
        self.buffer.freeze()
    }
}

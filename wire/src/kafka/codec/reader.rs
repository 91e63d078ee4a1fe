//! Reading primitives of Kafka's protocol from one frame.
//!
//! Every length is checked against what the frame still holds before anything is allocated, so a frame can never make the decoder allocate
//! more than a small multiple of its own size.

use bytes::Bytes;
use thiserror::Error;

/// Most elements that one array of a request may have. Kafka has no such limit; a client that needs more is not one.
const ELEMENTS_MAX: usize = 100_000;
/// Capacity that an array gets before its first element is decoded.
const CAPACITY_MAX: usize = 64;

/// Why a request cannot be read. The connection is closed, as Kafka does with an `InvalidRequestException`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Malformed {
    #[error("the frame ends inside a field")]
    Truncated,
    #[error("a length is negative or larger than its frame")]
    BadLength,
    #[error("an array has more than {ELEMENTS_MAX} elements")]
    TooManyElements,
    #[error("a string is not UTF-8")]
    NotUtf8,
    #[error("a varint is longer than its type")]
    BadVarint,
    #[error("a field holds a value that its type does not have")]
    BadValue,
    #[error("api key {0} is not served")]
    UnknownApi(i16),
    #[error("version {version} of api key {api} is not served")]
    UnsupportedVersion { api: i16, version: i16 },
    #[error("clients have used more distinct names than the server keeps")]
    TooManyNames,
}

type Result<T> = std::result::Result<T, Malformed>;

/// A cursor over one frame. `flexible` selects compact lengths and tagged fields (KIP-482).
pub struct Reader<'a> {
    frame: &'a Bytes,
    at: usize,
    flexible: bool,
}

macro_rules! integers {
    ($($name:ident: $type:ty),*) => {
        $(pub fn $name(&mut self) -> Result<$type> {
            self.array_of().map(<$type>::from_be_bytes)
        })*
    };
}

impl<'a> Reader<'a> {
    #[must_use]
    pub fn new(frame: &'a Bytes) -> Self {
        Self {
            frame,
            at: 0,
            flexible: false,
        }
    }

    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    #[must_use]
    pub fn remaining(&self) -> usize {
        self.frame.len() - self.at
    }

    integers!(i8: i8, i16: i16, i32: i32, i64: i64);

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N]> {
        let slice = self.take(N)?;
        slice.try_into().map_err(|_| Malformed::Truncated)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(Malformed::BadLength)?;
        let slice = self.frame.get(self.at..end).ok_or(Malformed::Truncated)?;
        self.at = end;
        Ok(slice)
    }

    pub fn bool(&mut self) -> Result<bool> {
        Ok(self.i8()? != 0)
    }

    /// Unsigned varint of at most 32 bits.
    pub fn uvarint(&mut self) -> Result<u32> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = u32::from(self.take(1)?[0]);
            if shift == 28 && byte > 0x0f {
                return Err(Malformed::BadVarint);
            }
            value |= (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::BadVarint)
    }

    /// `None` for a null length.
    fn length(&mut self, short: bool) -> Result<Option<usize>> {
        let length = if self.flexible {
            i64::from(self.uvarint()?) - 1
        } else if short {
            i64::from(self.i16()?)
        } else {
            i64::from(self.i32()?)
        };
        match length {
            -1 => Ok(None),
            n => {
                let n = usize::try_from(n).map_err(|_| Malformed::BadLength)?;
                if n > self.remaining() {
                    return Err(Malformed::BadLength);
                }
                Ok(Some(n))
            }
        }
    }

    pub fn nullable_string(&mut self) -> Result<Option<&'a str>> {
        let Some(length) = self.length(true)? else {
            return Ok(None);
        };
        // Kafka holds compact strings to the limit of the classic ones.
        if length > i16::MAX as usize {
            return Err(Malformed::BadLength);
        }
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Malformed::NotUtf8)?;
        Ok(Some(text))
    }

    pub fn string(&mut self) -> Result<&'a str> {
        self.nullable_string()?.ok_or(Malformed::BadLength)
    }

    /// A slice of the frame, not a copy.
    pub fn nullable_bytes(&mut self) -> Result<Option<Bytes>> {
        let Some(length) = self.length(false)? else {
            return Ok(None);
        };
        let from = self.at;
        self.take(length)?;
        Ok(Some(self.frame.slice(from..from + length)))
    }

    pub fn bytes(&mut self) -> Result<Bytes> {
        self.nullable_bytes()?.ok_or(Malformed::BadLength)
    }

    pub fn nullable_array<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Option<Vec<T>>> {
        let Some(length) = self.length(false)? else {
            return Ok(None);
        };
        if length > ELEMENTS_MAX {
            return Err(Malformed::TooManyElements);
        }
        let mut elements = Vec::with_capacity(length.min(CAPACITY_MAX));
        for _ in 0..length {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// An array of the request; null counts as malformed.
    pub fn array<T>(&mut self, element: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.nullable_array(element)?.ok_or(Malformed::BadLength)
    }

    /// Skips the tagged fields that end a flexible structure: none of them means anything here.
    pub fn tags(&mut self) -> Result<()> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.uvarint()? {
            self.uvarint()?;
            let length = self.uvarint()? as usize;
            self.take(length)?;
        }
        Ok(())
    }
}

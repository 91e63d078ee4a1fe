//! Reading primitives of Kafka's protocol, with the position of everything, over one frame.
//!
//! Nothing is allocated for a length before its bytes are there.

use thiserror::Error;

/// Why a frame cannot be read. The connection is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Malformed {
    #[error("the frame ends inside a field")]
    Truncated,
    #[error("a length is negative or larger than its frame")]
    BadLength,
    #[error("a string is not UTF-8")]
    NotUtf8,
    #[error("a varint is longer than its type")]
    BadVarint,
    #[error("a frame of {0} bytes is shorter than its header or longer than allowed")]
    FrameLength(i64),
    #[error("an answer came that nobody waits for")]
    Unasked,
    #[error("the answer to request {expected} carries correlation id {found}")]
    Correlation { expected: i32, found: i32 },
    #[error("version {version} of api key {api} cannot be decoded here")]
    UnknownVersion { api: i16, version: i16 },
}

pub type Result<T> = std::result::Result<T, Malformed>;

/// A cursor over one frame. `flexible` selects compact lengths and tagged fields (KIP-482).
pub struct Reader<'a> {
    frame: &'a [u8],
    at: usize,
    flexible: bool,
}

macro_rules! integers {
    ($($name:ident: $type:ty),*) => {
        $(pub fn $name(&mut self) -> Result<$type> {
            let slice = self.take(size_of::<$type>())?;
            slice.try_into().map(<$type>::from_be_bytes).map_err(|_| Malformed::Truncated)
        })*
    };
}

impl<'a> Reader<'a> {
    pub fn new(frame: &'a [u8], flexible: bool) -> Self {
        Self {
            frame,
            at: 0,
            flexible,
        }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn remaining(&self) -> usize {
        self.frame.len() - self.at
    }

    pub fn is_flexible(&self) -> bool {
        self.flexible
    }

    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    integers!(i8: i8, i16: i16, i32: i32, i64: i64);

    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(Malformed::BadLength)?;
        let slice = self.frame.get(self.at..end).ok_or(Malformed::Truncated)?;
        self.at = end;
        Ok(slice)
    }

    pub fn skip(&mut self, length: usize) -> Result<()> {
        self.take(length).map(|_| ())
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
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| Malformed::BadLength)?;
        Ok(Some(length))
    }

    pub fn nullable_string(&mut self) -> Result<Option<&'a str>> {
        let Some(length) = self.length(true)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Malformed::NotUtf8)?;
        Ok(Some(text))
    }

    pub fn string(&mut self) -> Result<&'a str> {
        self.nullable_string()?.ok_or(Malformed::BadLength)
    }

    /// Bytes or records, null or not.
    pub fn skip_bytes(&mut self) -> Result<()> {
        self.bytes().map(|_| ())
    }

    /// Null counts as empty.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.length(false)?.unwrap_or(0);
        self.take(length)
    }

    /// How many elements follow; null counts as none. Every element has a byte at least: no length makes a loop longer than the frame.
    pub fn array_length(&mut self) -> Result<usize> {
        let length = self.length(false)?.unwrap_or(0);
        if length > self.remaining() {
            return Err(Malformed::BadLength);
        }
        Ok(length)
    }

    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        for _ in 0..self.array_length()? {
            element(self)?;
        }
        Ok(())
    }

    /// Skips the tagged fields that end a flexible structure.
    pub fn tags(&mut self) -> Result<()> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.uvarint()? {
            self.uvarint()?;
            let length = self.uvarint()? as usize;
            self.skip(length)?;
        }
        Ok(())
    }
}

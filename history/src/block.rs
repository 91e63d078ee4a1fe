//! The frame of a history: a mark with a version, then blocks.
//!
//! Numbers are little-endian. A block's head is 13 bytes: kind (1), payload length (4), CRC-32C of the payload (4),
//! CRC-32C of the nine bytes before (4). The head has a checksum of its own so that a damaged length in the middle of a file
//! is told from a tail that was never written.

/// The first bytes of a history: the mark, then [`VERSION`].
pub const MARK: [u8; 6] = *b"squall";
/// Version of the frame and of the ops blocks.
pub const VERSION: u16 = 1;
pub const FILE_HEAD_BYTES: usize = 8;
pub const HEAD_BYTES: usize = 13;
/// No writer makes larger ones; a reader refuses them, so that a damaged file cannot ask for all memory.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

pub const OPS: u8 = 1;
pub const NOTES: u8 = 2;

pub fn file_head() -> [u8; FILE_HEAD_BYTES] {
    let mut head = [0; FILE_HEAD_BYTES];
    head[..6].copy_from_slice(&MARK);
    head[6..].copy_from_slice(&VERSION.to_le_bytes());
    head
}

/// A block's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    pub kind: u8,
    pub length: u32,
    pub checksum: u32,
}

impl Head {
    pub fn of(kind: u8, payload: &[u8]) -> Self {
        Self {
            kind,
            length: payload.len() as u32,
            checksum: crc32c::crc32c(payload),
        }
    }

    pub fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[0] = self.kind;
        bytes[1..5].copy_from_slice(&self.length.to_le_bytes());
        bytes[5..9].copy_from_slice(&self.checksum.to_le_bytes());
        let own = crc32c::crc32c(&bytes[..9]);
        bytes[9..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// `None` when the head's own checksum does not fit.
    pub fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        (word(9) == crc32c::crc32c(&bytes[..9])).then(|| Self {
            kind: bytes[0],
            length: word(1),
            checksum: word(5),
        })
    }
}

//! What the judge remembers of each event: half a byte for its outcome and half a byte a sink, and more only while it is in
//! flight.

mod chunk;
mod detail;
mod stream;

pub use chunk::{CHUNK_EVENTS, Rows};
pub use stream::{Spot, Stream, told_place};

/// Bits of an event's outcome.
pub mod outcome {
    pub const OFFERED: u8 = 1;
    pub const ACCEPTED: u8 = 2;
    pub const REJECTED: u8 = 4;
    pub const INDETERMINATE: u8 = 8;
}

/// Bits of what a sink has of an event.
pub mod mark {
    /// Its effect was seen live.
    pub const LIVE: u8 = 1;
    /// Its effect was seen by the reading that is the truth about the sink.
    pub const TRUTH: u8 = 2;
    pub const DEAD: u8 = 4;
    /// More than one true effect.
    pub const MULTIPLE: u8 = 8;
}

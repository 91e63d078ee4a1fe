//! What a batch holds in the simulator: the records themselves, shared by all replicas.

use squall_env::Headers;
use std::rc::Rc;

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub key: Option<Vec<u8>>,
    pub headers: Headers,
    pub payload: Vec<u8>,
    pub timestamp_ms: i64,
}

/// Body of a record batch.
pub type Body = Rc<[Record]>;

/// Header and framing of a batch, and of a record in it, in bytes.
const BATCH_BYTES: usize = 61;
const RECORD_BYTES: usize = 12;

impl Record {
    /// Size on the wire, nominal.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(n, v)| n.len() + v.len() + 2)
            .sum();
        RECORD_BYTES + self.key.as_ref().map_or(0, Vec::len) + headers + self.payload.len()
    }
}

/// Size of a batch on the wire.
#[must_use]
pub fn batch_bytes(records: &[Record]) -> u32 {
    let bytes = BATCH_BYTES + records.iter().map(Record::bytes).sum::<usize>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

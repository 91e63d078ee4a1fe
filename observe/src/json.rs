//! Ids inside JSON.

use crate::id::IdReader;
use squall_check::EventId;

/// The id at a JSON pointer (RFC 6901).
pub(crate) fn id_at(json: &[u8], pointer: &str, ids: &IdReader) -> Option<EventId> {
    let value: serde_json::Value = serde_json::from_slice(json).ok()?;
    ids.exact(value.pointer(pointer)?.as_str()?.as_bytes())
}

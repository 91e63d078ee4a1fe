//! One request frame, read and thrown away: what fuzzing drives.

use super::codec::{self, Call, Malformed, Reader, RequestHeader};
use super::names::Names;
use super::record_batch::{self, Limits};
use bytes::Bytes;

/// Reads a request frame (without its length) as a broker would, and checks the record batches of a Produce. Gives the number of batches
/// that would be appended.
///
/// # Errors
/// When a broker would close the connection.
pub fn parse_request(frame: &[u8]) -> Result<usize, Malformed> {
    let frame = Bytes::copy_from_slice(frame);
    let mut names = Names::default();
    let mut reader = Reader::new(&frame);
    let header = RequestHeader::read(&mut reader)?;
    let client = names.intern_client(header.client_id.unwrap_or_default());
    let call = codec::read::<()>(&header, &mut reader, client, &mut names)?;
    let Call::Produce(data) = call else {
        return Ok(0);
    };
    let limits = Limits {
        batch_bytes_max: 1 << 20,
        produce_version: header.version,
    };
    let good = |records: &Option<Bytes>| record_batch::check(records.as_ref(), limits).is_ok();
    Ok(data.partitions.iter().filter(|(_, r)| good(r)).count())
}

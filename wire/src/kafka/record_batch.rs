//! Record batches as producers send them: Kafka's checks before an append, and the header that machines need.
//!
//! The order of the checks and their errors are Kafka's: `ProduceRequest.validateRecords`, `UnifiedLog.analyzeAndValidateRecords`,
//! `LogValidator` and `DefaultRecordBatch`. Records are walked and not copied; those of a compressed batch are not opened, so there the
//! declared count stands against the offsets only.

use bytes::Bytes;
use squall_model::kafka::{BatchHeader, BatchKind, ErrorCode, Stamp};

/// Base offset and length, which precede what the length counts.
const LOG_OVERHEAD: usize = 12;
/// Whole header of a batch of magic 2.
pub const HEADER_BYTES: usize = 61;
/// Smallest length that any magic can have.
const LENGTH_MIN: usize = 14;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
/// What base offset, length and leader epoch take; they are not under the CRC, so that a broker can set them.
pub const PATCHED_BYTES: usize = 16;

const COMPRESSION: i16 = 0x07;
const ZSTD: i16 = 4;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// What the checks depend on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `message.max.bytes` or the topic's `max.message.bytes`.
    pub batch_bytes_max: usize,
    /// Version of the Produce request: zstd needs 7.
    pub produce_version: i16,
}

/// Checks the record data of one partition of a Produce request and gives its one batch with what is known of it.
///
/// # Errors
/// The error code that Kafka answers.
pub fn check(records: Option<&Bytes>, limits: Limits) -> Result<(BatchHeader, Bytes), ErrorCode> {
    let batch = only_batch(records.ok_or(ErrorCode::InvalidRecord)?, limits)?;
    let fields = Fields::new(&batch);
    if fields.i64(0) != 0 {
        return Err(ErrorCode::InvalidRecord);
    }
    if batch.len() > limits.batch_bytes_max {
        return Err(ErrorCode::MessageTooLarge);
    }
    if batch.len() < HEADER_BYTES
        || crc32c::crc32c(&batch[ATTRIBUTES_AT..]) != fields.i32(CRC_AT).cast_unsigned()
    {
        return Err(ErrorCode::CorruptMessage);
    }
    let header = check_header(&fields, batch.len())?;
    if fields.i16(ATTRIBUTES_AT) & COMPRESSION == 0 {
        walk_records(&batch[HEADER_BYTES..], header.records).ok_or(ErrorCode::InvalidRecord)?;
    }
    Ok((header, batch))
}

/// Big-endian integers at fixed places; a place behind the end reads as 0, and callers check sizes first.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let slice = self.0.get(at..at + N).unwrap_or(&[0; N]);
        slice.try_into().unwrap_or([0; N])
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_be_bytes(self.array(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_be_bytes(self.array(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_be_bytes(self.array(at))
    }
}

fn only_batch(records: &Bytes, limits: Limits) -> Result<Bytes, ErrorCode> {
    let length = next_batch(records)?.ok_or(ErrorCode::InvalidRecord)?;
    let batch = records.slice(..length);
    if batch[MAGIC_AT] != 2 {
        return Err(ErrorCode::InvalidRecord);
    }
    if batch.len() >= HEADER_BYTES {
        let compression = Fields::new(&batch).i16(ATTRIBUTES_AT) & COMPRESSION;
        if compression > ZSTD {
            return Err(ErrorCode::UnknownServerError);
        }
        if compression == ZSTD && limits.produce_version < 7 {
            return Err(ErrorCode::UnsupportedCompressionType);
        }
    }
    match next_batch(&records[length..])? {
        Some(_) => Err(ErrorCode::InvalidRecord),
        None => Ok(batch),
    }
}

/// Length of the first whole batch; `None` where the data ends before one does.
fn next_batch(data: &[u8]) -> Result<Option<usize>, ErrorCode> {
    if data.len() < LOG_OVERHEAD {
        return Ok(None);
    }
    let length =
        usize::try_from(Fields::new(data).i32(8)).map_err(|_| ErrorCode::CorruptMessage)?;
    if length < LENGTH_MIN {
        return Err(ErrorCode::CorruptMessage);
    }
    if data.len() < LOG_OVERHEAD + length {
        return Ok(None);
    }
    if data[MAGIC_AT] > 2 {
        return Err(ErrorCode::CorruptMessage);
    }
    Ok(Some(LOG_OVERHEAD + length))
}

fn check_header(fields: &Fields<'_>, length: usize) -> Result<BatchHeader, ErrorCode> {
    let attributes = fields.i16(ATTRIBUTES_AT);
    let last_offset_delta = fields.i32(23);
    let count = fields.i32(57);
    let stamp = Stamp {
        producer_id: fields.i64(43),
        producer_epoch: fields.i16(51),
        base_sequence: fields.i32(53),
    };
    let has_producer = stamp.producer_id >= 0;
    if count <= 0
        || last_offset_delta.checked_add(1) != Some(count)
        || (has_producer && stamp.base_sequence < 0)
        || attributes & CONTROL != 0
    {
        return Err(ErrorCode::InvalidRecord);
    }
    Ok(BatchHeader {
        records: count.cast_unsigned(),
        bytes: u32::try_from(length).map_err(|_| ErrorCode::MessageTooLarge)?,
        stamp: has_producer.then_some(stamp),
        max_timestamp_ms: fields.i64(35),
        kind: BatchKind::Data,
        transactional: attributes & TRANSACTIONAL != 0,
    })
}

/// Goes over `count` records, which must fill `data` exactly.
fn walk_records(data: &[u8], count: u32) -> Option<()> {
    let mut rest = data;
    for _ in 0..count {
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        let (record, after) = rest.split_at_checked(length)?;
        walk_record(record)?;
        rest = after;
    }
    rest.is_empty().then_some(())
}

fn walk_record(mut record: &[u8]) -> Option<()> {
    let r = &mut record;
    skip(r, 1)?; // attributes
    varint(r)?; // timestamp delta
    varint(r)?; // offset delta
    skip_nullable(r)?; // key
    skip_nullable(r)?; // value
    let headers = varint(r)?;
    if headers < 0 {
        return None;
    }
    for _ in 0..headers {
        let name = usize::try_from(varint(r)?).ok()?;
        skip(r, name)?;
        skip_nullable(r)?;
    }
    r.is_empty().then_some(())
}

fn skip(r: &mut &[u8], length: usize) -> Option<()> {
    *r = r.get(length..)?;
    Some(())
}

fn skip_nullable(r: &mut &[u8]) -> Option<()> {
    match varint(r)? {
        -1 => Some(()),
        length => skip(r, usize::try_from(length).ok()?),
    }
}

/// Zigzag varint of up to 64 bits.
fn varint(r: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for (index, byte) in r.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *r = &r[index + 1..];
            return Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
        }
    }
    None
}

#[cfg(test)]
mod tests;

//! Record batches, encoded and decoded by another codec than the one under test.

use super::book::SentBatch;
use crate::seen::Read;
use crate::step::Flaw;
use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;

/// The bytes of a batch, broken as `flaw` says.
pub fn encode(batch: &SentBatch, flaw: Option<Flaw>) -> Bytes {
    let stamp = batch.by;
    let records: Vec<Record> = (0..)
        .zip(&batch.values)
        .map(|(index, value)| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: stamp.map_or(-1, |s| s.id),
            producer_epoch: stamp.map_or(-1, |s| s.epoch),
            timestamp_type: TimestampType::Creation,
            offset: i64::from(index),
            // The encoder makes one batch of what is numbered on; without a producer it begins at -1.
            sequence: stamp.map_or(-1, |s| s.sequence).wrapping_add(index),
            timestamp: batch.timestamp,
            key: None,
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: IndexMap::new(),
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut bytes = BytesMut::new();
    // Cannot fail into memory; an empty batch would be refused by the broker and seen.
    let _ = RecordBatchEncoder::encode(&mut bytes, &records, &options);
    match flaw {
        Some(Flaw::BadCrc) if bytes.len() > CRC_AT => bytes[CRC_AT] ^= 0xff,
        Some(Flaw::BadMagic) if bytes.len() > MAGIC_AT => bytes[MAGIC_AT] = 9,
        Some(Flaw::Empty) => bytes.clear(),
        _ => {}
    }
    bytes.freeze()
}

/// The records in a fetch's answer, a batch that was cut off left out. `number` names producers.
///
/// # Errors
/// What is wrong with the bytes.
pub fn decode(bytes: &Bytes, number: impl Fn(i64) -> u8) -> Result<Vec<Read>, String> {
    let mut rest = bytes.clone();
    let mut read = Vec::new();
    while let Some(length) = batch_bytes(&rest) {
        if rest.len() < length {
            break;
        }
        let mut batch = rest.split_to(length);
        let set = RecordBatchDecoder::decode(&mut batch).map_err(|e| e.to_string())?;
        read.extend(set.records.into_iter().map(|record| Read {
            offset: record.offset,
            epoch: record.partition_leader_epoch,
            producer: (record.producer_id >= 0).then(|| number(record.producer_id)),
            producer_epoch: record.producer_epoch,
            sequence: if record.producer_id < 0 {
                -1
            } else {
                record.sequence
            },
            timestamp: record.timestamp,
            value: shorten(&record.value.unwrap_or_default()),
        }));
    }
    Ok(read)
}

/// Long values are told by their beginning and length.
fn shorten(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    if text.len() <= 64 {
        return text.into_owned();
    }
    let head: String = text.chars().take(16).collect();
    format!("{head}...{}", text.len())
}

fn batch_bytes(bytes: &[u8]) -> Option<usize> {
    let length: [u8; 4] = bytes.get(8..12)?.try_into().ok()?;
    Some(12 + usize::try_from(i32::from_be_bytes(length)).ok()?)
}

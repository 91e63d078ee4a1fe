//! Batches from the oracle's encoder, and what each kind of damage is answered with.

use super::*;
use bytes::BytesMut;
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    batch_bytes_max: 1_000_000,
    produce_version: 9,
};

fn record(offset: i64, value: &[u8]) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 7,
        producer_epoch: 2,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: i32::try_from(offset).unwrap() + 100,
        timestamp: 1000 + offset,
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::copy_from_slice(value)),
        headers: [(
            kafka_protocol::protocol::StrBytes::from_static_str("h"),
            Some(Bytes::from_static(b"v")),
        )]
        .into_iter()
        .collect(),
    }
}

fn batch(count: i64) -> Vec<u8> {
    let records: Vec<_> = (0..count).map(|n| record(n, &[1; 20])).collect();
    let mut buffer = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    RecordBatchEncoder::encode(&mut buffer, &records, &options).unwrap();
    buffer.to_vec()
}

fn sealed(mut batch: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&batch[ATTRIBUTES_AT..]);
    batch[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
    batch
}

fn verdict(data: &[u8]) -> Result<BatchHeader, ErrorCode> {
    check(Some(&Bytes::copy_from_slice(data)), LIMITS).map(|(header, _)| header)
}

fn with(at: usize, value: &[u8]) -> Vec<u8> {
    let mut data = batch(3);
    data[at..at + value.len()].copy_from_slice(value);
    data
}

#[test]
fn a_good_batch_is_known_by_its_header() {
    let data = batch(5);
    let header = verdict(&data).unwrap();
    assert_eq!((header.records, header.bytes as usize), (5, data.len()));
    assert_eq!(header.max_timestamp_ms, 1004);
    assert_eq!(
        header.stamp,
        Some(Stamp {
            producer_id: 7,
            producer_epoch: 2,
            base_sequence: 100
        })
    );
}

#[test]
fn damage_is_answered_as_kafka_does() {
    let two = [batch(1), batch(1)].concat();
    let short = batch(2)[..40].to_vec();
    let cases: Vec<(&str, Vec<u8>, ErrorCode)> = vec![
        ("nothing", vec![], ErrorCode::InvalidRecord),
        ("half a batch", short, ErrorCode::InvalidRecord),
        ("two batches", two, ErrorCode::InvalidRecord),
        ("old magic", with(16, &[1]), ErrorCode::InvalidRecord),
        ("unknown magic", with(16, &[3]), ErrorCode::CorruptMessage),
        (
            "negative length",
            with(8, &[0xff]),
            ErrorCode::CorruptMessage,
        ),
        (
            "a flipped bit in a record",
            with(80, &[0x55]),
            ErrorCode::CorruptMessage,
        ),
        (
            "base offset",
            sealed(with(7, &[1])),
            ErrorCode::InvalidRecord,
        ),
        (
            "count against delta",
            sealed(with(60, &[4])),
            ErrorCode::InvalidRecord,
        ),
        (
            "count of nothing",
            sealed(with(57, &[0, 0, 0, 0])),
            ErrorCode::InvalidRecord,
        ),
        (
            "control batch",
            sealed(with(22, &[0x20])),
            ErrorCode::InvalidRecord,
        ),
        (
            "no sequence",
            sealed(with(53, &[0xff; 4])),
            ErrorCode::InvalidRecord,
        ),
        (
            "compression 5",
            sealed(with(22, &[5])),
            ErrorCode::UnknownServerError,
        ),
    ];
    for (what, data, error) in cases {
        assert_eq!(verdict(&data), Err(error), "{what}");
    }
    assert_eq!(check(None, LIMITS).unwrap_err(), ErrorCode::InvalidRecord);
}

#[test]
fn more_records_than_declared_are_refused() {
    let mut data = batch(3);
    data[23..27].copy_from_slice(&1i32.to_be_bytes());
    data[57..61].copy_from_slice(&2i32.to_be_bytes());
    assert_eq!(verdict(&sealed(data)), Err(ErrorCode::InvalidRecord));
}

#[test]
fn size_and_zstd_depend_on_limits() {
    let data = Bytes::from(batch(3));
    let small = Limits {
        batch_bytes_max: data.len() - 1,
        ..LIMITS
    };
    assert_eq!(
        check(Some(&data), small).unwrap_err(),
        ErrorCode::MessageTooLarge
    );
    // Records of a compressed batch are not opened.
    let zstd = Bytes::from(sealed(with(22, &[4])));
    assert!(check(Some(&zstd), LIMITS).is_ok());
    let old = Limits {
        produce_version: 6,
        ..LIMITS
    };
    let refused = check(Some(&zstd), old).unwrap_err();
    assert_eq!(refused, ErrorCode::UnsupportedCompressionType);
}

#[test]
fn what_is_left_of_a_broken_second_batch_is_ignored() {
    let data = [batch(2), vec![0; 11]].concat();
    assert_eq!(verdict(&data).map(|h| h.records), Ok(2));
}

proptest! {
    #[test]
    fn no_damage_makes_it_panic_or_pass_unseen(
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
        reseal in any::<bool>(),
    ) {
        let good = batch(4);
        let mut data = good.clone();
        let index = at.index(data.len());
        data[index] = value;
        let changed = data != good;
        let data = if reseal { sealed(data) } else { data };
        let result = verdict(&data);
        // Leader epoch is the broker's; everything else is under the CRC or checked.
        if changed && !reseal && !(12..16).contains(&index) {
            prop_assert!(result.is_err());
        }
    }

    #[test]
    fn any_bytes_are_answered(data in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verdict(&data).is_err());
    }
}

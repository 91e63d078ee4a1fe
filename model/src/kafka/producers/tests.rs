use super::super::batch::{Batch, BatchHeader, BatchKind, Entry, Stamp};
use super::super::error::ErrorCode;
use super::{Admission, Producers};

fn stamp(producer_epoch: i16, base_sequence: i32) -> Stamp {
    Stamp {
        producer_id: 7,
        producer_epoch,
        base_sequence,
    }
}

fn note(producers: &mut Producers, stamp: Stamp, records: u32, base_offset: i64) {
    let header = BatchHeader {
        records,
        bytes: 100,
        stamp: Some(stamp),
        max_timestamp_ms: 0,
        kind: BatchKind::Data,
        transactional: false,
    };
    let batch = Batch { header, body: () };
    producers.note(&Entry {
        base_offset,
        leader_epoch: 0,
        batch,
    });
}

/// Six batches of two records each, from sequence 0 at offset 0.
fn after_six() -> Producers {
    let mut producers = Producers::default();
    for index in 0..6 {
        note(&mut producers, stamp(1, index * 2), 2, i64::from(index) * 2);
    }
    producers
}

#[test]
fn sequences_are_admitted_as_in_kafka() {
    use Admission::{Append, Duplicate, Refuse};
    let gap = Refuse(ErrorCode::OutOfOrderSequenceNumber);
    let rows = [
        ("the next one", stamp(1, 12), 3, Append),
        ("the last one again", stamp(1, 10), 2, Duplicate(10)),
        ("the fifth last again", stamp(1, 2), 2, Duplicate(2)),
        ("the sixth last is forgotten", stamp(1, 0), 2, gap),
        ("the same start with other records", stamp(1, 10), 1, gap),
        ("one too far", stamp(1, 13), 1, gap),
        (
            "an older epoch",
            stamp(0, 12),
            1,
            Refuse(ErrorCode::InvalidProducerEpoch),
        ),
        ("a newer epoch from 0", stamp(2, 0), 1, Append),
        ("a newer epoch from elsewhere", stamp(2, 12), 1, gap),
        (
            "an unknown producer begins anywhere",
            Stamp {
                producer_id: 8,
                ..stamp(0, 99)
            },
            1,
            Append,
        ),
    ];
    let producers = after_six();
    for (what, stamp, records, then) in rows {
        assert_eq!(producers.admit(stamp, records), then, "{what}");
    }
}

#[test]
fn sequences_wrap_to_zero() {
    let mut producers = Producers::default();
    note(&mut producers, stamp(0, i32::MAX - 1), 2, 0);
    assert_eq!(producers.admit(stamp(0, 0), 1), Admission::Append);
    // From the largest sequence over to 0.
    let mut producers = Producers::default();
    note(&mut producers, stamp(0, i32::MAX), 3, 0);
    assert_eq!(producers.admit(stamp(0, 2), 1), Admission::Append);
    assert_eq!(
        producers.admit(stamp(0, i32::MAX), 3),
        Admission::Duplicate(0)
    );
}

#[test]
fn a_new_epoch_forgets_the_batches_of_the_old_one() {
    let mut producers = after_six();
    note(&mut producers, stamp(2, 0), 1, 12);
    let older = producers.admit(stamp(1, 10), 2);
    assert_eq!(older, Admission::Refuse(ErrorCode::InvalidProducerEpoch));
    assert_eq!(producers.admit(stamp(2, 0), 1), Admission::Duplicate(12));
    assert_eq!(producers.admit(stamp(2, 1), 1), Admission::Append);
}

//! One batch of a chunk: in 40 bytes while the chunk is open, in about ten once it is put away.

use super::rows::{put, put_signed, take, take_signed};
use crate::kafka::batch::Stored;

/// One batch: 40 bytes with a body of 16.
#[derive(Clone, Debug)]
pub struct Slot<B> {
    /// First offset, from the chunk's.
    pub at: u32,
    pub records: u32,
    pub bytes: u32,
    pub base_sequence: i32,
    /// From the chunk's.
    pub timestamp_ms: i32,
    /// Of the chunk's producers.
    pub producer: u16,
    pub flags: u8,
    pub body: Stored<B>,
}

/// Rows and bodies of slots. `None` when some hold what is no client's.
pub fn pack<B: Clone>(slots: &[Slot<B>]) -> Option<(Vec<u8>, Vec<B>)> {
    let mut rows = Vec::with_capacity(slots.len() * 10);
    let mut bodies = Vec::with_capacity(slots.len());
    let (mut end, mut timestamp_ms, mut sequence) = (0_u32, 0_i32, 0_i32);
    for slot in slots {
        let Stored::Client(body) = &slot.body else {
            return None;
        };
        bodies.push(body.clone());
        // A log without gaps, one producer with one batch after the other: most differences are 0.
        put(&mut rows, u64::from(slot.at.wrapping_sub(end)));
        put(&mut rows, u64::from(slot.records));
        put(&mut rows, u64::from(slot.bytes));
        put_signed(
            &mut rows,
            i64::from(slot.base_sequence.wrapping_sub(sequence)),
        );
        put_signed(
            &mut rows,
            i64::from(slot.timestamp_ms.wrapping_sub(timestamp_ms)),
        );
        put(&mut rows, u64::from(slot.producer));
        rows.push(slot.flags);
        end = slot.at.wrapping_add(slot.records);
        sequence = slot.base_sequence.wrapping_add(slot.records.cast_signed());
        timestamp_ms = slot.timestamp_ms;
    }
    Some((rows, bodies))
}

/// The inverse of [`pack`]. Rows that were cut short give the slots up to there.
pub fn unpack<B>(mut rows: &[u8], bodies: Vec<B>) -> Vec<Slot<B>> {
    let (mut end, mut timestamp_ms, mut sequence) = (0_u32, 0_i32, 0_i32);
    let mut slots = Vec::with_capacity(bodies.len());
    for body in bodies {
        let Some(slot) = one(&mut rows, (end, timestamp_ms, sequence), body) else {
            break;
        };
        end = slot.at.wrapping_add(slot.records);
        sequence = slot.base_sequence.wrapping_add(slot.records.cast_signed());
        timestamp_ms = slot.timestamp_ms;
        slots.push(slot);
    }
    slots
}

fn one<B>(
    rows: &mut &[u8],
    (end, timestamp_ms, sequence): (u32, i32, i32),
    body: B,
) -> Option<Slot<B>> {
    let mut unsigned = || u32::try_from(take(rows)?).ok();
    let (at, records, bytes) = (unsigned()?, unsigned()?, unsigned()?);
    let mut signed = || i32::try_from(take_signed(rows)?).ok();
    let (base_sequence, stamp) = (signed()?, signed()?);
    let producer = u16::try_from(take(rows)?).ok()?;
    let (flags, rest) = rows.split_first()?;
    let slot = Slot {
        at: end.wrapping_add(at),
        records,
        bytes,
        base_sequence: sequence.wrapping_add(base_sequence),
        timestamp_ms: timestamp_ms.wrapping_add(stamp),
        producer,
        flags: *flags,
        body: Stored::Client(body),
    };
    *rows = rest;
    Some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::rc::Rc;

    #[test]
    fn a_batch_takes_40_bytes_with_a_servers_handle() {
        struct Handle {
            _segment: Rc<()>,
            _at: u32,
            _length: u32,
        }
        assert_eq!(size_of::<Slot<Handle>>(), 40);
    }

    fn slot() -> impl Strategy<Value = Slot<u64>> {
        let numbers = (
            any::<u32>(),
            any::<u32>(),
            any::<u32>(),
            any::<i32>(),
            any::<i32>(),
        );
        (numbers, any::<u16>(), any::<u8>(), any::<u64>()).prop_map(
            |((at, records, bytes, base_sequence, timestamp_ms), producer, flags, body)| Slot {
                at,
                records,
                bytes,
                base_sequence,
                timestamp_ms,
                producer,
                flags,
                body: Stored::Client(body),
            },
        )
    }

    proptest! {
        #[test]
        fn slots_come_back(slots in prop::collection::vec(slot(), 0..20)) {
            let (rows, bodies) = pack(&slots).unwrap();
            prop_assert_eq!(format!("{:?}", unpack(&rows, bodies)), format!("{slots:?}"));
        }

        #[test]
        fn rows_that_are_cut_short_give_what_comes_before(
            slots in prop::collection::vec(slot(), 1..20),
            keep in 0.0..1.0,
        ) {
            let (rows, bodies) = pack(&slots).unwrap();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let keep = (rows.len() as f64 * keep) as usize;
            let found = unpack(&rows[..keep], bodies);
            prop_assert!(found.len() < slots.len() || keep == rows.len());
            prop_assert_eq!(format!("{found:?}"), format!("{:?}", &slots[..found.len()]));
        }
    }

    #[test]
    fn even_batches_of_one_producer_take_few_bytes() {
        let slot = |index: u32| Slot {
            at: index * 10,
            records: 10,
            bytes: 1_234,
            base_sequence: (index * 10).cast_signed(),
            timestamp_ms: (index * 5).cast_signed(),
            producer: 0,
            flags: 0,
            body: Stored::Client(u64::from(index)),
        };
        let slots: Vec<_> = (0..100).map(slot).collect();
        assert!(pack(&slots).unwrap().0.len() <= 100 * 8);
    }
}

use super::super::batch::{Batch, BatchHeader, BatchKind, Entry, Stamp, Stored};
use super::super::ids::{Epoch, Offset};
use super::Log;
use proptest::prelude::*;

/// The slow and obvious log: all entries in one row.
#[derive(Default)]
struct Plain {
    entries: Vec<Entry<Stored<u64>>>,
    flushed: Offset,
}

impl Plain {
    fn end(&self) -> Offset {
        self.entries.last().map_or(0, Entry::end_offset)
    }

    fn truncate(&mut self, offset: Offset) {
        while self.entries.last().is_some_and(|e| e.end_offset() > offset) {
            self.entries.pop();
        }
        self.flushed = self.flushed.min(self.end());
    }

    fn read(&self, from: Offset, limit: Offset, max_bytes: i64) -> Vec<String> {
        let mut found = Vec::new();
        let mut bytes = 0;
        for entry in self.entries.iter().filter(|e| e.end_offset() > from) {
            let size = i64::from(entry.batch.header.bytes);
            if entry.end_offset() > limit || (bytes > 0 && bytes + size > max_bytes) {
                break;
            }
            bytes += size;
            found.push(format!("{entry:?}"));
        }
        found
    }
}

fn texts(entries: impl IntoIterator<Item = Entry<Stored<u64>>>) -> Vec<String> {
    entries.into_iter().map(|e| format!("{e:?}")).collect()
}

#[derive(Clone, Debug)]
enum Act {
    Append {
        records: u32,
        timestamp_ms: i64,
        stamp: Option<(i64, i16, i32)>,
        new_epoch: bool,
    },
    Truncate(i64),
    Flush,
    LosePower,
}

fn act() -> impl Strategy<Value = Act> {
    let stamp = proptest::option::of((0i64..4, 0i16..3, any::<i32>()));
    let timestamp = prop_oneof![20 => 0i64..1_000, 1 => any::<i64>()];
    let records = prop_oneof![20 => 1u32..5, 1 => Just(u32::MAX)];
    prop_oneof![
        40 => (records, timestamp, stamp, prop::bool::weighted(0.05)).prop_map(
            |(records, timestamp_ms, stamp, new_epoch)| Act::Append { records, timestamp_ms, stamp, new_epoch }
        ),
        1 => (0i64..2_000).prop_map(Act::Truncate),
        1 => Just(Act::Flush),
        1 => Just(Act::LosePower),
    ]
}

fn entry(
    base_offset: Offset,
    leader_epoch: Epoch,
    body: u64,
    header: BatchHeader,
) -> Entry<Stored<u64>> {
    let body = Stored::Client(body);
    Entry {
        base_offset,
        leader_epoch,
        batch: Batch { header, body },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_a_row_of_entries(
        acts in prop::collection::vec(act(), 1..900),
        reads in prop::collection::vec((0i64..3_000, 0i64..3_000, 0i64..20_000), 1..6),
        since in 0i64..1_000,
    ) {
        let (mut log, mut plain) = (Log::default(), Plain::default());
        let mut epoch = 0;
        for (body, act) in (0..).zip(acts) {
            match act {
                Act::Append { records, timestamp_ms, stamp, new_epoch } => {
                    epoch += Epoch::from(new_epoch);
                    let stamp = stamp.map(|(producer_id, producer_epoch, base_sequence)| Stamp { producer_id, producer_epoch, base_sequence });
                    let kind = if body % 9 == 0 { BatchKind::Control } else { BatchKind::Data };
                    let header = BatchHeader { records, bytes: 61 + records % 1_000, stamp, max_timestamp_ms: timestamp_ms, kind, transactional: body % 7 == 0 };
                    let entry = entry(log.end(), epoch, body, header);
                    plain.entries.push(entry.clone());
                    log.append(entry);
                }
                Act::Truncate(back) => {
                    let to = (plain.end() - back).max(0);
                    log.truncate(to);
                    plain.truncate(to);
                }
                Act::Flush => {
                    log.flushed_to(log.end());
                    plain.flushed = plain.end();
                }
                Act::LosePower => {
                    log.lose_unflushed();
                    plain.truncate(plain.flushed);
                }
            }
            prop_assert_eq!(log.check(), Ok(()));
            prop_assert_eq!(log.end(), plain.end());
            prop_assert_eq!(log.flushed(), plain.flushed);
        }
        prop_assert_eq!(texts(log.entries()), texts(plain.entries.clone()));
        for (from, limit, max_bytes) in reads {
            // Near the end, where batches are.
            let from = (plain.end() - from).max(0);
            let limit = from + limit;
            prop_assert_eq!(texts(log.read(from, limit, max_bytes)), plain.read(from, limit, max_bytes));
            let visible: Vec<_> = plain.entries.iter().filter(|e| e.end_offset() <= limit).collect();
            let first = visible.iter().find(|e| e.batch.header.max_timestamp_ms >= since);
            prop_assert_eq!(texts(log.first_since(since, limit)), texts(first.map(|e| (*e).clone())));
            let latest = visible.iter().map(|e| e.batch.header.max_timestamp_ms).max();
            let latest = visible.iter().find(|e| Some(e.batch.header.max_timestamp_ms) == latest);
            prop_assert_eq!(texts(log.latest(limit)), texts(latest.map(|e| (*e).clone())));
        }
        for known in 0..=epoch {
            let first_after = plain.entries.iter().find(|e| e.leader_epoch > known);
            let own = plain.entries.iter().rev().find(|e| e.leader_epoch <= known);
            if let Some(own) = own {
                let end = first_after.map_or(plain.end(), |e| e.base_offset);
                prop_assert_eq!(log.end_of_epoch(known), (own.leader_epoch, end));
            }
        }
    }
}

/// (epoch begun, at) and what the log says of the end of each epoch.
#[test]
fn an_epoch_without_entries_is_forgotten_where_the_next_begins() {
    let mut log: Log<u64> = Log::default();
    let header = BatchHeader {
        records: 10,
        bytes: 100,
        stamp: None,
        max_timestamp_ms: 0,
        kind: BatchKind::Data,
        transactional: false,
    };
    log.append(entry(0, 0, 1, header));
    log.begin_epoch(2, 10);
    assert_eq!((log.last_epoch(), log.end_of_epoch(2)), (2, (2, 10)));
    log.begin_epoch(3, 10);
    assert_eq!((log.last_epoch(), log.end_of_epoch(2)), (3, (0, 10)));
    log.truncate(10);
    assert_eq!((log.last_epoch(), log.end_of_epoch(3)), (0, (0, 10)));
    assert_eq!(log.end_of_epoch(-1), (-1, -1));
}

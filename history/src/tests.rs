//! The file format, whole and damaged.

use crate::block;
use crate::columns::{Decoder, Encoder};
use crate::{
    Batch, Event, Fact, FaultState, Head, HistoryError, Note, Phase, Reader, Recorder,
    ServiceState, Tail, What, Writer,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use squall_check::{EventId, Kind, Op};
use std::io::Write;
use std::sync::{Arc, Mutex};

const KINDS: [Kind; 8] = [
    Kind::Offered,
    Kind::Accepted,
    Kind::Rejected,
    Kind::Indeterminate,
    Kind::Effect,
    Kind::DeadLettered,
    Kind::Final,
    Kind::Stored,
];

/// Numbers of every size, and often small ones.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..5_u64, 0..2_000_000_u64, any::<u64>(), Just(u64::MAX)]
}

fn op() -> impl Strategy<Value = Op> {
    let place = prop_oneof![0..3_u16, any::<u16>()];
    let partition = prop_oneof![-1..4_i32, any::<i32>()];
    (
        number(),
        number(),
        number(),
        partition,
        place,
        select(&KINDS[..]),
    )
        .prop_map(|(at, event, offset, partition, place, kind)| Op {
            at,
            event: EventId(event),
            offset: offset as i64,
            partition,
            place,
            kind,
        })
}

fn note() -> impl Strategy<Value = Note> {
    let text = "[ -~\n\"\\\\äß]{0,12}";
    let what = prop_oneof![
        (any::<u64>(), text).prop_map(|(seed, scenario)| What::Head(Head {
            version: 1,
            scenario,
            seed,
            ..Head::default()
        })),
        any::<bool>().prop_map(|began| What::Phase {
            name: Phase::FinalRead,
            began
        }),
        text.prop_map(|detail| What::Fault {
            name: "leader-cut-off".to_owned(),
            state: FaultState::Evidence,
            detail
        }),
        (any::<u32>(), proptest::option::of(any::<i64>())).prop_map(|(node, offset)| {
            What::Fact(Fact {
                node,
                kind: "elected".to_owned(),
                offset,
                ..Fact::default()
            })
        }),
        any::<i64>().prop_map(|offset| What::Commit {
            group: "consumer-db".to_owned(),
            member: String::new(),
            topic: "signups".to_owned(),
            partition: 3,
            offset
        }),
        proptest::option::of(any::<u32>()).prop_map(|pid| What::Service {
            name: "consumer-db".to_owned(),
            replica: 0,
            pid,
            state: ServiceState::Killed,
            detail: String::new()
        }),
        (btree_map(text, text, 0..3), -1e9..1e9_f64).prop_map(|(labels, value)| What::Sample {
            metric: "lag".to_owned(),
            labels,
            value: value.round()
        }),
        text.prop_map(|text| What::Problem {
            source: "tap".to_owned(),
            text
        }),
        Just(What::End {
            outcome: "complete".to_owned()
        }),
    ];
    (any::<u64>(), what).prop_map(|(at, what)| Note { at, what })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    vec(
        prop_oneof![5 => op().prop_map(Event::Op), 1 => note().prop_map(Event::Note)],
        0..60,
    )
}

/// Writes events, flushing after those whose index is in `flushes`.
fn write(events: &[Event], flushes: &[usize]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for (index, event) in events.iter().enumerate() {
        writer.event(event).unwrap();
        if flushes.contains(&index) {
            writer.flush().unwrap();
        }
    }
    writer.into_inner().unwrap()
}

type Read = (Vec<Event>, Result<Tail, HistoryError>);

fn read(bytes: &[u8]) -> Read {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut events = Vec::new();
    for event in &mut reader {
        match event {
            Ok(event) => events.push(event),
            Err(error) => return (events, Err(error)),
        }
    }
    (events, Ok(reader.tail()))
}

proptest! {
    #[test]
    fn what_is_written_is_read(events in events(), flush in any::<Index>()) {
        let bytes = write(&events, &[flush.index(events.len().max(1))]);
        let (read, tail) = read(&bytes);
        let end_seen = events.iter().any(|event| {
            matches!(event, Event::Note(Note { what: What::End { .. }, .. }))
        });
        prop_assert_eq!(read, events);
        prop_assert_eq!(tail.unwrap(), Tail { bytes_dropped: 0, end_seen });
    }

    #[test]
    fn notes_are_read_alone_with_the_ops_counted(events in events(), flush in any::<Index>()) {
        let bytes = write(&events, &[flush.index(events.len().max(1))]);
        let mut reader = Reader::new(&bytes[..]).unwrap();
        let mut notes = Vec::new();
        while let Some(found) = reader.next_notes().unwrap() {
            notes.extend_from_slice(found);
        }
        let note = |event: &Event| match event {
            Event::Note(note) => Some(note.clone()),
            Event::Op(_) => None,
        };
        let written: Vec<Note> = events.iter().filter_map(note).collect();
        let ops = events.len() - written.len();
        prop_assert_eq!(notes, written);
        prop_assert_eq!(reader.ops_skipped(), ops as u64);
    }

    #[test]
    fn the_same_calls_make_the_same_bytes(events in events()) {
        prop_assert_eq!(write(&events, &[3]), write(&events, &[3]));
    }

    #[test]
    fn any_truncation_leaves_whole_blocks(events in events(), flush in any::<Index>()) {
        let flush = flush.index(events.len().max(1));
        let bytes = write(&events, &[flush]);
        let flushed = write(&events[..events.len().min(flush + 1)], &[flush]).len();
        for length in 0..bytes.len() {
            let (read, tail) = read(&bytes[..length]);
            let tail = tail.unwrap();
            prop_assert_eq!(&read[..], &events[..read.len()]);
            // What was flushed before the cut is all there.
            prop_assert!(length < flushed || read.len() > flush || events.is_empty());
            prop_assert!(tail.bytes_dropped <= length as u64);
        }
    }

    #[test]
    fn a_flipped_bit_is_told(events in events(), at in any::<Index>(), bit in 0..8_u8) {
        prop_assume!(!events.is_empty());
        let mut bytes = write(&events, &[events.len() / 2]);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let (read, tail) = read(&bytes);
        prop_assert_eq!(&read[..], &events[..read.len()]);
        match tail {
            Ok(tail) => prop_assert!(tail.bytes_dropped > 0, "silent damage at {}", at),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in vec(any::<u8>(), 0..300), framed in any::<bool>(), kind in 0..4_u8) {
        if framed {
            let payload = bytes;
            bytes = block::file_head().to_vec();
            bytes.extend(block::Head::of(kind, &payload).to_bytes());
            bytes.extend(payload);
            bytes.extend(block::Head::of(kind, &[]).to_bytes());
        }
        let _ = read(&bytes);
    }

    #[test]
    fn no_payload_makes_the_decoder_panic(payload in vec(any::<u8>(), 0..200)) {
        let _ = Decoder::new().decode(&payload, &mut Vec::new());
    }

    #[test]
    fn a_damaged_payload_is_refused_or_as_long(ops in vec(op(), 1..40), at in any::<Index>(), byte in any::<u8>()) {
        let mut encoder = Encoder::new();
        ops.iter().for_each(|op| encoder.push(op));
        let mut payload = Vec::new();
        encoder.seal(&mut payload);
        let at = at.index(payload.len());
        payload[at] = byte;
        let mut read = Vec::new();
        if Decoder::new().decode(&payload, &mut read).is_ok() {
            prop_assert!(read.len() <= payload.len());
        }
    }
}

fn some_ops(count: u64) -> Vec<Op> {
    let op = |sequence| Op {
        at: sequence * 1_000,
        event: EventId::new(0, sequence),
        offset: sequence as i64,
        partition: 0,
        place: 0,
        kind: Kind::Effect,
    };
    (0..count).map(op).collect()
}

#[test]
fn steady_ops_take_few_bytes() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.ops(&some_ops(100_000)).unwrap();
    let bytes = writer.into_inner().unwrap().len();
    assert!(bytes < 100_000 * 4, "{bytes}");
}

#[test]
fn a_damaged_middle_says_where() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.ops(&some_ops(100)).unwrap();
    writer.flush().unwrap();
    let second = writer.written().bytes;
    writer.ops(&some_ops(100)).unwrap();
    writer.flush().unwrap();
    writer.ops(&some_ops(100)).unwrap();
    let mut bytes = writer.into_inner().unwrap();
    bytes[second as usize + 20] ^= 1;
    let (events, error) = read(&bytes);
    assert_eq!(events.len(), 100);
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains(&format!("block 1 at byte {second}")),
        "{text}"
    );
}

#[test]
fn zeros_at_the_end_are_a_torn_tail() {
    let events: Vec<Event> = some_ops(9).into_iter().map(Event::Op).collect();
    let mut bytes = write(&events, &[]);
    bytes.extend([0; 9_000]);
    let (read, tail) = read(&bytes);
    assert_eq!(read, events);
    assert_eq!(tail.unwrap().bytes_dropped, 9_000);
}

#[test]
fn other_files_and_later_versions_are_refused() {
    let error = |bytes: &[u8]| read(bytes).1.unwrap_err();
    assert!(matches!(error(b"hello, world"), HistoryError::NotAHistory));
    assert!(matches!(error(b"hello"), HistoryError::NotAHistory));
    assert!(matches!(
        error(b"squall\x02\0"),
        HistoryError::Version { found: 2, .. }
    ));
    assert!(matches!(
        Reader::open("/nowhere".as_ref()),
        Err(HistoryError::File { .. })
    ));
}

#[test]
fn notes_of_a_later_version_are_kept() {
    let line = br#"{"at":7,"weather":{"wind":"squally"}}"#;
    let note = Note::from_json(line).unwrap();
    assert!(matches!(note.what, What::Other(_)));
    assert_eq!(serde_json::to_vec(&note).unwrap(), line);
    // A field that is not known is no reason to give up a note.
    let line = br#"{"at":7,"end":{"outcome":"complete","mood":"good"}}"#;
    let end = What::End {
        outcome: "complete".to_owned(),
    };
    assert_eq!(Note::from_json(line).unwrap().what, end);
}

#[test]
fn notes_read_well() {
    let note = Note::new(
        12,
        What::Phase {
            name: Phase::SetUp,
            began: true,
        },
    );
    let text = serde_json::to_string(&note).unwrap();
    assert_eq!(text, r#"{"at":12,"phase":{"name":"set-up","began":true}}"#);
    let sample = What::Sample {
        metric: "lag".to_owned(),
        labels: std::collections::BTreeMap::new(),
        value: f64::NAN,
    };
    let text = serde_json::to_string(&Note::new(0, sample)).unwrap();
    assert!(text.ends_with(r#""value":null}}"#), "{text}");
    let What::Sample { value, .. } = Note::from_json(text.as_bytes()).unwrap().what else {
        panic!("{text}");
    };
    assert!(value.is_nan());
}

/// A disk that is full after some bytes.
#[derive(Clone, Default)]
struct Disk {
    room: usize,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut held = self.bytes.lock().unwrap();
        let room = self.room - held.len();
        if room == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(room);
        held.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_stays_an_error_and_counts_what_it_cost() {
    let disk = Disk {
        room: 100,
        ..Disk::default()
    };
    let mut writer = Writer::new(disk.clone()).unwrap();
    writer.ops(&some_ops(1_000)).unwrap();
    assert!(matches!(writer.flush(), Err(HistoryError::Write { .. })));
    assert!(matches!(
        writer.ops(&some_ops(10)),
        Err(HistoryError::Broken { .. })
    ));
    assert!(writer.flush().is_err());
    assert_eq!(writer.rows_dropped(), 10);
    // What is on the disk can still be read.
    assert!(read(&disk.bytes.lock().unwrap()).1.unwrap().bytes_dropped > 0);
}

#[test]
fn a_recorder_on_a_full_disk_never_blocks_and_tells() {
    let disk = Disk {
        room: 1_000,
        ..Disk::default()
    };
    let recorder = Recorder::into_writer(disk, 1).unwrap();
    for _ in 0..300 {
        recorder.ops(&some_ops(10_000));
    }
    recorder.flush();
    assert!(
        recorder
            .problem()
            .unwrap()
            .contains("cannot write the history")
    );
    assert!(recorder.finish().is_err());
}

#[test]
fn many_threads_record_and_nothing_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(crate::FILE_NAME);
    let recorder = Recorder::create(&path, 1).unwrap();
    std::thread::scope(|scope| {
        for stream in 0..4_u16 {
            let recorder = recorder.clone();
            scope.spawn(move || {
                for batch in some_ops(30_000).chunks_mut(700) {
                    for op in &mut *batch {
                        op.event = EventId::new(stream, op.event.sequence());
                    }
                    recorder.ops(batch);
                    recorder.op(Op {
                        kind: Kind::Offered,
                        ..batch[0]
                    });
                }
                recorder.note(Note::new(
                    u64::from(stream),
                    What::Problem {
                        source: "test".to_owned(),
                        text: String::new(),
                    },
                ));
            });
        }
    });
    let load = std::sync::atomic::Ordering::Relaxed;
    assert_eq!(recorder.counters().effects[0].load(load), 120_000);
    let (notes, next) = recorder.counters().notes_from(1);
    assert_eq!((notes.len(), next), (3, 4));
    let stats = recorder.finish().unwrap();
    assert_eq!((stats.ops, stats.notes), (120_000 + 4 * 43, 4));
    assert_eq!(stats.bytes, std::fs::metadata(&path).unwrap().len());
    assert!(recorder.problem().is_none());
    let mut sequences = [0; 4];
    let mut reader = Reader::open(folder.path()).unwrap();
    while let Some(batch) = reader.next_batch().unwrap() {
        let Batch::Ops(ops) = batch else { continue };
        for op in ops.iter().filter(|op| op.kind == Kind::Effect) {
            // Each thread's own order is kept.
            let next = &mut sequences[usize::from(op.event.stream())];
            assert_eq!(op.event.sequence(), *next);
            *next += 1;
        }
    }
    assert_eq!(sequences, [30_000; 4]);
    assert!(!reader.tail().end_seen);
    // Late rows are told, not lost in silence.
    recorder.op(some_ops(1)[0]);
    assert!(recorder.problem().is_some());
    assert!(recorder.finish().is_err());
}

#[test]
fn an_observer_sees_every_row_in_recorded_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(crate::FILE_NAME);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let observer: crate::Observer = Box::new(move |batch| {
        let mut seen = into.lock().unwrap();
        match batch {
            Batch::Ops(ops) => seen.extend(ops.iter().copied().map(Event::Op)),
            Batch::Notes(notes) => seen.extend(notes.iter().cloned().map(Event::Note)),
        }
    });
    let recorder = Recorder::observed(&path, 1, Some(observer)).unwrap();
    recorder.ops(&some_ops(5_000));
    recorder.note(Note::new(
        1,
        What::End {
            outcome: "complete".to_owned(),
        },
    ));
    recorder.op(some_ops(1)[0]);
    recorder.finish().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let read: Vec<Event> = (&mut reader).map(Result::unwrap).collect();
    assert_eq!(read, *seen.lock().unwrap());
    assert!(reader.tail().end_seen);
    assert!(matches!(
        Recorder::create(&path, 1),
        Err(HistoryError::File { .. })
    ));
}

#[test]
fn what_was_flushed_is_in_the_file_though_the_recorder_is_never_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(crate::FILE_NAME);
    let recorder = Recorder::create(&path, 1).unwrap();
    recorder.ops(&some_ops(77));
    recorder.flush();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!((&mut reader).count(), 77);
    assert_eq!(reader.tail(), Tail::default());
}

//! How fast a stored history is judged, with every checker on, and in how much memory.
//!
//!     cargo run --release -p squall-history --example judge_rate -- [EVENTS] [PARTITIONS] [SINKS] [DOUBTFUL]
//!
//! The history is made first: events spread over the partitions, acknowledged and consumed in batches partition by partition,
//! a few thousand in flight, each with an effect in every sink. The first sink is a topic; further ones are tables, with
//! a final read at the end. The order of keys is judged in the topic. DOUBTFUL of 1000 events are indeterminate and never show.

use squall_check::{
    EventId, Health, Judge, JudgeSpec, Kind, LoadSpec, Op, PhaseWindow, Reading, Semantics,
    SinkSpec, Threshold, Verdict,
};
use squall_history::{Batch, HistoryError, Reader, Writer};
use std::path::Path;
use std::time::Instant;

/// Events of a partition that are consumed at once.
const BATCH: usize = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (events, partitions) = (number(5_000_000)?, number(100)?);
    let (sinks, doubtful) = (number(1)?, number(0)?);
    let path = std::env::temp_dir().join(format!("judge-rate-{}.squall", std::process::id()));
    let made = make(&path, events, partitions, sinks as u16, doubtful);
    let result = made.and_then(|(ops, bytes)| judge(&path, events, sinks, ops, bytes));
    std::fs::remove_file(&path)?;
    Ok(result?)
}

fn spec(events: u64, sinks: u64) -> JudgeSpec {
    let mut spec = JudgeSpec {
        loads: vec![LoadSpec {
            name: "load".to_owned(),
            events,
        }],
        phases: (0..3_u64)
            .map(|third| PhaseWindow {
                name: ["before", "during", "after"][third as usize].to_owned(),
                from_ns: events * 5_000 / 3 * third,
                until_ns: events * 5_000 / 3 * (third + 1),
            })
            .collect(),
        ..JudgeSpec::default()
    };
    for sink in 0..sinks {
        let reading = if sink == 0 {
            Reading::Tail
        } else {
            Reading::Reread
        };
        let name = format!("sink-{sink}");
        let mut sink_spec = SinkSpec::new(&name, Semantics::ExactlyOnce, reading);
        sink_spec.ordered = sink == 0;
        spec.sinks.push(sink_spec);
    }
    for (key, expression) in [
        ("effect_ms{phase:after}", "p(99)<60000"),
        ("accept_ms", "p(99.9)<60000"),
    ] {
        spec.thresholds.extend(Threshold::parse(key, expression));
    }
    spec
}

/// Writes the history: operations and bytes.
fn make(
    path: &Path,
    events: u64,
    partitions: u64,
    sinks: u16,
    doubtful: u64,
) -> Result<(u64, u64), HistoryError> {
    let mut writer = Writer::create(path)?;
    let mut waiting: Vec<Vec<(EventId, i64)>> = vec![Vec::new(); partitions as usize];
    let mut offsets = vec![0_i64; partitions as usize];
    let mut random = 7_u64;
    let mut doubted = std::collections::BTreeSet::new();
    for sequence in 0..events {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let key = (random >> 33) % 10_000;
        let partition = (key % partitions) as usize;
        let event = EventId::new(0, sequence);
        let at = sequence * 5_000;
        let op = |kind, offset, partition, at| Op {
            at,
            event,
            offset,
            partition,
            place: 0,
            kind,
        };
        writer.op(&op(Kind::Offered, key as i64, -1, at))?;
        if (random >> 12) % 1_000 < doubtful {
            doubted.insert(sequence);
            writer.op(&op(Kind::Indeterminate, -1, -1, at + 900_000))?;
            continue;
        }
        writer.op(&op(
            Kind::Accepted,
            offsets[partition],
            partition as i32,
            at + 900_000,
        ))?;
        waiting[partition].push((event, offsets[partition]));
        offsets[partition] += 1;
        if waiting[partition].len() == BATCH {
            consume(
                &mut writer,
                &mut waiting[partition],
                partition,
                at + 2_000_000,
                sinks,
            )?;
        }
    }
    for (partition, batch) in waiting.iter_mut().enumerate() {
        consume(
            &mut writer,
            batch,
            partition,
            events * 5_000 + 2_000_000,
            sinks,
        )?;
    }
    let shown = (0..events).filter(|sequence| !doubted.contains(sequence));
    read_finally(&mut writer, shown, events * 5_000 + 3_000_000, sinks)?;
    writer.flush()?;
    let written = writer.written();
    Ok((written.ops, written.bytes))
}

fn read_finally(
    writer: &mut Writer,
    sequences: impl Iterator<Item = u64>,
    at: u64,
    sinks: u16,
) -> Result<(), HistoryError> {
    for sequence in sequences {
        for place in 1..sinks {
            writer.op(&Op {
                at,
                event: EventId::new(0, sequence),
                offset: sequence as i64,
                partition: -1,
                place,
                kind: Kind::Final,
            })?;
        }
    }
    Ok(())
}

fn consume(
    writer: &mut Writer,
    batch: &mut Vec<(EventId, i64)>,
    partition: usize,
    at: u64,
    sinks: u16,
) -> Result<(), HistoryError> {
    for (event, offset) in batch.drain(..) {
        for place in 0..sinks {
            writer.op(&Op {
                at,
                event,
                offset,
                partition: partition as i32,
                place,
                kind: Kind::Effect,
            })?;
        }
    }
    Ok(())
}

fn judge(path: &Path, events: u64, sinks: u64, ops: u64, bytes: u64) -> Result<(), HistoryError> {
    let began = Instant::now();
    let mut reader = Reader::open(path)?;
    while reader.next_batch()?.is_some() {}
    let reading = began.elapsed().as_secs_f64();

    let began = Instant::now();
    let mut reader = Reader::open(path)?;
    while reader.next_notes()?.is_some() {}
    let passing_by = began.elapsed().as_secs_f64();

    let began = Instant::now();
    let mut judge = Judge::new(spec(events, sinks));
    let mut reader = Reader::open(path)?;
    let mut memory_max = 0;
    let mut blocks = 0_u64;
    while let Some(batch) = reader.next_batch()? {
        if let Batch::Ops(ops) = batch {
            judge.ops(ops);
        }
        blocks += 1;
        if blocks.is_multiple_of(64) {
            memory_max = memory_max.max(judge.memory_bytes());
        }
    }
    memory_max = memory_max.max(judge.memory_bytes());
    let judgement = judge.finish(Health::sound(sinks as usize, []));
    let judging = began.elapsed().as_secs_f64();
    assert_eq!(judgement.verdict, Verdict::Held, "{:?}", judgement.reasons);
    let rate = |seconds: f64| ops as f64 / seconds / 1e6;
    println!(
        "{ops} ops of {events} events, {:.2} bytes an op in the file",
        bytes as f64 / ops as f64
    );
    println!("reading alone       {:6.1} M ops/s", rate(reading));
    println!("passing ops by      {:6.1} M ops/s", rate(passing_by));
    println!("reading and judging {:6.1} M ops/s", rate(judging));
    println!(
        "the judge's memory  {:6.2} bytes an event at most, {:.1} MB",
        memory_max as f64 / events as f64,
        memory_max as f64 / 1e6
    );
    Ok(())
}

//! One partition: what was sent, what was promised, what was read.

use crate::run::{Noted, SentBatch, Stamp};
use crate::seen::{Code, Fetched, Partition, Produced, Read};
use crate::step::{At, Idempotent, Produce, ProducerEpoch, Sequencing, Step, To, What};
use std::collections::{BTreeMap, BTreeSet};

/// Codes after which a batch is surely not in the log. Not among them: 6, which a leader also answers that steps down while it waits.
const REFUSED: &[Code] = &[2, 10, 19, 21, 42, 43, 45, 47, 59, 76, 87, 90];
const OUT_OF_ORDER_SEQUENCE: Code = 45;
const INVALID_PRODUCER_EPOCH: Code = 47;
const OFFSET_OUT_OF_RANGE: Code = 1;
/// As many batches of a producer are known again.
const WINDOW: u8 = 5;

#[derive(Clone, Debug)]
struct Sent {
    values: Vec<String>,
    by: Option<Stamp>,
    /// How often it went out.
    times: usize,
    /// It cannot be in the log: each time it was refused.
    refused: bool,
    promised: Option<Promise>,
}

#[derive(Clone, Copy, Debug)]
struct Promise {
    base: i64,
    acks: i16,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    sent: Vec<Sent>,
    /// By offset, what readers were given.
    read: BTreeMap<i64, String>,
    high_watermark: i64,
    epoch: i32,
}

impl Ledger {
    pub fn produced(
        &mut self,
        batch: &SentBatch,
        produced: Option<&Produced>,
        noted: &Noted,
        safe: bool,
        calm: bool,
        wrong: &mut Vec<String>,
    ) {
        if let Some(produced) = produced {
            self.check_sequence(batch, produced, noted, safe, calm, wrong);
        }
        let code = produced.map(|p| p.code);
        let refused =
            batch.is_flawed && batch.acks != 0 || code.is_some_and(|c| REFUSED.contains(&c));
        if batch.is_flawed && code == Some(0) {
            wrong.push(format!(
                "a batch that is not whole is taken: {:?}",
                noted.step
            ));
        }
        // A client that numbers another batch alike lies, and is taken for one that tries again.
        let lies = self
            .sent
            .iter()
            .any(|s| s.values != batch.values && overlap(s, batch));
        let promised = produced
            .filter(|p| p.code == 0 && p.base >= 0 && !lies)
            .map(|p| Promise {
                base: p.base,
                acks: batch.acks,
            });
        match self.sent.iter_mut().find(|s| s.values == batch.values) {
            Some(known) => {
                known.times += 1;
                known.refused &= refused;
                known.promised = known.promised.or(promised);
            }
            None => self.sent.push(Sent {
                values: batch.values.clone(),
                by: batch.by,
                times: 1,
                refused,
                promised,
            }),
        }
    }

    fn check_sequence(
        &self,
        batch: &SentBatch,
        produced: &Produced,
        noted: &Noted,
        safe: bool,
        calm: bool,
        wrong: &mut Vec<String>,
    ) {
        let Step::Produce(Produce {
            by: Some(Idempotent {
                sequence, epoch, ..
            }),
            ..
        }) = noted.step
        else {
            return;
        };
        let code = produced.code;
        let known = self.sent.iter().find(|s| s.values == batch.values);
        if let (Sequencing::Again(back), Some(promise)) = (sequence, known.and_then(|k| k.promised))
            && back < WINDOW
            && code == 0
            && safe
            && (promise.acks == -1 || calm)
            && produced.base >= 0
            && produced.base != promise.base
        {
            let (was, is) = (promise.base, produced.base);
            wrong.push(format!(
                "a retry of a batch at offset {was} is told offset {is}"
            ));
        }
        let next = self.next_sequence(batch);
        let continues = self.sent.iter().any(|s| {
            let same = |a: Stamp, b: Stamp| a.id == b.id && a.epoch == b.epoch;
            s.promised.is_some() && matches!((s.by, batch.by), (Some(a), Some(b)) if same(a, b))
        });
        if matches!(sequence, Sequencing::Gap(_))
            && epoch == ProducerEpoch::Same
            && continues
            && next != batch.by.map(|b| b.sequence)
            && calm
            && code == 0
        {
            wrong.push(format!("a gap in a producer's sequence is taken instead of refused with {OUT_OF_ORDER_SEQUENCE}"));
        }
        let any_before = self.sent.iter().any(|s| {
            s.promised.is_some() && matches!((s.by, batch.by), (Some(a), Some(b)) if a.id == b.id && a.epoch > b.epoch)
        });
        if any_before && calm && code == 0 {
            wrong.push(format!("a fenced producer's batch is taken instead of refused with {INVALID_PRODUCER_EPOCH}"));
        }
    }

    /// What follows the highest sequence number that a producer was promised.
    fn next_sequence(&self, batch: &SentBatch) -> Option<i32> {
        let by = batch.by?;
        let promised = self.sent.iter().filter(|s| s.promised.is_some());
        let ends = promised.filter_map(|s| {
            let stamp = s.by.filter(|s| (s.id, s.epoch) == (by.id, by.epoch))?;
            Some(stamp.sequence + i32::try_from(s.values.len()).ok()?)
        });
        ends.max()
    }

    pub fn fetched(
        &mut self,
        fetched: &Fetched,
        at: At,
        to: To,
        calm: bool,
        safe: bool,
        wrong: &mut Vec<String>,
    ) {
        // After an election the high watermark may lag what was readable before (KIP-207), for long where too few are in sync.
        let refuses = matches!(at, At::BeyondEnd(_) | At::Negative);
        if refuses && fetched.code == 0 && calm && to == To::Leader {
            wrong.push(format!(
                "{at:?} is read instead of refused with {OFFSET_OUT_OF_RANGE}"
            ));
        }
        if fetched.code != 0 {
            return;
        }
        if calm && to == To::Leader {
            if safe && fetched.high_watermark < self.high_watermark {
                let (was, is) = (self.high_watermark, fetched.high_watermark);
                wrong.push(format!(
                    "the high watermark of an undisturbed cluster went from {was} to {is}"
                ));
            }
            self.high_watermark = fetched.high_watermark;
        }
        self.take_in(&fetched.records, fetched.high_watermark, safe, wrong);
    }

    /// Checks records that a reader got, and remembers them.
    fn take_in(
        &mut self,
        records: &[Read],
        high_watermark: i64,
        safe: bool,
        wrong: &mut Vec<String>,
    ) {
        for pair in records.windows(2) {
            if pair[1].offset != pair[0].offset + 1 {
                wrong.push(format!(
                    "offsets are not dense: {} follows {}",
                    pair[1].offset, pair[0].offset
                ));
            }
            if pair[1].epoch < pair[0].epoch {
                wrong.push(format!(
                    "leader epochs go back at offset {}",
                    pair[1].offset
                ));
            }
        }
        for record in records {
            if record.offset >= high_watermark {
                wrong.push(format!(
                    "offset {} is read at or above the high watermark {high_watermark}",
                    record.offset
                ));
            }
            let sent = self
                .sent
                .iter()
                .find(|s| s.values.contains(&record.value) || is_long(&record.value));
            match sent {
                None => wrong.push(format!(
                    "`{}` at offset {} was never sent",
                    record.value, record.offset
                )),
                Some(sent) if sent.refused && !is_long(&record.value) => {
                    wrong.push(format!(
                        "`{}` at offset {} was refused",
                        record.value, record.offset
                    ));
                }
                Some(_) => {}
            }
            if let Some(before) = self.read.insert(record.offset, record.value.clone())
                && before != record.value
                && safe
            {
                wrong.push(format!(
                    "offset {} was read as `{before}` and is `{}` now",
                    record.offset, record.value
                ));
            }
        }
        self.check_copies(records, wrong);
    }

    fn check_copies(&self, records: &[Read], wrong: &mut Vec<String>) {
        let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
        for record in records {
            *copies.entry(&record.value).or_default() += 1;
        }
        for (value, count) in copies {
            let Some(sent) = self
                .sent
                .iter()
                .find(|s| s.values.iter().any(|v| v == value))
            else {
                continue;
            };
            let most = if sent.by.is_some() { 1 } else { sent.times };
            if count > most {
                wrong.push(format!("`{value}` is there {count} times"));
            }
        }
    }

    pub fn listed(&mut self, what: What, offset: i64, wrong: &mut Vec<String>) {
        if what == What::Earliest && offset != 0 {
            wrong.push(format!(
                "the log begins at {offset}, and nothing was ever deleted"
            ));
        }
    }

    pub fn described(&mut self, partition: &Partition, wrong: &mut Vec<String>) {
        if partition.leader > 0 && !partition.isr.contains(&partition.leader) {
            wrong.push(format!(
                "leader {} is not in sync: {:?}",
                partition.leader, partition.isr
            ));
        }
        if partition
            .isr
            .iter()
            .any(|b| !partition.replicas.contains(b))
        {
            wrong.push(format!(
                "in sync is a broker without a replica: {:?}",
                partition.isr
            ));
        }
        if partition.epoch < self.epoch {
            wrong.push(format!(
                "the leader epoch went from {} to {}",
                self.epoch, partition.epoch
            ));
        }
        self.epoch = partition.epoch;
    }

    /// The healed cluster's log.
    pub fn end(&mut self, fetched: &Fetched, safe: bool, disturbed: bool, wrong: &mut Vec<String>) {
        if fetched.code != 0 {
            return wrong.push(format!("it cannot be read: error {}", fetched.code));
        }
        let read_before = self.read.clone();
        self.take_in(&fetched.records, fetched.high_watermark, safe, wrong);
        let log: BTreeMap<i64, &str> = fetched
            .records
            .iter()
            .map(|r| (r.offset, r.value.as_str()))
            .collect();
        let first = log.keys().next().copied().unwrap_or(0);
        if first != 0 || fetched.high_watermark != i64::try_from(log.len()).unwrap_or(-1) {
            let mark = fetched.high_watermark;
            wrong.push(format!(
                "{} records from offset {first} on, and a high watermark of {mark}",
                log.len()
            ));
        }
        if safe {
            for (offset, value) in &read_before {
                if log.get(offset) != Some(&value.as_str()) {
                    wrong.push(format!("`{value}` was read at offset {offset} and is gone"));
                }
            }
        }
        for sent in &self.sent {
            let Some(promise) = sent.promised else {
                continue;
            };
            // What one replica acknowledged is safe only where nothing happened.
            if !(safe && (promise.acks == -1 || !disturbed)) {
                continue;
            }
            for (offset, value) in (promise.base..).zip(&sent.values) {
                if log.get(&offset) != Some(&value.as_str()) {
                    let there = log.get(&offset).copied().unwrap_or("nothing");
                    wrong.push(format!(
                        "`{value}` was acknowledged at offset {offset}, where there is {there}"
                    ));
                }
            }
        }
        check_producers(&fetched.records, wrong);
    }
}

/// Whether two batches of a producer claim the same sequence numbers.
fn overlap(a: &Sent, b: &SentBatch) -> bool {
    let span = |stamp: Stamp, values: &[String]| {
        let count = i32::try_from(values.len()).unwrap_or(0);
        stamp.sequence..stamp.sequence + count
    };
    let (Some(one), Some(other)) = (a.by, b.by) else {
        return false;
    };
    let (of_one, of_other) = (span(one, &a.values), span(other, &b.values));
    (one.id, one.epoch) == (other.id, other.epoch)
        && of_one.start < of_other.end
        && of_other.start < of_one.end
}

/// Only values that are too long to be told whole.
fn is_long(value: &str) -> bool {
    value.contains("...")
}

/// Of each producer and epoch the sequence numbers follow each other.
fn check_producers(records: &[Read], wrong: &mut Vec<String>) {
    let mut next: BTreeMap<(u8, i16), i32> = BTreeMap::new();
    let mut told = BTreeSet::new();
    for record in records {
        let Some(producer) = record.producer else {
            continue;
        };
        let key = (producer, record.producer_epoch);
        if let Some(wanted) = next.insert(key, record.sequence + 1)
            && wanted != record.sequence
            && told.insert(key)
        {
            let (at, is) = (record.offset, record.sequence);
            wrong.push(format!(
                "producer {producer}: sequence {is} at offset {at}, after {}",
                wanted - 1
            ));
        }
    }
}

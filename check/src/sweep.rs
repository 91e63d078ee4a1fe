//! The pass over all events at the end: counts and cases of every sink.
//!
//! Events whose rows are alike are accounted alike, so each pattern of a row is judged once, and only events with something
//! to tell are looked at one by one.

use crate::anomaly::{AnomalyName, Example, OffsetRange, Place};
use crate::check::{Account, Fate, dead_letter, duplicate, lost, phantom, rejected, unexpected};
use crate::judgement::LoadCounts;
use crate::op::EventId;
use crate::spec::{Expected, JudgeSpec};
use crate::state::{CHUNK_EVENTS, Rows, Spot, Stream, outcome};
use std::collections::BTreeMap;

/// Places of lost events that are kept to make ranges of them.
const PLACES_KEPT: usize = 1 << 20;

/// What the pass found.
pub struct Swept {
    pub load: LoadCounts,
    /// By load: events that the system took, or refused where nothing was to come of them.
    pub settled_by_load: Vec<u64>,
    /// Accepted and rejected at once.
    pub contradictions: u64,
    /// With an outcome, never offered.
    pub unoffered: u64,
    /// Events that are missing in at least one sink.
    pub missing_anywhere: u64,
    pub sinks: Vec<SweptSink>,
}

#[derive(Default)]
pub struct SweptSink {
    pub due: u64,
    pub effects: u64,
    pub dead_lettered: u64,
    pub indeterminate_effects: u64,
    pub indeterminate_without_effect: u64,
    pub missing: u64,
    pub cases: BTreeMap<AnomalyName, Cases>,
}

#[derive(Default)]
pub struct Cases {
    pub count: u64,
    pub examples: Vec<Example>,
    /// Of missing events: load and place, when it is known.
    pub places: Vec<(u16, Place)>,
}

/// What the pass reads.
pub struct Sweep<'a> {
    pub spec: &'a JudgeSpec,
    /// By sink: whether live effects stand for true ones.
    pub trust_live: &'a [bool],
}

struct Pattern {
    row: Box<[u8]>,
    events: u64,
    tells: bool,
}

impl Sweep<'_> {
    pub fn run(self, streams: &[Stream]) -> Swept {
        let mut swept = Swept {
            load: LoadCounts::default(),
            settled_by_load: vec![0; streams.len()],
            contradictions: 0,
            unoffered: 0,
            missing_anywhere: 0,
            sinks: self
                .spec
                .sinks
                .iter()
                .map(|_| SweptSink::default())
                .collect(),
        };
        for (index, stream) in streams.iter().enumerate() {
            self.stream(index as u16, stream, &mut swept);
        }
        swept
    }

    fn stream(&self, index: u16, stream: &Stream, swept: &mut Swept) {
        let mut patterns: Vec<Pattern> = Vec::new();
        let mut recent = 0;
        for (chunk, rows) in stream.chunks.iter().map(|chunk| &chunk.rows).enumerate() {
            let (rows, weight) = match rows {
                Rows::Uniform(row) => (row, CHUNK_EVENTS as u64),
                Rows::Each(rows) => (rows, 1),
            };
            let stride = rows.len() / (CHUNK_EVENTS / weight as usize);
            for (at, row) in rows.chunks_exact(stride).enumerate() {
                if patterns
                    .get(recent)
                    .is_none_or(|pattern| *pattern.row != *row)
                {
                    recent = self.find(&mut patterns, row, stream);
                }
                patterns[recent].events += weight;
                if patterns[recent].tells {
                    for index_in_chunk in at..at + weight as usize {
                        let spot = Spot {
                            chunk,
                            index: index_in_chunk,
                        };
                        self.event(index, stream, spot, swept);
                    }
                }
            }
        }
        for pattern in &patterns {
            self.count(index, stream, pattern, swept);
        }
    }

    fn find(&self, patterns: &mut Vec<Pattern>, row: &[u8], stream: &Stream) -> usize {
        if let Some(found) = patterns.iter().position(|pattern| *pattern.row == *row) {
            return found;
        }
        let accounts = (0..stream.expected.len()).map(|sink| self.account(stream, row, sink));
        patterns.push(Pattern {
            row: row.into(),
            events: 0,
            tells: accounts
                .into_iter()
                .any(|account| lost::is_missing(&account) || anomalies(&account).next().is_some()),
        });
        patterns.len() - 1
    }

    fn account(&self, stream: &Stream, row: &[u8], sink: usize) -> Account {
        let spec = &self.spec.sinks[sink];
        Account::new(
            Fate::of(half(row, 0)),
            stream.expected[sink],
            spec.semantics,
            spec.dead_letters_allowed,
            half(row, 1 + sink),
            self.trust_live[sink],
        )
    }

    fn expects_nothing(&self, load: u16) -> bool {
        let mut sinks = self.spec.sinks.iter();
        sinks.all(|sink| sink.expected(load) == Expected::Nothing)
    }

    /// Adds a pattern's events to the counts.
    fn count(&self, index: u16, stream: &Stream, pattern: &Pattern, swept: &mut Swept) {
        let bits = half(&pattern.row, 0);
        let events = pattern.events;
        let fate = Fate::of(bits);
        let is_unanswered = bits == outcome::OFFERED;
        let load = &mut swept.load;
        let add = |to: &mut u64, when: bool| *to += if when { events } else { 0 };
        add(&mut load.offered, bits & outcome::OFFERED != 0);
        add(&mut load.accepted, fate == Fate::Accepted);
        add(&mut load.rejected, fate == Fate::Rejected);
        add(&mut load.indeterminate, fate == Fate::Indeterminate);
        add(&mut load.unanswered, is_unanswered);
        let settled =
            fate == Fate::Accepted || (fate == Fate::Rejected && self.expects_nothing(index));
        add(&mut swept.settled_by_load[usize::from(index)], settled);
        let both = outcome::ACCEPTED | outcome::REJECTED;
        add(&mut swept.contradictions, bits & both == both);
        let unoffered = bits != 0 && bits & outcome::OFFERED == 0;
        add(&mut swept.unoffered, unoffered);
        for (sink, swept) in swept.sinks.iter_mut().enumerate() {
            let account = self.account(stream, &pattern.row, sink);
            let doubtful = fate == Fate::Indeterminate && account.expected != Expected::Nothing;
            add(&mut swept.due, account.is_due());
            add(&mut swept.effects, account.effect);
            add(&mut swept.dead_lettered, account.dead);
            let shows = account.effect || account.dead;
            add(&mut swept.indeterminate_effects, doubtful && shows);
            add(&mut swept.indeterminate_without_effect, doubtful && !shows);
        }
    }

    /// Files an event that has something to tell.
    fn event(&self, index: u16, stream: &Stream, spot: Spot, swept: &mut Swept) {
        let sequence = (spot.chunk * CHUNK_EVENTS + spot.index) as u64;
        let place = stream.place(spot);
        let example = Example {
            event: EventId::new(index, sequence),
            place,
            after: None,
        };
        let mut missing = false;
        for (sink, swept) in swept.sinks.iter_mut().enumerate() {
            let spec = &self.spec.sinks[sink];
            let marks = stream.marks(spot, sink);
            let account = Account::new(
                Fate::of(stream.outcome(spot)),
                stream.expected[sink],
                spec.semantics,
                spec.dead_letters_allowed,
                marks,
                self.trust_live[sink],
            );
            let mut file = |name| {
                let cases = swept.cases.entry(name).or_default();
                cases.count += 1;
                if cases.examples.len() < self.spec.limits.examples {
                    cases.examples.push(example);
                }
            };
            anomalies(&account).for_each(&mut file);
            if lost::is_missing(&account) {
                missing = true;
                let is_past = marks != 0 || stream.seen[sink].is_past(sequence, place);
                let name = if is_past {
                    AnomalyName::LostWrite
                } else {
                    AnomalyName::Unseen
                };
                file(name);
                swept.missing += 1;
                let places = &mut swept.cases.entry(name).or_default().places;
                if let Some(place) = place
                    && places.len() < PLACES_KEPT
                {
                    places.push((index, place));
                }
            }
        }
        swept.missing_anywhere += u64::from(missing);
    }
}

/// The anomalies of one event in one sink, but for what is missing.
fn anomalies(account: &Account) -> impl Iterator<Item = AnomalyName> + use<> {
    [
        (
            duplicate::is_duplicated(account),
            AnomalyName::DuplicateEffect,
        ),
        (phantom::is_phantom(account), AnomalyName::Phantom),
        (
            rejected::is_rejected_effect(account),
            AnomalyName::RejectedEffect,
        ),
        (
            unexpected::is_unexpected_effect(account),
            AnomalyName::UnexpectedEffect,
        ),
        (
            dead_letter::is_unexpected_dead_letter(account),
            AnomalyName::UnexpectedDeadLetter,
        ),
    ]
    .into_iter()
    .filter_map(|(is_one, name)| is_one.then_some(name))
}

/// A half byte of a row.
const fn half(row: &[u8], column: usize) -> u8 {
    (row[column / 2] >> (column % 2 * 4)) & 15
}

impl Cases {
    /// The places of lost events as runs of neighbouring offsets, the first ones.
    pub fn ranges(&mut self, ranges_max: usize) -> Vec<OffsetRange> {
        self.places.sort_unstable();
        let mut ranges: Vec<OffsetRange> = Vec::new();
        for &(stream, place) in &self.places {
            let neighbour = ranges.last_mut().filter(|last| {
                (last.stream, last.partition) == (stream, place.partition)
                    && place.offset <= last.last_offset + 1
            });
            if let Some(last) = neighbour {
                last.last_offset = place.offset;
                last.count += 1;
            } else if ranges.len() == ranges_max {
                break;
            } else {
                ranges.push(OffsetRange {
                    stream,
                    partition: place.partition,
                    first_offset: place.offset,
                    last_offset: place.offset,
                    count: 1,
                });
            }
        }
        ranges
    }
}

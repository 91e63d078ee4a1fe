//! Before, during and after each fault: the load's time is cut where faults begin and end, and each slice counted by itself, so
//! that windows which overlap cost nothing.

use super::Distribution;
use super::marks::Marks;
use std::collections::BTreeSet;

/// What was measured before, during and after a fault, by intended send time.
#[derive(Clone, Debug)]
pub struct FaultPhases {
    pub name: String,
    /// From the end of the warm-up to the injection.
    pub before: PhaseFigures,
    pub during: PhaseFigures,
    /// From the healing to the end of the load.
    pub after: PhaseFigures,
    pub recovery: Recovery,
}

/// From the healing until every event offered before it had shown its effect.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Recovery {
    Ms(f64),
    /// So many (event, sink) pairs never showed.
    Never(u64),
    NotMeasured,
}

#[derive(Clone, Debug, Default)]
pub struct PhaseFigures {
    pub offered: u64,
    pub accepted: u64,
    pub accept: Distribution,
    /// By sink.
    pub effects: Vec<Distribution>,
}

/// Figures of one stretch of the load.
#[derive(Clone, Debug, Default)]
struct Slice {
    figures: PhaseFigures,
    /// When the last first effect showed, in run time.
    last_effect_ns: Option<u64>,
    /// Accepted and due, less what showed.
    missing: i64,
}

pub struct Slices {
    /// Where slices begin, but for the first.
    cuts: Vec<u64>,
    slices: Vec<Slice>,
}

impl Slices {
    pub fn new(marks: &Marks, sinks: usize) -> Self {
        let edges = |fault: &super::FaultBand| [fault.from_ns, fault.until_ns];
        let mut cuts: BTreeSet<u64> = marks.faults.iter().flat_map(edges).collect();
        cuts.insert(load_starts_ns(marks));
        let slice = Slice {
            figures: PhaseFigures {
                effects: vec![Distribution::default(); sinks],
                ..PhaseFigures::default()
            },
            ..Slice::default()
        };
        Self {
            slices: vec![slice; cuts.len() + 1],
            cuts: cuts.into_iter().collect(),
        }
    }

    fn at(&mut self, offered_ns: u64) -> &mut Slice {
        let index = self.cuts.partition_point(|&cut| cut <= offered_ns);
        &mut self.slices[index]
    }

    pub fn offered(&mut self, offered_ns: u64) {
        self.at(offered_ns).figures.offered += 1;
    }

    pub fn accepted(&mut self, offered_ns: u64, at: u64) {
        let figures = &mut self.at(offered_ns).figures;
        figures.accepted += 1;
        figures.accept.record_ns(at.saturating_sub(offered_ns));
    }

    pub fn due(&mut self, offered_ns: u64, change: i64) {
        self.at(offered_ns).missing += change;
    }

    pub fn effect(&mut self, sink: usize, offered_ns: u64, at: u64) {
        let slice = self.at(offered_ns);
        slice.last_effect_ns = slice.last_effect_ns.max(Some(at));
        slice.figures.effects[sink].record_ns(at.saturating_sub(offered_ns));
    }

    pub fn finish(&self, marks: &Marks) -> Vec<FaultPhases> {
        let starts = load_starts_ns(marks);
        let phases = |fault: &super::FaultBand| FaultPhases {
            name: fault.name.clone(),
            before: self.sum(starts, fault.from_ns),
            during: self.sum(fault.from_ns, fault.until_ns),
            after: self.sum(fault.until_ns, u64::MAX),
            recovery: self.recovery(fault.until_ns),
        };
        marks.faults.iter().map(phases).collect()
    }

    /// Slices that lie within, with their bounds.
    fn within(&self, from: u64, until: u64) -> impl Iterator<Item = &Slice> {
        let inside = move |(index, slice)| {
            let begins = if index == 0 { 0 } else { self.cuts[index - 1] };
            let ends = self.cuts.get(index).copied().unwrap_or(u64::MAX);
            (from <= begins && ends <= until).then_some(slice)
        };
        self.slices.iter().enumerate().filter_map(inside)
    }

    fn sum(&self, from: u64, until: u64) -> PhaseFigures {
        let mut sum = PhaseFigures {
            effects: vec![Distribution::default(); self.slices[0].figures.effects.len()],
            ..PhaseFigures::default()
        };
        for slice in self.within(from, until) {
            sum.offered += slice.figures.offered;
            sum.accepted += slice.figures.accepted;
            sum.accept.merge(&slice.figures.accept);
            for (all, effects) in sum.effects.iter_mut().zip(&slice.figures.effects) {
                all.merge(effects);
            }
        }
        sum
    }

    fn recovery(&self, healed_ns: u64) -> Recovery {
        let missing: i64 = self.within(0, healed_ns).map(|slice| slice.missing).sum();
        let last = self
            .within(0, healed_ns)
            .filter_map(|slice| slice.last_effect_ns);
        match (missing, last.max()) {
            (1.., _) => Recovery::Never(missing.unsigned_abs()),
            (_, Some(last)) => Recovery::Ms(last.saturating_sub(healed_ns) as f64 / 1e6),
            _ => Recovery::NotMeasured,
        }
    }
}

fn load_starts_ns(marks: &Marks) -> u64 {
    marks.epoch_ns + (marks.load_starts_ms * 1e6) as u64
}

//! Written faults begin a little earlier or later, another way in every seed of a sweep.

use super::Scenario;
use crate::fault::Fault;
use crate::rng::Streams;
use crate::units::show_duration;
use std::borrow::Cow;

/// Times are moved by whole milliseconds, so that people can read them.
const MS: u64 = 1_000_000;

impl Scenario {
    /// The scenario as this seed of a sweep has it: the beginning of each written fault is moved by up to `sim.jitter`, its length is
    /// not, for what a fault leads to depends on that. Nothing moves past a beginning or an end of another fault, nor out of the load. The
    /// times are in `sets` too, so that the command that repeats the seed has them.
    #[must_use]
    pub fn jittered(&self, seed: u64) -> Cow<'_, Self> {
        if self.faults.is_empty() || self.sim.jitter_ns < MS {
            return Cow::Borrowed(self);
        }
        let stages = self.loads.iter().flat_map(|load| load.timeline(0));
        let load_ends_ns = stages.map(|stage| stage.ends_ns()).max().unwrap_or(0);
        let mut rng = Streams::new(seed).stream("jitter", 0);
        let mut jittered = self.clone();
        for (index, fault) in jittered.faults.iter_mut().enumerate() {
            let most = self.room(index, load_ends_ns).min(self.sim.jitter_ns) / MS;
            let moved = rng.below(2 * most + 1) * MS;
            fault.at_ns = fault.at_ns + moved - most * MS;
            let at = show_duration(fault.at_ns);
            let place = self.fault_places.get(index).unwrap_or(&index);
            jittered.sets.push(format!("faults.{place}.at={at}"));
        }
        Cow::Owned(jittered)
    }

    /// How far a fault may be moved: less than half of the way to what is next to it, which moves too.
    fn room(&self, index: usize, load_ends_ns: u64) -> u64 {
        let ends = |fault: &Fault| fault.for_ns.map(|length| fault.at_ns + length);
        let edges = |fault: &Fault| [Some(fault.at_ns), ends(fault)].into_iter().flatten();
        let own = &self.faults[index];
        let others = self.faults.iter().enumerate();
        let others: Vec<u64> = others
            .filter(|(other, _)| *other != index)
            .flat_map(|(_, fault)| edges(fault))
            .collect();
        let near = edges(own).flat_map(|edge| others.iter().map(move |one| one.abs_diff(edge)));
        let between = near
            .min()
            .map_or(u64::MAX, |near| near.saturating_sub(1) / 2);
        let last = ends(own).unwrap_or(own.at_ns);
        between
            .min(own.at_ns)
            .min(load_ends_ns.saturating_sub(last))
    }
}

//! How far each partition was read.

use std::collections::BTreeMap;

/// One partition.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tail {
    /// Offset of the next record. `None`: none was read.
    pub next: Option<i64>,
    /// The client says that nothing follows `next`.
    at_end: bool,
    /// That was asked after the ends were taken.
    asked: bool,
    /// Where a truncated log was found to end, with where it had been read to.
    lost: Option<(i64, i64)>,
    /// Records that came with an offset that had been passed.
    regressed: u64,
}

#[derive(Default, Debug)]
pub(super) struct Tails(Vec<Tail>);

impl Tails {
    pub fn partitions(&self) -> i32 {
        i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    pub fn grow(&mut self, partitions: i32) {
        self.0
            .resize(usize::try_from(partitions).unwrap_or(0), Tail::default());
    }

    pub fn iter(&self) -> impl Iterator<Item = (i32, &Tail)> {
        (0..).zip(&self.0)
    }

    /// Partitions that were read, with their next offset.
    pub fn positions(&self) -> Vec<(i32, i64)> {
        self.iter()
            .filter_map(|(partition, tail)| Some((partition, tail.next?)))
            .collect()
    }

    fn get(&mut self, partition: i32) -> Option<&mut Tail> {
        self.0.get_mut(usize::try_from(partition).ok()?)
    }

    pub fn advance(&mut self, partition: i32, next: i64) {
        if let Some(tail) = self.get(partition) {
            tail.regressed += u64::from(tail.next.is_some_and(|known| next <= known));
            tail.next = Some(next);
            tail.at_end = false;
        }
    }

    pub fn at_end(&mut self, partition: i32) {
        if let Some(tail) = self.get(partition) {
            tail.at_end = true;
        }
    }

    pub fn forget_end(&mut self, partition: i32) {
        if let Some(tail) = self.get(partition) {
            tail.at_end = false;
        }
    }

    pub fn asked(&mut self, partition: i32) {
        if let Some(tail) = self.get(partition) {
            tail.asked = true;
        }
    }

    /// The log ends at `end` although it had been read up to `next`.
    pub fn lost(&mut self, partition: i32, next: i64, end: i64) {
        if let Some(tail) = self.get(partition) {
            tail.lost.get_or_insert((next, end));
            tail.next = Some(end.min(next));
        }
    }

    /// The first partition that is not read up to its end: partition, next offset, end.
    pub fn first_before(&self, ends: &BTreeMap<i32, i64>) -> Option<(i32, i64, i64)> {
        self.iter().find_map(|(partition, tail)| {
            let end = ends.get(&partition).copied().unwrap_or(0);
            let next = tail.next.unwrap_or(0);
            let done = next >= end || (tail.asked && tail.at_end);
            (!done).then_some((partition, next, end))
        })
    }

    pub fn problems(&self, topic: &str) -> Vec<String> {
        let mut problems = Vec::new();
        for (partition, tail) in self.iter() {
            if let Some((next, end)) = tail.lost {
                problems.push(format!("the log of {topic}/{partition} was cut to {end} after it had been read up to {next}"));
            }
            if tail.regressed > 0 {
                problems.push(format!(
                    "{} records of {topic}/{partition} came with offsets that had been passed",
                    tail.regressed
                ));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_read_when_its_end_is_reached_or_asked_for_again() {
        let mut tails = Tails::default();
        tails.grow(2);
        let ends = BTreeMap::from([(0, 0), (1, 5)]);
        assert_eq!(tails.first_before(&ends), Some((1, 0, 5)));
        tails.advance(1, 4);
        tails.at_end(1);
        assert_eq!(
            tails.first_before(&ends),
            Some((1, 4, 5)),
            "an old word about the end does not count"
        );
        tails.forget_end(1);
        tails.asked(1);
        assert_eq!(tails.first_before(&ends), Some((1, 4, 5)));
        tails.at_end(1);
        assert_eq!(tails.first_before(&ends), None);
        assert!(tails.problems("out").is_empty());
    }

    #[test]
    fn what_goes_backwards_is_told() {
        let mut tails = Tails::default();
        tails.grow(1);
        tails.advance(0, 10);
        tails.lost(0, 10, 7);
        tails.advance(0, 8);
        tails.advance(0, 8);
        let problems = tails.problems("out");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("out/0 was cut to 7 after it had been read up to 10"));
    }
}

//! Values by the million, in runs of equal length.

/// Grows without moving what is there: to double a vector of tens of megabytes touches as much memory again, and fresh memory is what costs
/// most in a long seed.
#[derive(Debug)]
pub struct Runs<T>(Vec<Vec<T>>);

/// Values of a run.
const RUN: usize = 8_192;

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Runs<T> {
    pub fn push(&mut self, value: T) {
        match self.0.last_mut() {
            Some(run) if run.len() < RUN => run.push(value),
            last => {
                // The first run grows: a small seed needs no whole one.
                let capacity = last.map_or(0, |_| RUN);
                let mut run = Vec::with_capacity(capacity);
                run.push(value);
                self.0.push(run);
            }
        }
    }

    /// The runs, in the order in which their values came.
    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// Takes all values out, in their order; to be taken to its end. What was the first run is used again.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + '_ {
        let others = self.0.split_off(self.0.len().min(1));
        let first = self.0.first_mut().into_iter();
        let first = first.flat_map(|run| run.drain(..));
        first.chain(others.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_as_they_went_in_and_once() {
        let mut runs = Runs::default();
        for count in [0, 1, RUN - 1, RUN, RUN + 1, 3 * RUN + 5, 2] {
            (0..count).for_each(|value| runs.push(value));
            assert!(runs.iter().flatten().copied().eq(0..count));
            assert!(runs.iter().all(|run| run.len() <= RUN));
            assert!(runs.drain().eq(0..count));
            assert_eq!(runs.drain().next(), None);
        }
    }
}

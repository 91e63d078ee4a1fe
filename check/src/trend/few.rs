//! Values of a trend as they are, read as a histogram of three significant digits would read them.

use super::MICROSECONDS_MAX;

/// Below it every microsecond has a bucket of its own; from there on a bucket doubles with each power of two.
const EXACT_BITS: u32 = 11;
/// The histogram's last bucket ends before it: the first power of two that takes a day.
const END_US: u64 = 1 << 37;

/// Values in microseconds, in no order until they are sorted.
#[derive(Clone, Debug)]
pub struct Few {
    values: Vec<u64>,
    sorted: bool,
}

impl Few {
    pub const fn new() -> Self {
        Self {
            values: Vec::new(),
            sorted: false,
        }
    }

    pub const fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    pub fn push(&mut self, us: u64) {
        self.values.push(us);
        self.sorted = false;
    }

    pub fn extend(&mut self, other: &Self) {
        self.values.extend_from_slice(&other.values);
        self.sorted = false;
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.values.iter().copied()
    }

    pub fn sort(&mut self) {
        self.values.sort_unstable();
        self.sorted = true;
    }

    /// The upper end of the bucket in which the share `quantile` of the values is reached; the lower end of the first for 0. There must be
    /// values.
    pub fn at_quantile(&self, quantile: f64) -> u64 {
        let wanted = quantile.min(1.0) * self.values.len() as f64;
        let index = (wanted.ceil() as usize).clamp(1, self.values.len()) - 1;
        let us = if self.sorted {
            self.values[index]
        } else {
            *self.values.clone().select_nth_unstable(index).1
        };
        let (first, last) = bucket(us);
        if quantile == 0.0 { first } else { last }
    }
}

/// First and last value of the bucket that takes a value.
const fn bucket(us: u64) -> (u64, u64) {
    let us = if us < END_US { us } else { MICROSECONDS_MAX };
    let bits = u64::BITS - us.leading_zeros();
    let shift = bits.saturating_sub(EXACT_BITS);
    let first = us >> shift << shift;
    (first, first + (1 << shift) - 1)
}

//! Keys by their distribution: integer tables, so that every platform draws the same.

use crate::rng::Rng;
use crate::scenario::Keys;
use std::cell::RefCell;
use std::sync::Arc;

/// Draws key indexes.
#[derive(Clone, Debug)]
pub enum KeySampler {
    Uniform { count: u32 },
    Sequential { count: u32, next: u32 },
    Weighted(Arc<AliasTable>),
}

impl KeySampler {
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        match keys {
            Keys::Uniform { count } => Self::Uniform { count },
            Keys::Sequential { count } => Self::Sequential { count, next: 0 },
            Keys::Zipf { exponent, count } => Self::Weighted(zipf(exponent, count)),
        }
    }

    /// The next key's index.
    pub fn draw(&mut self, rng: &mut Rng) -> u32 {
        match self {
            Self::Uniform { count } => u32::try_from(rng.below(u64::from(*count))).unwrap_or(0),
            Self::Sequential { count, next } => {
                let key = *next;
                *next = if key + 1 >= *count { 0 } else { key + 1 };
                key
            }
            Self::Weighted(table) => table.draw(rng),
        }
    }
}

/// The table, from the last call on this thread where that asked for the same: a sweep runs thousands of seeds over one scenario,
/// and ten thousand powers a seed would take longer than the seed.
fn zipf(exponent: f64, count: u32) -> Arc<AliasTable> {
    type Last = Option<((u64, u32), Arc<AliasTable>)>;
    thread_local!(static LAST: RefCell<Last> = const { RefCell::new(None) });
    let key = (exponent.to_bits(), count);
    LAST.with_borrow_mut(|last| match last {
        Some((known, table)) if *known == key => Arc::clone(table),
        _ => {
            let table = Arc::new(AliasTable::zipf(exponent, count));
            *last = Some((key, Arc::clone(&table)));
            table
        }
    })
}

/// Walker's alias method (Vose 1991): one draw, one comparison. Chances are multiples of 2^-32 of a slot.
#[derive(Clone, Debug)]
pub struct AliasTable {
    /// Below it the slot keeps the draw, else the draw goes to its alias.
    keep_below: Vec<u32>,
    alias: Vec<u32>,
}

impl AliasTable {
    /// Index i with weight 1 / (i + 1)^exponent.
    #[must_use]
    pub fn zipf(exponent: f64, count: u32) -> Self {
        let weights: Vec<f64> = (1..=count.max(1))
            .map(|rank| libm::pow(f64::from(rank), -exponent))
            .collect();
        Self::new(&weights)
    }

    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut share: Vec<f64> = weights
            .iter()
            .map(|weight| weight / total * weights.len() as f64)
            .collect();
        let mut alias: Vec<u32> = (0..weights.len() as u32).collect();
        let mut keep_below = vec![u32::MAX; weights.len()];
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..weights.len() as u32).partition(|slot| share[*slot as usize] < 1.0);
        while let (Some(low), Some(high)) = (small.pop(), large.last().copied()) {
            let (low, top) = (low as usize, high as usize);
            keep_below[low] = (share[low] * 4_294_967_296.0) as u32;
            alias[low] = high;
            share[top] -= 1.0 - share[low];
            if share[top] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        Self { keep_below, alias }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn draw(&self, rng: &mut Rng) -> u32 {
        let bits = rng.next_u64();
        let slot = (((bits >> 32) * self.alias.len() as u64) >> 32) as usize;
        if (bits as u32) < self.keep_below[slot] {
            slot as u32
        } else {
            self.alias[slot]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_follows_its_weights() {
        let mut sampler = KeySampler::new(Keys::Zipf {
            exponent: 1.1,
            count: 50,
        });
        let mut rng = Rng::new(9);
        let draws = 400_000_u32;
        let mut counts = [0_u32; 50];
        for _ in 0..draws {
            counts[sampler.draw(&mut rng) as usize] += 1;
        }
        let total: f64 = (1..=50).map(|rank| f64::from(rank).powf(-1.1)).sum();
        for (index, count) in counts.iter().enumerate() {
            let expected = (index as f64 + 1.0).powf(-1.1) / total * f64::from(draws);
            let error = (f64::from(*count) - expected).abs();
            assert!(
                error < 5.0 * expected.sqrt(),
                "rank {index}: {count} for {expected}"
            );
        }
    }

    #[test]
    fn sequential_wraps() {
        let mut sampler = KeySampler::new(Keys::Sequential { count: 3 });
        let mut rng = Rng::new(0);
        let keys: Vec<u32> = (0..7).map(|_| sampler.draw(&mut rng)).collect();
        assert_eq!(keys, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn one_key_is_always_that_key() {
        for keys in [
            Keys::Zipf {
                exponent: 2.0,
                count: 1,
            },
            Keys::Uniform { count: 1 },
        ] {
            let mut sampler = KeySampler::new(keys);
            let mut rng = Rng::new(4);
            assert!((0..100).all(|_| sampler.draw(&mut rng) == 0));
        }
    }
}

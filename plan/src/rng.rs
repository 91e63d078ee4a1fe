//! Squall's own random generator, so that a seed means the same on every machine and in every later release.
//!
//! Version 1: xoshiro256** (Blackman and Vigna, 2018) whose state is filled by SplitMix64 from the seed, the name of the
//! purpose and an index. One stream per purpose: drawing more of one never shifts another.

/// Version of the generator and of the samplers. A change that alters any drawn value raises it.
pub const RNG_VERSION: u32 = 1;

/// xoshiro256**.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator whose state is filled by SplitMix64 from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut mix = SplitMix(seed);
        Self {
            state: [mix.next(), mix.next(), mix.next(), mix.next()],
        }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.state;
        let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= shifted;
        *s3 = s3.rotate_left(45);
        result
    }

    /// Uniform in `0..bound`, without bias (Lemire 2019). 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let reject_under = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(bound);
            #[allow(clippy::cast_possible_truncation)]
            let (high, low) = ((wide >> 64) as u64, wide as u64);
            if low >= reject_under {
                return high;
            }
        }
    }

    /// Uniform in `(0, 1]`, a multiple of 2^-53: its logarithm is finite.
    #[allow(clippy::cast_precision_loss)]
    pub fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        ((self.next_u64() >> 11) + 1) as f64 * STEP
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(self.unit())
    }

    /// True with the chance `parts_per_million` / 1 000 000.
    pub fn chance(&mut self, parts_per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(parts_per_million)
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

/// The finaliser of SplitMix64: a bijection that spreads every bit.
pub(crate) const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// All random streams of one seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of a purpose (`keys`, `arrivals`, ...), told apart by `index` where there are several of them.
    #[must_use]
    pub fn stream(&self, purpose: &str, index: u64) -> Rng {
        let named = fnv1a(purpose.as_bytes());
        Rng::new(mix(self.seed ^ mix(named ^ mix(index.wrapping_add(1)))))
    }
}

/// FNV-1a of 64 bits.
#[must_use]
pub const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xoshiro_matches_the_authors_vectors() {
        let mut rng = Rng {
            state: [1, 2, 3, 4],
        };
        let seen: Vec<u64> = (0..6).map(|_| rng.next_u64()).collect();
        let authors = [
            11_520,
            0,
            1_509_978_240,
            1_215_971_899_390_074_240,
            1_216_172_134_540_287_360,
            607_988_272_756_665_600,
        ];
        assert_eq!(seen, authors);
    }

    #[test]
    fn split_mix_matches_the_published_vector() {
        let mut mix = SplitMix(1_234_567);
        let seen: Vec<u64> = (0..3).map(|_| mix.next()).collect();
        assert_eq!(
            seen,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn version_1_draws_these_values() {
        let mut rng = Streams::new(7421).stream("keys", 0);
        let drawn: Vec<u64> = (0..4).map(|_| rng.next_u64()).collect();
        insta::assert_debug_snapshot!((
            RNG_VERSION,
            drawn,
            rng.below(1000),
            rng.unit(),
            rng.exponential()
        ));
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| Streams::new(seed).stream(purpose, index).next_u64();
        let all = [
            first(1, "keys", 0),
            first(2, "keys", 0),
            first(1, "arrivals", 0),
            first(1, "keys", 1),
        ];
        let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn below_is_in_range_and_even() {
        let mut rng = Rng::new(3);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[rng.below(7) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (9_500..10_500).contains(count)),
            "{counts:?}"
        );
        assert_eq!(rng.below(0), 0);
    }
}

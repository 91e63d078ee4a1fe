//! A rolling hash over what happens, so that two runs can be compared without keeping either.

/// Rolling hash; version 1 is a multiply-and-rotate over 64-bit words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trace {
    hash: u64,
}

impl Trace {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            hash: seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub const fn fold(&mut self, word: u64) {
        self.hash = (self.hash ^ word)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(29);
    }

    pub const fn event(&mut self, at: u64, sequence: u64) {
        self.fold(at);
        self.fold(sequence);
    }

    #[must_use]
    pub const fn hash(&self) -> u64 {
        let hash = self.hash ^ (self.hash >> 33);
        let hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

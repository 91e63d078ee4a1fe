//! Member ids that never come again.

use super::super::ids::MemberId;

/// Draws member ids from a salt that differs between brokers, starts, and terms as leader, so that a fenced member of one coordinator
/// is never mistaken for a member of the next.
#[derive(Clone, Debug)]
pub(super) struct MemberIds {
    state: u64,
}

impl MemberIds {
    pub fn new(salt: u64) -> Self {
        Self { state: mix(salt) }
    }

    /// Mixing is a bijection of the counter, so one source repeats only after 2^64 ids; two sources meet with odds of 2^-64 a pair.
    pub fn draw(&mut self, taken: impl Fn(MemberId) -> bool) -> MemberId {
        loop {
            self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let id = MemberId(mix(self.state));
            if id != MemberId::NONE && id != MemberId::UNKNOWN && !taken(id) {
                return id;
            }
        }
    }
}

/// The finalizer of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

//! `--shard 2/8`: every eighth seed, from the second on.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One part of a sweep. Parts take turns, so that each gets as many of the seeds that are slow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub number: u64,
    pub count: u64,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            number: 1,
            count: 1,
        }
    }
}

impl Shard {
    /// Seeds of so many that are this shard's.
    #[must_use]
    pub const fn seeds(self, of: u64) -> u64 {
        let before = self.number - 1;
        if of <= before {
            return 0;
        }
        (of - before).div_ceil(self.count)
    }

    /// The place in the whole sweep of the shard's seed number `index`.
    #[must_use]
    pub const fn place(self, index: u64) -> u64 {
        index
            .saturating_mul(self.count)
            .saturating_add(self.number - 1)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write number/count, the number from 1, as in 2/8".to_owned();
        let (number, count) = text.split_once('/').ok_or_else(wrong)?;
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        let count: u64 = count.trim().parse().map_err(|_| wrong())?;
        match (1..=count).contains(&number) {
            true => Ok(Self { number, count }),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_each_seed_once() {
        for (count, seeds) in (1..9).flat_map(|count| (0..50).map(move |seeds| (count, seeds))) {
            let shards = (1..=count).map(|number| Shard { number, count });
            let all = shards.flat_map(|shard| (0..shard.seeds(seeds)).map(move |i| shard.place(i)));
            let mut all: Vec<u64> = all.collect();
            all.sort_unstable();
            assert_eq!(all, (0..seeds).collect::<Vec<_>>(), "{count} shards");
        }
    }

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        assert_eq!(
            "2/8".parse(),
            Ok(Shard {
                number: 2,
                count: 8
            })
        );
        assert_eq!("2/8".parse::<Shard>().unwrap().to_string(), "2/8");
        for wrong in ["0/8", "9/8", "8", "a/b", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}

//! A sweep's state in a file: what a shard came to, and where it goes on when it is started again.

use super::shard::Shard;
use super::tally::{Found, Tally};
use super::{Sweep, title};
use crate::exit::Failure;
use serde::{Deserialize, Serialize};
use squall_plan::rng::fnv1a;
use std::collections::BTreeSet;
use std::path::Path;

const FORMAT: u32 = 1;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Saved {
    format: u32,
    /// Name and variant of the scenario.
    title: String,
    /// Of the scenario as it was swept.
    digest: String,
    first_seed: u64,
    seeds: u64,
    pub shard: Shard,
    /// Seeds of the shard that are done: the first so many.
    pub done: u64,
    /// Nothing is left to do.
    pub complete: bool,
    pub seconds: f64,
    pub tally: Tally,
}

impl Saved {
    /// Nothing done yet.
    ///
    /// # Errors
    /// A scenario that cannot be written.
    pub fn new(sweep: &Sweep<'_>) -> Result<Self, Failure> {
        let json = serde_json::to_vec(sweep.scenario)
            .map_err(|error| Failure::defect(format!("cannot form the scenario: {error}")))?;
        Ok(Self {
            format: FORMAT,
            title: title(sweep.scenario),
            digest: format!("{:016x}", fnv1a(&json)),
            first_seed: sweep.first_seed,
            seeds: sweep.seeds,
            shard: sweep.shard,
            done: 0,
            complete: false,
            seconds: 0.0,
            tally: Tally::default(),
        })
    }

    /// # Errors
    /// A file that is there and is no such state.
    pub fn read(file: &Path) -> Result<Option<Self>, Failure> {
        let text = match std::fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(file, &error.to_string())),
        };
        let saved: Self =
            serde_json::from_slice(&text).map_err(|error| unusable(file, &error.to_string()))?;
        match saved.format {
            FORMAT => Ok(Some(saved)),
            other => Err(unusable(file, &format!("it has the form {other}"))),
        }
    }

    /// Where a sweep goes on: at what the file has, or at the beginning.
    ///
    /// # Errors
    /// When the file is of another sweep.
    pub fn resume(file: &Path, sweep: &Sweep<'_>) -> Result<Self, Failure> {
        let fresh = Self::new(sweep)?;
        let Some(known) = Self::read(file)? else {
            return Ok(fresh);
        };
        if known.of() != fresh.of() || known.shard != fresh.shard {
            let message = format!("{} is of another sweep: {}", file.display(), known.title);
            return Err(Failure::bad_input(message).hint(
                "its scenario, settings, seeds and shard must be the same; name another file",
            ));
        }
        Ok(known)
    }

    /// What the shards of one sweep have in common.
    fn of(&self) -> (&str, &str, u64, u64, u64) {
        let count = self.shard.count;
        (
            &self.title,
            &self.digest,
            self.first_seed,
            self.seeds,
            count,
        )
    }

    /// Writes the whole file or nothing of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), Failure> {
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::defect(format!("cannot form the state: {error}")))?;
        let beside = file.with_extension("part");
        let written = std::fs::write(&beside, json).and_then(|()| std::fs::rename(&beside, file));
        written.map_err(|error| {
            Failure::environment(format!("cannot write {}: {error}", file.display()))
        })
    }
}

fn unusable(file: &Path, why: &str) -> Failure {
    Failure::bad_input(format!("{} is no state of a sweep: {why}", file.display()))
        .hint("name files that --save has written")
}

/// Shards put together.
#[derive(Debug)]
pub struct Merged {
    pub title: String,
    pub found: Found,
    /// Shards of which no file was given, or whose file says that it is not at its end.
    pub missing: Vec<Shard>,
}

/// Adds up the files of the shards of one sweep.
///
/// # Errors
/// A file that is none, of another sweep, or of a shard that is there already.
pub fn merge(files: &[impl AsRef<Path>]) -> Result<Merged, Failure> {
    let mut first: Option<Saved> = None;
    let (mut tally, mut seconds, mut wanted) = (Tally::default(), 0.0_f64, 0);
    let (mut there, mut open) = (BTreeSet::new(), Vec::new());
    for file in files {
        let file = file.as_ref();
        let saved = Saved::read(file)?.ok_or_else(|| unusable(file, "it is not there"))?;
        let known = first.get_or_insert_with(|| saved.clone());
        if known.of() != saved.of() {
            let message = format!("{} is of another sweep than the first file", file.display());
            return Err(Failure::bad_input(message).hint("merge the shards of one sweep"));
        }
        if !there.insert(saved.shard.number) {
            let message = format!("{} is shard {} once more", file.display(), saved.shard);
            return Err(Failure::bad_input(message).hint("name each shard's file once"));
        }
        if !saved.complete {
            open.push(saved.shard);
        }
        wanted = saved.seeds;
        // They ran beside each other: the slowest says how long it took.
        seconds = seconds.max(saved.seconds);
        tally.add(saved.tally);
    }
    let Some(first) = first else {
        return Err(Failure::bad_input("there are no files to merge"));
    };
    let count = first.shard.count;
    let absent = (1..=count).filter(|number| !there.contains(number));
    let mut missing: Vec<Shard> = absent.map(|number| Shard { number, count }).collect();
    missing.extend(open);
    Ok(Merged {
        title: first.title,
        found: Found {
            tally,
            seconds,
            wanted,
        },
        missing,
    })
}

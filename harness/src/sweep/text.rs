//! What a sweep came to, as text.

use super::tally::{Found, Kind};
use crate::exit::Exit;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Paths through brokers and clients that a sweep should have taken, by what counts them, in the words of the report.
const PATHS: &[(&str, &str)] = &[
    ("elected", "leader changes"),
    ("truncated", "truncations"),
    ("isr-shrunk", "ISR shrinks"),
    ("rebalanced", "rebalances"),
    ("retries", "retries"),
    ("gave-up", "timeouts"),
    ("duplicate-dropped", "duplicates dropped"),
];

impl Found {
    /// Violations with the commands that repeat them, what happened, what never did, and the stable last line.
    #[must_use]
    pub fn text(&self, title: &str) -> String {
        let mut out = String::new();
        kinds(&mut out, "VIOLATED", &self.tally.violations);
        kinds(&mut out, "INCONCLUSIVE", &self.tally.reasons);
        self.happened(&mut out);
        self.faults(&mut out);
        self.overlaps(&mut out);
        self.last_line(&mut out, title);
        out
    }

    /// What happened, then the paths that no seed took.
    fn happened(&self, out: &mut String) {
        let count = |name: &str| self.tally.happened.get(name).copied().unwrap_or(0);
        let paths = PATHS.iter().filter(|(kind, _)| count(kind) > 0);
        let mut all: Vec<String> = paths
            .map(|(kind, name)| format!("{name} {}", count(kind)))
            .collect();
        let others = self
            .tally
            .happened
            .iter()
            .filter(|(kind, count)| **count > 0 && PATHS.iter().all(|(path, _)| path != kind));
        all.extend(others.map(|(name, count)| format!("{name} {count}")));
        let _ = writeln!(out, "HAPPENED  {}", all.join(", "));
        let never = PATHS.iter().filter(|(kind, _)| count(kind) == 0);
        let never: Vec<&str> = never.map(|(_, name)| *name).collect();
        if !never.is_empty() {
            let never = never.join(", ");
            let _ = writeln!(
                out,
                "NEVER     {never}: this sweep proves nothing about them"
            );
        }
    }

    /// Pairs of faults that were in force at once, and pairs that never were though both kinds came.
    fn overlaps(&self, out: &mut String) {
        let pairs = &self.tally.overlaps;
        if !pairs.is_empty() {
            let told: Vec<String> = pairs
                .iter()
                .map(|(pair, n)| format!("{pair} {n}"))
                .collect();
            let _ = writeln!(out, "OVERLAP   {}", told.join(", "));
        }
        let kinds: Vec<&String> = self.tally.kinds.iter().collect();
        let all = kinds.iter().enumerate().flat_map(|(index, one)| {
            let later = kinds.iter().skip(index);
            later.map(move |other| format!("{one}+{other}"))
        });
        let never: Vec<String> = all.filter(|pair| !pairs.contains_key(pair)).collect();
        if !never.is_empty() {
            let _ = writeln!(out, "NEVER     at once: {}", never.join(", "));
        }
    }

    fn faults(&self, out: &mut String) {
        for (name, (seeds, bitten)) in &self.tally.faults {
            let never = if *bitten == 0 {
                "  NEVER: this sweep proves nothing about it"
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "FAULT     {name} bit in {bitten} of {seeds} seeds{never}"
            );
        }
    }

    fn last_line(&self, out: &mut String, title: &str) {
        let tally = &self.tally;
        let word = match self.exit() {
            Exit::Held => "held",
            Exit::Violated => "violated",
            _ => "inconclusive",
        };
        let rate = |count: f64| count / self.seconds.max(1e-9);
        let _ = writeln!(
            out,
            "RATE      {:.0} events/s, {:.0} network messages/s, {:.0} times real time, {:.1} s",
            rate(tally.offered as f64),
            rate(tally.messages as f64),
            rate(tally.virtual_s),
            self.seconds
        );
        let _ = writeln!(
            out,
            "SWEEP {word} scenario={title} seeds={} violated={} inconclusive={} rate={:.0}/s exit={}",
            tally.seeds,
            tally.violated,
            tally.inconclusive,
            rate(tally.seeds as f64),
            self.exit().code()
        );
    }
}

fn kinds(out: &mut String, word: &str, kinds: &BTreeMap<String, Kind>) {
    for (name, kind) in kinds {
        let _ = writeln!(
            out,
            "{word}  {name}: {} seeds, first {}\n          {}",
            kind.seeds, kind.first_seed, kind.repeat
        );
    }
}

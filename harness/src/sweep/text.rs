//! What a sweep came to, as text.

use super::tally::{Found, Kind};
use crate::exit::Exit;
use squall_plan::Scenario;
use std::collections::BTreeMap;
use std::fmt::Write;

impl Found {
    /// Violations with the commands that repeat them, what happened, what never did, and the stable last line.
    #[must_use]
    pub fn text(&self, scenario: &Scenario) -> String {
        let mut out = String::new();
        kinds(&mut out, "VIOLATED", &self.tally.violations);
        kinds(&mut out, "INCONCLUSIVE", &self.tally.reasons);
        self.happened(&mut out);
        self.faults(&mut out);
        self.last_line(&mut out, scenario);
        out
    }

    fn happened(&self, out: &mut String) {
        let happened = self.tally.happened.iter();
        let all: Vec<String> = happened
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let _ = writeln!(out, "HAPPENED  {}", all.join(", "));
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

    fn last_line(&self, out: &mut String, scenario: &Scenario) {
        let tally = &self.tally;
        let word = match self.exit() {
            Exit::Held => "held",
            Exit::Violated => "violated",
            _ => "inconclusive",
        };
        let variant = scenario.variant.iter();
        let variant: String = variant.map(|name| format!(" variant={name}")).collect();
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
            "SWEEP {word} scenario={}{variant} seeds={} violated={} inconclusive={} rate={:.0}/s exit={}",
            scenario.name,
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

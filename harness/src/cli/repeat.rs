//! `--repeat N`: the scenario N times, each with a seed of its own, and what that proves.
//!
//! Seeds count up from the first. Each run can thus be repeated alone, the simulator does not run the same thing N times, and the
//! bound is about the scenario and not about one draw of its plan.

use super::chance::{CONFIDENCE, interval, percent_down, percent_up, upper};
use crate::exit::Exit;
use squall_render::report::{Report, Verdict};
use squall_render::terminal::named;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What many runs of one scenario came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// With its variant, as the last line has it.
    scenario: String,
    environment: String,
    /// First and last seed that was run.
    seeds: Option<(u64, u64)>,
    held: u64,
    violated: u64,
    inconclusive: u64,
    /// By kind: runs in which it came, and the seed of the first.
    anomalies: BTreeMap<String, (u64, u64)>,
    /// First reason of each inconclusive run, with the number of runs.
    reasons: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts one more run.
    pub fn add(&mut self, report: &Report) {
        self.scenario = named(&report.scenario, report.variant.as_deref());
        self.environment.clone_from(&report.environment);
        let mut kinds: Vec<&str> = report.anomalies.iter().map(|a| a.name.as_str()).collect();
        // A limit that was passed is a violation without an event.
        if report.verdict == Verdict::Violated && kinds.is_empty() {
            kinds.push(&report.headline);
        }
        kinds.sort_unstable();
        kinds.dedup();
        self.count(report.seed, report.verdict, &report.headline, &kinds);
    }

    /// `kinds`: each once.
    fn count(&mut self, seed: u64, verdict: Verdict, headline: &str, kinds: &[&str]) {
        let first = self.seeds.map_or(seed, |(first, _)| first);
        self.seeds = Some((first, seed));
        match verdict {
            Verdict::Held => self.held += 1,
            Verdict::Violated => self.violated += 1,
            Verdict::Inconclusive => {
                self.inconclusive += 1;
                *self.reasons.entry(headline.to_owned()).or_default() += 1;
            }
        }
        for kind in kinds {
            let seen = self.anomalies.entry((*kind).to_owned());
            seen.or_insert((0, seed)).0 += 1;
        }
    }

    /// The worst of the runs.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self { violated: 1.., .. } => Exit::Violated,
            Self {
                inconclusive: 1.., ..
            }
            | Self { held: 0, .. } => Exit::Inconclusive,
            _ => Exit::Held,
        }
    }

    /// Runs that prove something.
    const fn conclusive(&self) -> u64 {
        self.held + self.violated
    }

    const fn runs(&self) -> u64 {
        self.conclusive() + self.inconclusive
    }

    /// What came how often, what it proves, and a last line for scripts.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "REPEAT    {} runs: {} held, {} violated, {} inconclusive\n",
            self.runs(),
            self.held,
            self.violated,
            self.inconclusive
        );
        for (kind, (runs, seed)) in &self.anomalies {
            let (low, high) = interval(*runs, self.conclusive(), CONFIDENCE);
            let _ = writeln!(
                text,
                "          {kind}: in {runs} of {} runs, so in {} to {} of all (95 % sure); first with --seed {seed}",
                self.conclusive(),
                percent_down(low),
                percent_up(high)
            );
        }
        for (reason, runs) in &self.reasons {
            let _ = writeln!(text, "UNPROVEN  {reason}: {runs} of {} runs", self.runs());
        }
        let _ = writeln!(text, "PROVEN    {}", self.proven());
        let _ = writeln!(text, "{}", self.last_line());
        text
    }

    fn proven(&self) -> String {
        let conclusive = self.conclusive();
        match (self.violated, conclusive) {
            (_, 0) => "nothing: no run was conclusive".to_owned(),
            (0, _) => format!(
                "0 of {conclusive}: violated in less than {} of all runs of this scenario, at 95 %",
                percent_up(upper(0, conclusive, CONFIDENCE))
            ),
            (violated, _) => {
                let (low, high) = interval(violated, conclusive, CONFIDENCE);
                format!(
                    "{violated} of {conclusive}: violated in {} to {} of all runs of this scenario, at 95 %",
                    percent_down(low),
                    percent_up(high)
                )
            }
        }
    }

    /// `VIOLATED  scenario=x env=embedded seeds=7..16 runs=10 held=8 violated=2 inconclusive=0 anomalies=lost-write:2 exit=1`,
    /// where `anomalies` counts runs.
    fn last_line(&self) -> String {
        let verdict = match self.exit() {
            Exit::Held => Verdict::Held,
            Exit::Violated => Verdict::Violated,
            _ => Verdict::Inconclusive,
        };
        let (first, last) = self.seeds.unwrap_or_default();
        let anomalies: Vec<String> = self
            .anomalies
            .iter()
            .map(|(kind, (runs, _))| format!("{kind}:{runs}"))
            .collect();
        let anomalies = match anomalies.is_empty() {
            true => "0".to_owned(),
            false => anomalies.join(","),
        };
        format!(
            "{}  scenario={} env={} seeds={first}..{last} runs={} held={} violated={} inconclusive={} anomalies={anomalies} exit={}",
            verdict.shout(),
            self.scenario,
            self.environment,
            self.runs(),
            self.held,
            self.violated,
            self.inconclusive,
            self.exit().code()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_prove_nothing_are_not_counted_as_clean() {
        let mut tally = Tally::default();
        tally.count(5, Verdict::Inconclusive, "drain", &[]);
        assert_eq!(tally.exit(), Exit::Inconclusive);
        assert!(
            tally
                .text()
                .contains("PROVEN    nothing: no run was conclusive\n")
        );
        tally.count(6, Verdict::Held, "", &[]);
        assert_eq!(tally.exit(), Exit::Inconclusive);
        let text = tally.text();
        assert!(
            text.contains("0 of 1: violated in less than 95 % of all"),
            "{text}"
        );
        assert!(text.contains("UNPROVEN  drain: 1 of 2 runs\n"), "{text}");
        let line = "seeds=5..6 runs=2 held=1 violated=0 inconclusive=1 anomalies=0 exit=2\n";
        assert!(text.ends_with(line), "{text}");
    }

    #[test]
    fn fifty_clean_runs_leave_six_percent() {
        let mut tally = Tally::default();
        (0..50).for_each(|seed| tally.count(seed, Verdict::Held, "", &[]));
        assert_eq!(tally.exit(), Exit::Held);
        assert!(
            tally
                .text()
                .contains("0 of 50: violated in less than 5.9 % of all")
        );
    }

    #[test]
    fn each_kind_is_told_with_the_seed_that_showed_it_first() {
        let mut tally = Tally::default();
        tally.count(1, Verdict::Held, "", &[]);
        tally.count(
            2,
            Verdict::Violated,
            "loss",
            &["duplicate-effect", "lost-write"],
        );
        tally.count(3, Verdict::Violated, "loss", &["lost-write"]);
        tally.count(4, Verdict::Held, "", &[]);
        assert_eq!(tally.exit(), Exit::Violated);
        let text = tally.text();
        assert!(
            text.contains("lost-write: in 2 of 4 runs, so in 6.7 % to 94 % of all"),
            "{text}"
        );
        assert!(text.contains("duplicate-effect: in 1 of 4 runs"), "{text}");
        assert_eq!(text.matches("first with --seed 2\n").count(), 2, "{text}");
        assert!(
            text.contains("anomalies=duplicate-effect:1,lost-write:2 exit=1\n"),
            "{text}"
        );
    }
}

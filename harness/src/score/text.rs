//! The score as text.

use super::{Lie, Score};
use std::fmt;

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut missed: Vec<(&Lie, Vec<String>)> = Vec::new();
        for lie in self
            .lies
            .iter()
            .filter(|lie| lie.told > 0 && lie.caught == 0)
        {
            // What the same thing would catch is told together.
            let alike = |(first, _): &&mut (&Lie, Vec<String>)| {
                (first.teller, &first.cure, first.told) == (lie.teller, &lie.cure, lie.told)
            };
            match missed.iter_mut().find(alike) {
                Some((_, names)) => names.push(what(lie)),
                None => missed.push((lie, vec![what(lie)])),
            }
        }
        for (lie, names) in missed {
            let (teller, names) = (lie.teller.name(), names.join(", "));
            writeln!(f, "MISSED    {teller:<7} {names}: 0 of {}", lie.told)?;
            writeln!(f, "          add     {}", lie.cure.0)?;
        }
        for lie in self.lies.iter().filter(|lie| lie.told == 0) {
            writeln!(
                f,
                "-         {:<7} {}: no occasion for it",
                lie.teller.name(),
                what(lie)
            )?;
        }
        for lie in self.lies.iter().filter(|lie| lie.caught > 0) {
            let (teller, what, by) = (lie.teller.name(), what(lie), lie.by.join(", "));
            writeln!(
                f,
                "CAUGHT    {teller:<7} {what:<34} {} of {}   {by}",
                lie.caught, lie.told
            )?;
        }
        writeln!(
            f,
            "SCORE     scenario={} runs={} lies={} caught={} missed={} no-occasion={} score={}%",
            self.scenario,
            self.held,
            self.lies.len(),
            self.caught(),
            self.told() - self.caught(),
            self.lies.len() as u64 - self.told(),
            self.percent()
        )
    }
}

fn what(lie: &Lie) -> String {
    match &lie.sink {
        Some(sink) => format!("{} ({sink})", lie.name),
        None => lie.name.clone(),
    }
}

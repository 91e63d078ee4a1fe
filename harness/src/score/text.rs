//! The score as text.

use super::{Lie, Score};
use std::fmt::{self, Write as _};

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lies: Vec<&Lie> = self.lies.iter().collect();
        lies.sort_by_key(|lie| (lie.told == 0, lie.caught > 0, lie.teller));
        for lie in lies {
            writeln!(f, "{}", line(lie))?;
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

fn line(lie: &Lie) -> String {
    let word = match (lie.told, lie.caught) {
        (0, _) => "-",
        (_, 0) => "MISSED",
        _ => "CAUGHT",
    };
    let what = match &lie.sink {
        Some(sink) => format!("{} ({sink})", lie.name),
        None => lie.name.clone(),
    };
    let mut text = format!("{word:<9} {:<7} {what:<34}", lie.teller.name());
    let _ = match (lie.told, lie.caught) {
        (0, _) => write!(text, " no occasion for it"),
        (told, 0) => write!(text, " 0 of {told}\n          add     {}", lie.cure.0),
        (told, caught) => write!(text, " {caught} of {told}   {}", lie.by.join(", ")),
    };
    text
}

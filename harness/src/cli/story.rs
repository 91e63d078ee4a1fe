//! `squall story RUN EVENT`: the way of one event, healthy or not.

use super::{lookup, printed};
use crate::exit::{Exit, Failure};
use crate::verdict::{self, Way};
use clap::Args;
use squall_render::{Glyphs, terminal};
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub struct StoryArgs {
    /// A run's folder, its name, or `latest`
    run: PathBuf,
    /// The event: run-stream-sequence as in 7421-0-4896, or stream-sequence as in 0-4896
    #[arg(allow_hyphen_values = true)]
    event: String,
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

/// Exits 0 however the event fared: it is the run that has a verdict.
pub fn run(args: &StoryArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let folder = lookup::run_folder(&args.run, &args.out)?;
    let way = verdict::way(&folder, &args.event)?;
    printed(write!(out, "{}", told(&way, super::scenario::glyphs())))?;
    Ok(Exit::Held)
}

/// Steps by time, then what came of it in each sink.
fn told(way: &Way, glyphs: Glyphs) -> String {
    let mut text = format!("{}  of {}\n\n", way.story.event, way.scenario);
    text.push_str(&terminal::steps(&way.story));
    let width = |text: fn(&verdict::WayEnd) -> &str| {
        let widths = way.ends.iter().map(|end| text(end).chars().count());
        widths.max().unwrap_or(0)
    };
    let (sink, semantics) = (width(|end| &end.sink), width(|end| end.semantics));
    text.push('\n');
    for end in &way.ends {
        let _ = writeln!(
            text,
            "{} {:<sink$}  {:<semantics$}  {}",
            glyphs.mark(end.ok),
            end.sink,
            end.semantics,
            end.text
        );
    }
    text
}

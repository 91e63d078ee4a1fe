//! `squall compare A B [C...]`: runs side by side, and what of it is more than noise.

use super::{lookup, printed};
use crate::exit::{Exit, Failure};
use crate::verdict;
use clap::{Args, ValueEnum};
use squall_render::Report;
use squall_render::report::Verdict;
use squall_report::Series;
use squall_report::compare::{Comparison, Figures, Side, figures, markdown, page, text};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct CompareArgs {
    /// Two sides or more, the first being what the others are held against. A side is a run (its folder, its name, or
    /// `latest`), several runs with commas between, or a folder of runs
    #[arg(required = true, num_args = 2.., value_name = "SIDE")]
    sides: Vec<String>,
    /// A change of fewer per cent never counts; with this the times of single runs count too
    #[arg(long, value_name = "PER_CENT", value_parser = tolerance)]
    tolerance: Option<f64>,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write it to a file instead
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Html,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1e6).contains(&value) => Ok(value),
        _ => Err("a number of per cent, such as 10".to_owned()),
    }
}

/// Exits 1 when a side is worse than the first beyond noise: a gate against regressions.
pub fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let sides = args
        .sides
        .iter()
        .map(|side| read_side(side, &args.out))
        .collect::<Result<Vec<Side>, Failure>>()?;
    let comparison = Comparison::of(&sides, args.tolerance);
    let told = match args.format {
        Format::Text => text(&comparison),
        Format::Markdown => markdown(&comparison),
        Format::Html => page(&comparison),
    };
    match &args.to {
        Some(path) => {
            std::fs::write(path, told).map_err(|error| {
                Failure::environment(format!("cannot write {}: {error}", path.display()))
            })?;
            printed(writeln!(
                out,
                "{}\n{}",
                path.display(),
                comparison.last_line()
            ))?;
        }
        None => printed(write!(out, "{told}"))?,
    }
    Ok(match comparison.is_regression() {
        true => Exit::Violated,
        false => Exit::Held,
    })
}

fn read_side(text: &str, reports: &Path) -> Result<Side, Failure> {
    let mut folders = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let of_runs = [PathBuf::from(part), reports.join(part)]
            .into_iter()
            .map(|folder| super::runs::folders(&folder).unwrap_or_default())
            .find(|runs| !runs.is_empty());
        match of_runs {
            Some(runs) => folders.extend(runs),
            None => folders.push(lookup::run_folder(Path::new(part), reports)?),
        }
    }
    folders.sort();
    folders.dedup();
    let name = match folders.as_slice() {
        [one] => folder_name(one),
        _ => text.trim_end_matches('/').to_owned(),
    };
    let mut side = Side {
        name,
        runs: Vec::new(),
        ran: BTreeSet::new(),
        inconclusive: 0,
    };
    for folder in &folders {
        let (report, figures) = read_run(folder)?;
        let (title, events) = (report.title(), report.load.planned);
        let place = &report.environment;
        side.ran
            .insert(format!("{title} on {place}, {events} events"));
        side.inconclusive += usize::from(report.verdict == Verdict::Inconclusive);
        side.runs.push(figures);
    }
    match side.runs.is_empty() {
        true => Err(Failure::bad_input(format!("`{text}` names no run"))
            .hint("`squall runs` lists the stored runs")),
        false => Ok(side),
    }
}

fn folder_name(folder: &Path) -> String {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    real.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// From the stored report where there is one of this version, else by judging again.
fn read_run(folder: &Path) -> Result<(Report, Figures), Failure> {
    let plan = verdict::read_plan(folder)?;
    let stored = std::fs::read_to_string(folder.join("report.json")).ok();
    let stored: Option<Report> = stored.and_then(|text| serde_json::from_str(&text).ok());
    let report = match stored {
        Some(report) => report,
        None => verdict::judge(folder)?.report,
    };
    let series =
        Series::read(folder, &plan).map_err(|error| verdict::unreadable(folder, &error))?;
    let figures = figures(&report, &series);
    Ok((report, figures))
}

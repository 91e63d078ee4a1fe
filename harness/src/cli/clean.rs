//! `squall clean --keep N`: removes old runs, and nothing that is not one, and what killed runs left: containers, and topics and groups
//! on clusters of others'.

use super::printed;
use crate::environment::external::left::{of_dead, sweep_all};
use crate::exit::{Exit, Failure};
use clap::Args;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct CleanArgs {
    /// How many of the newest runs stay
    #[arg(long, value_name = "N")]
    keep: usize,
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

pub fn run(args: &CleanArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    if !args.dry_run {
        sweep_clusters(&args.out, out)?;
    }
    // The folder of a run that has left something is how it is found again.
    let needed: BTreeSet<PathBuf> = of_dead(&args.out)
        .into_iter()
        .filter_map(|(record, _)| Some(record.parent()?.to_owned()))
        .collect();
    let mut runs: Vec<(String, PathBuf)> = super::runs::folders(&args.out)?
        .into_iter()
        .filter_map(|folder| Some((stamp(&folder)?, folder)))
        .collect();
    // The newest first; of one second, by name.
    runs.sort();
    runs.reverse();
    let mut old = runs.split_off(args.keep.min(runs.len()));
    runs.extend(old.extract_if(.., |(_, folder)| needed.contains(folder)));
    for (_, folder) in &old {
        let verb = if args.dry_run {
            "would remove"
        } else {
            "removed"
        };
        if !args.dry_run {
            remove(folder)?;
        }
        printed(writeln!(out, "{verb} {}", folder.display()))?;
    }
    if !args.dry_run {
        drop_dangling(&args.out.join("latest"));
        let swept = crate::environment::docker::sweep();
        for gone in swept.map_err(|error| Failure::environment(error.to_string()))? {
            printed(writeln!(out, "removed {gone}, left by a killed run"))?;
        }
    }
    printed(writeln!(
        out,
        "{} runs stay, {} gone",
        runs.len(),
        old.len()
    ))?;
    Ok(Exit::Held)
}

/// What cannot be removed is told, and is no reason to leave the rest.
fn sweep_clusters(reports: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    for swept in sweep_all(reports) {
        let line = match swept {
            Ok(gone) => format!("removed {gone}, left by a killed run"),
            Err(why) => why,
        };
        printed(writeln!(out, "{line}"))?;
    }
    Ok(())
}

/// The time in the name of a run's folder, `NAME-20261121T112600-SEED`; `None`: Squall has not named it.
fn stamp(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    let is_stamp = |part: &&str| {
        part.len() == 15
            && part.bytes().enumerate().all(|(index, byte)| match index {
                8 => byte == b'T',
                _ => byte.is_ascii_digit(),
            })
    };
    let part = name.split('-').skip(1).find(is_stamp)?;
    folder
        .join(squall_history::FILE_NAME)
        .is_file()
        .then(|| part.to_owned())
}

fn remove(folder: &Path) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::environment(format!("cannot remove {}: {error}", folder.display()))
    };
    std::fs::remove_dir_all(folder).map_err(cannot)
}

fn drop_dangling(latest: &Path) {
    if latest.is_symlink() && !latest.exists() {
        // It only points at what is gone.
        let _ = std::fs::remove_file(latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_go_and_the_newest_stay() {
        let reports = tempfile::tempdir().unwrap();
        let root = reports.path();
        let make = |name: &str, files: &[&str]| {
            std::fs::create_dir_all(root.join(name)).unwrap();
            for file in files {
                std::fs::write(root.join(name).join(file), "{}").unwrap();
            }
        };
        let run = [crate::run::PLAN_FILE, squall_history::FILE_NAME];
        make("burst-20261121T100000-1", &run);
        make("acks-20261121T110000-2", &run);
        make("burst-20261121T120000-3", &run);
        make("my-notes", &["plan.json"]);
        make("mine-20261121T100000-1", &["plan.json"]);
        make("20261121T100000", &run);
        make("theirs-20261121T100000-1", &["notes.txt"]);
        std::fs::write(root.join("file-20261121T090000-1"), "x").unwrap();
        let outside = tempfile::tempdir().unwrap();
        for file in run {
            std::fs::write(outside.path().join(file), "{}").unwrap();
        }
        std::os::unix::fs::symlink(outside.path(), root.join("link-20261121T090000-1")).unwrap();
        std::os::unix::fs::symlink(root.join("burst-20261121T100000-1"), root.join("latest"))
            .unwrap();
        let clean = |keep, dry_run| {
            let mut out = Vec::new();
            let args = CleanArgs {
                keep,
                dry_run,
                out: root.to_owned(),
            };
            super::run(&args, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let left = || {
            let names = std::fs::read_dir(root).unwrap();
            let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        let before = left();
        assert!(clean(1, true).contains("would remove"));
        assert_eq!(left(), before);
        clean(1, false);
        let kept = [
            "20261121T100000",
            "burst-20261121T120000-3",
            "file-20261121T090000-1",
            "link-20261121T090000-1",
            "mine-20261121T100000-1",
            "my-notes",
            "theirs-20261121T100000-1",
        ];
        assert_eq!(left(), kept);
        assert!(outside.path().join(crate::run::PLAN_FILE).exists());
        assert!(clean(0, false).ends_with("0 runs stay, 1 gone\n"));
    }
}

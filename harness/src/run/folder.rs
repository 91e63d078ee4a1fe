//! The folder of one run: `reports/<scenario>-<time>-<seed>/`, with `reports/latest` pointing at the newest.

use crate::exit::Failure;
use std::io;
use std::path::{Path, PathBuf};

/// The plan, as JSON; a folder that has it is a run.
pub const PLAN_FILE: &str = "plan.json";

/// Everything that a run leaves behind.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder; a run of the same scenario, second and seed gets a number behind it.
    pub fn create(reports: &Path, scenario: &str, seed: u64) -> Result<Self, Failure> {
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S").to_string();
        let name = format!("{}-{stamp}-{seed}", file_name(scenario));
        let cannot = |error: io::Error| {
            Failure::environment(format!(
                "cannot make a folder for the run in {}: {error}",
                reports.display()
            ))
            .hint("choose another folder with --out")
        };
        std::fs::create_dir_all(reports).map_err(cannot)?;
        let path = unused(reports, &name).map_err(cannot)?;
        let path = path.canonicalize().map_err(cannot)?;
        std::fs::create_dir_all(path.join("logs")).map_err(cannot)?;
        point_latest(reports, &path);
        Ok(Self { path })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub fn write(&self, name: &str, content: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        std::fs::write(&path, content).map_err(|error| {
            Failure::environment(format!("cannot write {}: {error}", path.display()))
        })
    }
}

fn unused(reports: &Path, name: &str) -> io::Result<PathBuf> {
    let mut path = reports.join(name);
    let mut number = 2;
    loop {
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                path = reports.join(format!("{name}-{number}"));
                number += 1;
            }
            other => return other.map(|()| path),
        }
    }
}

/// A scenario's name as part of a file name.
fn file_name(scenario: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    scenario
        .chars()
        .take(80)
        .map(safe)
        .collect::<String>()
        .trim_start_matches('.')
        .to_owned()
}

/// `reports/latest` is the run in this folder. A convenience only: where links cannot be made the run goes on without.
pub fn point_latest(reports: &Path, run: &Path) {
    let link = reports.join("latest");
    let Some(name) = run.file_name() else { return };
    if link.is_symlink() || !link.exists() {
        let _ = std::fs::remove_file(&link);
        let _ = std::os::unix::fs::symlink(name, &link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_of_one_second_have_two_folders_and_latest_is_the_second() {
        let reports = tempfile::tempdir().unwrap();
        let first = RunFolder::create(reports.path(), "../burst x", 7).unwrap();
        let second = RunFolder::create(reports.path(), "../burst x", 7).unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(
            first.path().parent().unwrap(),
            reports.path().canonicalize().unwrap()
        );
        assert_eq!(
            reports.path().join("latest").canonicalize().unwrap(),
            second.path()
        );
    }
}

//! Finding scenario files and stored runs by what a user types.

use crate::exit::Failure;
use std::path::{Path, PathBuf};

/// The files that `given` means: a file, a file in `scenarios/`, or every YAML file of a folder in name order.
pub fn scenario_files(given: &Path) -> Result<Vec<PathBuf>, Failure> {
    let found = candidates(given).into_iter().find(|path| path.exists());
    match found {
        Some(folder) if folder.is_dir() => files_of(&folder),
        Some(file) => Ok(vec![file]),
        None => Err(missing(given)),
    }
}

/// As [`scenario_files`], where only one file makes sense.
pub fn scenario_file(given: &Path) -> Result<PathBuf, Failure> {
    match scenario_files(given)?.as_slice() {
        [file] => Ok(file.clone()),
        files => Err(Failure::bad_input(format!(
            "{} holds {} scenario files; name one",
            given.display(),
            files.len()
        ))),
    }
}

fn candidates(given: &Path) -> Vec<PathBuf> {
    let in_scenarios = Path::new("scenarios").join(given);
    let mut all = vec![given.to_owned(), in_scenarios.clone()];
    if given.extension().is_none() {
        all.push(given.with_extension("yaml"));
        all.push(in_scenarios.with_extension("yaml"));
    }
    all
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Failure::bad_input(format!(
            "cannot read the folder {}: {error}",
            folder.display()
        ))
    })?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && is_yaml(path))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::bad_input(format!(
            "no .yaml file in {}",
            folder.display()
        )));
    }
    Ok(files)
}

fn missing(given: &Path) -> Failure {
    let failure = Failure::bad_input(format!(
        "no scenario {} here, nor in scenarios/",
        given.display()
    ));
    let known: Vec<String> = files_of(Path::new("scenarios"))
        .unwrap_or_default()
        .iter()
        .filter_map(|path| {
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        })
        .collect();
    if known.is_empty() {
        failure.hint("name a file, or run in a folder that has scenarios/")
    } else {
        failure.hint(format!("scenarios/ has {}", known.join(", ")))
    }
}

/// A stored run: its folder, its name under `reports`, or `latest`.
pub fn run_folder(given: &Path, reports: &Path) -> Result<PathBuf, Failure> {
    let found = [given.to_owned(), reports.join(given)]
        .into_iter()
        .find(|path| path.join(crate::run::PLAN_FILE).is_file());
    found.ok_or_else(|| {
        Failure::bad_input(format!(
            "no stored run {} (a folder with {})",
            given.display(),
            crate::run::PLAN_FILE
        ))
        .hint("`squall runs` lists the stored runs")
    })
}

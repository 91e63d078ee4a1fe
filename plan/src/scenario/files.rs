//! Finding the files that a scenario names.

use crate::problem::{Problem, Problems};
use crate::yaml::BYTES_MAX;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Where other files come from; tests have them in memory.
pub trait Files {
    /// The text of a file and the folder in which it lies.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    fn find(&self, path: &str) -> io::Result<(String, String)>;
}

/// Files on disk: as given, beside the scenario, and beside each folder above it.
#[derive(Clone, Debug)]
pub struct Disk {
    folders: Vec<PathBuf>,
}

impl Disk {
    /// Looks in the scenario's folder, those above it, and the current one.
    #[must_use]
    pub fn beside(scenario: &Path) -> Self {
        let absolute = std::path::absolute(scenario).unwrap_or_else(|_| scenario.to_owned());
        let above = absolute.ancestors().skip(1).map(Path::to_owned);
        Self {
            folders: above.chain([PathBuf::from(".")]).collect(),
        }
    }
}

impl Files for Disk {
    fn find(&self, path: &str) -> io::Result<(String, String)> {
        let found = self
            .folders
            .iter()
            .map(|folder| folder.join(path))
            .find(|candidate| candidate.is_file());
        let file = found.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "no such file beside the scenario or above it",
            )
        })?;
        let folder = file
            .parent()
            .map(|parent| parent.display().to_string())
            .unwrap_or_default();
        Ok((read_bounded(&file)?, folder))
    }
}

/// Reads a text file that is not too large.
///
/// # Errors
/// When it cannot be read, is too large, or is not UTF-8.
pub fn read_bounded(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let limit = BYTES_MAX as u64 + 1;
    std::fs::File::open(file)?
        .take(limit)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Reads a scenario file; `name` is what problems call it.
pub(super) fn read(file: &Path, name: &str) -> Result<String, Problems> {
    read_bounded(file).map_err(|error| {
        let what = format!("cannot be read: {error}");
        let fix = match error.kind() {
            io::ErrorKind::InvalidData => "save it as UTF-8",
            _ => "check the path",
        };
        Problems(vec![Problem::of(name, what, fix)])
    })
}

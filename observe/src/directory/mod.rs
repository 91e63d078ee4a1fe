//! Effects that are files: a maildir, or any folder with one file an effect.

mod identity;
#[cfg(target_os = "linux")]
mod inotify;

use crate::effects::Effects;
use crate::error::TapError;
use crate::source::{FinalRead, Polled, Source};
use identity::Identity;
use squall_plan::system::IdPlace;
use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest sleep while the kernel tells of new files.
const WAIT: Duration = Duration::from_millis(50);
/// A full look all the same, this often: file systems that tell nothing are still read.
const SCAN_EVERY: Duration = Duration::from_secs(2);

/// Files directly in the folder count, and those of `new` and `cur` when it is a maildir. Hidden files and `tmp` do not.
pub(crate) struct Directory {
    path: PathBuf,
    identity: Identity,
    /// Hashes of the names seen. A collision costs the live time of one effect; the final read compares nothing.
    seen: BTreeSet<u64>,
    arrivals: i64,
    scanned: Option<Instant>,
    #[cfg(target_os = "linux")]
    watches: Option<inotify::Watches>,
}

impl Directory {
    pub fn new(sink: &str, path: PathBuf, id: IdPlace) -> Result<Self, TapError> {
        Ok(Self {
            path,
            identity: Identity::new(sink, id)?,
            seen: BTreeSet::new(),
            arrivals: 0,
            scanned: None,
            #[cfg(target_os = "linux")]
            watches: None,
        })
    }

    fn folders(&self) -> [PathBuf; 3] {
        [
            self.path.clone(),
            self.path.join("new"),
            self.path.join("cur"),
        ]
    }

    /// Looks at every file, and passes on those that were not seen before.
    fn scan(&mut self, effects: &mut Effects) -> Result<(), TapError> {
        for folder in self.folders() {
            for_each_file(&folder, folder != self.path, |entry| {
                self.found(&entry.path(), effects);
            })?;
        }
        self.scanned = Some(Instant::now());
        Ok(())
    }

    fn found(&mut self, path: &Path, effects: &mut Effects) {
        let Some(name) = path.file_name() else { return };
        if !self.seen.insert(name_hash(name)) {
            return;
        }
        let at = effects.now_ns();
        let found = self.identity.of(path, &effects.ids);
        let half = |id: &Option<_>| id.is_none() && self.identity.reads_content();
        let Some((id, text)) = found.ok().filter(|(id, _)| !half(id)) else {
            // Gone again, or not whole yet: the next look or the final read will tell.
            self.seen.remove(&name_hash(name));
            return;
        };
        effects.push(at, id, &text, -1, self.arrivals);
        self.arrivals += 1;
    }

    fn is_scan_due(&self) -> bool {
        self.scanned
            .is_none_or(|scanned| scanned.elapsed() >= SCAN_EVERY)
    }

    #[cfg(target_os = "linux")]
    fn follow(&mut self, effects: &mut Effects) -> Result<(), TapError> {
        use inotify::{News, Watches};
        let cannot = |path: &Path, source: rustix::io::Errno| TapError::File {
            path: path.to_owned(),
            source: source.into(),
        };
        let mut watches = match self.watches.take() {
            Some(watches) => watches,
            None => Watches::new().map_err(|error| cannot(&self.path, error))?,
        };
        // A folder that was not there before may have files from before it was watched.
        let mut appeared = false;
        for folder in self.folders() {
            appeared |= watches.add(&folder);
        }
        if appeared || self.is_scan_due() {
            self.scan(effects)?;
        }
        effects.flush();
        let content = self.identity.reads_content();
        let lost = match watches.wait(WAIT, content) {
            Ok(News::Files(files)) => {
                files
                    .iter()
                    .filter(|file| counts(file))
                    .for_each(|file| self.found(file, effects));
                false
            }
            Ok(News::Lost) => true,
            Err(error) => return Err(cannot(&self.path, error)),
        };
        if lost {
            self.scanned = None;
        } else {
            self.watches = Some(watches);
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn follow(&mut self, effects: &mut Effects) -> Result<(), TapError> {
        self.scan(effects)?;
        std::thread::sleep(WAIT);
        Ok(())
    }
}

impl Source for Directory {
    fn poll(&mut self, effects: &mut Effects) -> Result<Polled, TapError> {
        if !self.path.is_dir() {
            return Ok(Polled::NotThere(format!(
                "folder {} is not there yet",
                self.path.display()
            )));
        }
        self.follow(effects)?;
        Ok(Polled::Read)
    }

    fn final_read(
        &mut self,
        effects: &mut Effects,
        deadline: Instant,
    ) -> Result<FinalRead, TapError> {
        if !self.path.is_dir() {
            let source = std::io::Error::from(ErrorKind::NotFound);
            return Err(TapError::File {
                path: self.path.clone(),
                source,
            });
        }
        self.scan(effects)?;
        effects.become_final();
        let mut files = Vec::new();
        for folder in self.folders() {
            for_each_file(&folder, folder != self.path, |entry| {
                files.push(entry.path())
            })?;
        }
        files.sort_unstable();
        for (index, path) in files.iter().enumerate() {
            if Instant::now() > deadline {
                return Err(TapError::TooLate {
                    sink: self.path.display().to_string(),
                });
            }
            let found = self.identity.of(path, &effects.ids);
            let (id, text) = found.map_err(|source| TapError::File {
                path: path.clone(),
                source,
            })?;
            effects.push(
                effects.now_ns(),
                id,
                &text,
                -1,
                i64::try_from(index).unwrap_or(-1),
            );
        }
        Ok(FinalRead::of(files.len() as u64, effects))
    }

    fn attentive(&self) -> Duration {
        if cfg!(target_os = "linux") {
            WAIT
        } else {
            Duration::ZERO
        }
    }
}

/// `optional`: a folder that is not there has no files.
fn for_each_file(
    folder: &Path,
    optional: bool,
    mut visit: impl FnMut(&DirEntry),
) -> Result<(), TapError> {
    let cannot = |source| TapError::File {
        path: folder.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(folder) {
        Err(error)
            if optional
                && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            return Ok(());
        }
        other => other.map_err(cannot)?,
    };
    for entry in entries {
        let entry = entry.map_err(cannot)?;
        let is_file = entry
            .file_type()
            .is_ok_and(|kind| kind.is_file() || kind.is_symlink() && entry.path().is_file());
        if is_file && !is_hidden(&entry.file_name()) {
            visit(&entry);
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn counts(path: &Path) -> bool {
    path.file_name().is_some_and(|name| !is_hidden(name)) && path.is_file()
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

/// A maildir appends flags after a colon when a mail moves from `new` to `cur`: it stays the same mail.
fn name_hash(name: &OsStr) -> u64 {
    let bytes = name.as_bytes();
    let unflagged = bytes.split(|byte| *byte == b':').next().unwrap_or(bytes);
    let mut hasher = DefaultHasher::new();
    unflagged.hash(&mut hasher);
    hasher.finish()
}

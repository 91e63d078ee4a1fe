//! A mail folder: written under `tmp/`, made durable, then linked into `new/` under its final name.

use squall_env::{Filed, MailError};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
pub(super) struct Maildir {
    folder: PathBuf,
}

impl Maildir {
    pub(super) fn open(folder: &str) -> Result<Self, MailError> {
        let folder = PathBuf::from(folder);
        for part in ["tmp", "new", "cur"] {
            let path = folder.join(part);
            std::fs::create_dir_all(&path).map_err(|error| {
                MailError::Permanent(format!("{} cannot be made: {error}", path.display()))
            })?;
        }
        Ok(Self { folder })
    }

    /// Durable when this returns. A name that is there, or was read by a mail program, is not written again.
    pub(super) fn deliver(&self, name: &str, text: &[u8]) -> Result<Filed, MailError> {
        let new = self.folder.join("new");
        let place = new.join(name);
        if place.exists() || self.was_read(name) {
            return Ok(Filed::Already);
        }
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let draft = self
            .folder
            .join("tmp")
            .join(format!("{}.{turn}.{name}", std::process::id()));
        let filed = write(&draft, text)
            .and_then(|()| link(&draft, &place))
            .and_then(|filed| File::open(&new)?.sync_all().map(|()| filed));
        let _ = std::fs::remove_file(&draft);
        filed.map_err(|error| {
            let why = format!("{}: {error}", place.display());
            match error.kind() {
                ErrorKind::InvalidFilename | ErrorKind::InvalidInput => MailError::Permanent(why),
                _ => MailError::Temporary(why),
            }
        })
    }

    fn was_read(&self, name: &str) -> bool {
        let current = self.folder.join("cur");
        ["", ":2,", ":2,S"]
            .iter()
            .any(|flags| current.join(format!("{name}{flags}")).exists())
    }
}

fn write(draft: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(draft)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Unlike a rename, a link never replaces what is there.
fn link(draft: &Path, place: &Path) -> io::Result<Filed> {
    match std::fs::hard_link(draft, place) {
        Ok(()) => Ok(Filed::New),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Filed::Already),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_delivered_once_and_nothing_stays_in_tmp() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::open(folder.path().to_str().unwrap()).unwrap();
        assert_eq!(maildir.deliver("7-0-1", b"a").unwrap(), Filed::New);
        assert_eq!(maildir.deliver("7-0-1", b"b").unwrap(), Filed::Already);
        assert_eq!(maildir.deliver("7-0-2", b"c").unwrap(), Filed::New);
        let text = std::fs::read(folder.path().join("new/7-0-1")).unwrap();
        assert_eq!(text, b"a");
        let drafts = std::fs::read_dir(folder.path().join("tmp")).unwrap();
        assert_eq!(drafts.count(), 0);
        std::fs::rename(
            folder.path().join("new/7-0-1"),
            folder.path().join("cur/7-0-1:2,S"),
        )
        .unwrap();
        assert_eq!(maildir.deliver("7-0-1", b"d").unwrap(), Filed::Already);
    }

    #[test]
    fn a_folder_that_is_gone_is_trouble_for_now() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::open(folder.path().to_str().unwrap()).unwrap();
        std::fs::remove_dir_all(folder.path().join("tmp")).unwrap();
        let result = maildir.deliver("7-0-1", b"a");
        assert!(matches!(result, Err(MailError::Temporary(_))), "{result:?}");
    }
}

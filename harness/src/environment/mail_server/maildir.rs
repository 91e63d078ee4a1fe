//! Mails in a maildir: written aside, synced, then moved to `new/`, so that who reads it sees whole mails only.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const NAME_BYTES_MAX: usize = 150;

pub(super) struct Maildir {
    folder: PathBuf,
    next: AtomicU64,
}

impl Maildir {
    pub fn open(folder: &Path) -> io::Result<Self> {
        for part in ["tmp", "new", "cur"] {
            let path = folder.join(part);
            let made = std::fs::create_dir_all(&path);
            made.map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            next: AtomicU64::new(1),
        })
    }

    /// Durable when this returns. Each delivery is a file of its own, called after the mail's Message-ID: a mail that is
    /// delivered twice is there twice.
    pub fn file(&self, mail: &[u8]) -> io::Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.{number}", stem(mail));
        let draft = self.folder.join("tmp").join(&name);
        let new = self.folder.join("new");
        let filed = write(&draft, mail)
            .and_then(|()| std::fs::rename(&draft, new.join(&name)))
            .and_then(|()| File::open(&new)?.sync_all());
        if filed.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        filed
    }
}

fn write(draft: &Path, mail: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(draft)?;
    file.write_all(mail)?;
    file.sync_all()
}

/// What stands before the `@` of the Message-ID, as far as it is safe in a file's name.
fn stem(mail: &[u8]) -> String {
    let id = header(mail, "message-id").unwrap_or_default();
    let id = id.trim().trim_start_matches('<');
    let local = id.split(['@', '>']).next().unwrap_or_default();
    let safe = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => c,
        _ => '_',
    };
    let stem: String = local.chars().map(safe).take(NAME_BYTES_MAX).collect();
    match stem.is_empty() {
        true => "mail".to_owned(),
        false => stem,
    }
}

/// The first header of this name, unfolded only as far as its first line.
fn header(mail: &[u8], name: &str) -> Option<String> {
    for line in mail.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            return None;
        }
        if let Some((known, value)) = line.split_once(':')
            && known.eq_ignore_ascii_case(name)
        {
            return Some(value.to_owned());
        }
    }
    None
}

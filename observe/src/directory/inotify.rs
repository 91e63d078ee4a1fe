//! The kernel tells of new files.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::{Errno, Result};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const BUFFER: usize = 64 * 1024;

/// Folders that are watched.
pub(super) struct Watches {
    inotify: OwnedFd,
    folders: BTreeMap<i32, PathBuf>,
}

/// What a wait brought.
pub(super) enum News {
    /// New files, in order; none when nothing happened.
    Files(Vec<PathBuf>),
    /// Events were dropped or a folder went away: all must be looked at again, through new watches.
    Lost,
}

impl Watches {
    pub fn new() -> Result<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self {
            inotify,
            folders: BTreeMap::new(),
        })
    }

    /// Watches a folder if it is there; true when it was not watched before.
    pub fn add(&mut self, folder: &Path) -> bool {
        if self.folders.values().any(|known| known == folder) {
            return false;
        }
        let flags = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::DELETE_SELF
            | WatchFlags::ONLYDIR;
        match add_watch(&self.inotify, folder, flags) {
            Ok(watch) => self.folders.insert(watch, folder.to_owned()).is_none(),
            Err(_) => false,
        }
    }

    /// Waits for news. `whole`: a file counts only once it is written, moved or linked into a maildir.
    pub fn wait(&self, within: Duration, whole: bool) -> Result<News> {
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: within.subsec_nanos().into(),
        };
        let mut ready = [PollFd::new(&self.inotify, PollFlags::IN)];
        match poll(&mut ready, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => return Ok(News::Files(Vec::new())),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut files = Vec::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(News::Files(files)),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            };
            let what = event.events();
            if what.intersects(ReadFlags::QUEUE_OVERFLOW | ReadFlags::IGNORED | ReadFlags::UNMOUNT)
            {
                return Ok(News::Lost);
            }
            let Some((folder, name)) = self.folders.get(&event.wd()).zip(event.file_name()) else {
                continue;
            };
            let in_maildir = folder.ends_with("new") || folder.ends_with("cur");
            if !whole || in_maildir || !what.contains(ReadFlags::CREATE) {
                files.push(folder.join(OsStr::from_bytes(name.to_bytes())));
            }
        }
    }
}

//! The terminal's input, watched for its end: crossterm goes on reading, without a pause, from a terminal that has gone.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

pub struct Input(OwnedFd);

impl Input {
    /// The terminal that crossterm reads: standard input, or else the controlling terminal.
    pub fn open() -> io::Result<Self> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return stdin.as_fd().try_clone_to_owned().map(Self);
        }
        let terminal = File::options().read(true).open("/dev/tty")?;
        Ok(Self(terminal.into()))
    }

    /// Waits until there is something to read, at most so long.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn wait(&self, at_most: Duration) -> io::Result<()> {
        let mut watched = [PollFd::new(&self.0, PollFlags::IN)];
        let at_most = Timespec::try_from(at_most).map_err(io::Error::other)?;
        match poll(&mut watched, Some(&at_most)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        match watched[0].revents().intersects(gone) {
            true => Err(io::Error::other("the terminal is gone")),
            false => Ok(()),
        }
    }
}

//! Free ports on loopback that stay free until the service has bound them, and through its restarts.
//!
//! They lie below the range from which the kernel takes ports for outgoing connections, and a lock file each keeps runs
//! at the same time apart. A lock dies with its process, so `kill -9` leaves none behind.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on 127.0.0.1 that is ours until this is dropped.
#[derive(Debug)]
pub struct PortLease {
    number: u16,
    _lock: File,
}

impl PortLease {
    /// A port that nobody listens on and no other run holds.
    ///
    /// # Errors
    /// When none is free, or the folder of the locks cannot be written.
    pub fn take() -> io::Result<Self> {
        let folder = lock_folder()?;
        // Another start for each process spares runs at the same time from trying each other's ports.
        let spread = (std::process::id() % u32::from(COUNT)) as u16;
        for _ in 0..COUNT {
            let turn = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
            let number = FIRST + (spread + turn) % COUNT;
            let path = folder.join(number.to_string());
            let lock = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(|error| {
                    let text = format!("cannot lock a port with {}: {error}", path.display());
                    io::Error::new(error.kind(), text)
                })?;
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self {
                    number,
                    _lock: lock,
                });
            }
        }
        let last = FIRST + COUNT - 1;
        Err(io::Error::other(format!(
            "no free port on 127.0.0.1 between {FIRST} and {last}"
        )))
    }

    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

fn lock_folder() -> io::Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("squall-ports-{user}"));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn leases_do_not_overlap_and_can_be_bound() {
        let leases: Vec<PortLease> = (0..50).map(|_| PortLease::take().unwrap()).collect();
        let numbers: BTreeSet<u16> = leases.iter().map(PortLease::number).collect();
        assert_eq!(numbers.len(), 50);
        for number in numbers {
            TcpListener::bind((Ipv4Addr::LOCALHOST, number)).unwrap();
        }
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let held = PortLease::take().unwrap();
        let path = lock_folder().unwrap().join(held.number().to_string());
        let other = OpenOptions::new().append(true).open(path).unwrap();
        assert!(other.try_lock().is_err(), "the lease holds the lock");
    }
}

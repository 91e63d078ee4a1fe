//! What environments and faults need of a bus, whatever runs it.

use std::net::SocketAddr;
use std::time::Duration;

/// A cluster of brokers, numbered from 1.
pub trait Bus: Send + Sync {
    /// Addresses of all brokers as clients take them: `127.0.0.1:9092,127.0.0.1:9093`.
    fn bootstrap(&self) -> String;

    /// Where a broker listens, or listened before it died.
    fn address(&self, broker: u32) -> Option<SocketAddr>;

    /// Every partition with its present leader.
    fn leaders(&self) -> Vec<Leadership>;

    /// The numbers of all brokers, dead ones too.
    fn brokers(&self) -> Vec<u32>;

    /// The living brokers that hold a replica of a partition and do not lead it at present.
    fn followers(&self, topic: &str, partition: u32) -> Vec<u32>;

    /// The broker that coordinates a group at present.
    fn coordinator(&self, group: &str) -> Option<u32>;

    /// The broker that hosts the active controller at present.
    fn controller(&self) -> Option<u32>;

    /// The broker's process dies without notice.
    ///
    /// # Errors
    /// Text for users: there is no such broker, or it is dead already.
    fn kill(&self, broker: u32) -> Result<(), String>;

    /// The broker's machine loses power: what was not flushed is gone.
    ///
    /// # Errors
    /// As [`Bus::kill`], or this bus cannot do that.
    fn lose_power(&self, broker: u32) -> Result<(), String> {
        Err(format!(
            "this bus cannot take the power from broker {broker}"
        ))
    }

    /// Ends the broker in an orderly way where the bus knows one, else as [`Bus::kill`].
    ///
    /// # Errors
    /// As [`Bus::kill`].
    fn stop_broker(&self, broker: u32) -> Result<(), String> {
        self.kill(broker)
    }

    /// Starts a dead broker again with what it had on disk and in the page cache.
    ///
    /// # Errors
    /// Text for users: there is no such broker, or it cannot bind its port.
    fn start_broker(&self, broker: u32) -> Result<(), String>;

    /// The broker's process stops in mid-step: it keeps its port and its connections, and answers nobody.
    ///
    /// # Errors
    /// As [`Bus::kill`], or this bus cannot do that.
    fn pause(&self, broker: u32) -> Result<(), String> {
        Err(format!("this bus cannot pause broker {broker}"))
    }

    /// A paused broker goes on.
    ///
    /// # Errors
    /// When it is not paused.
    fn resume(&self, broker: u32) -> Result<(), String> {
        Err(format!("broker {broker} is not paused"))
    }

    /// The broker's disk is full, slow or sound from now on.
    ///
    /// # Errors
    /// Text for users: there is no such broker, or this bus cannot do that.
    fn set_disk(&self, broker: u32, disk: Disk) -> Result<(), String> {
        let _ = disk;
        Err(format!(
            "this bus cannot trouble the disk of broker {broker}"
        ))
    }

    /// What the broker's disk has done since the run began.
    ///
    /// # Errors
    /// As [`Bus::set_disk`].
    fn disk_seen(&self, broker: u32) -> Result<DiskSeen, String> {
        Err(format!("this bus cannot see the disk of broker {broker}"))
    }

    /// Waits until every living broker knows the others, and every partition has a leader and all its replicas in sync.
    ///
    /// # Errors
    /// When that takes longer, or this bus cannot tell.
    fn await_in_sync(&self, within: Duration) -> Result<(), String> {
        let _ = within;
        Err("this bus cannot tell which replicas are in sync".to_owned())
    }

    /// Ends all brokers.
    fn shut_down(&self);
}

/// How a broker's disk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disk {
    Sound,
    /// The next append fails and ends the broker, which can be started again when there is room.
    Full,
    /// Appends wait until they are on the disk, and each write takes this much longer.
    Slow(Duration),
}

/// What a broker's disk has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskSeen {
    /// Appends that found no room and ended the broker.
    pub halts: u64,
    /// Writes that began while it was slow.
    pub slow_writes: u64,
}

impl DiskSeen {
    /// What came after an earlier look.
    #[must_use]
    pub const fn since(&self, before: &Self) -> Self {
        Self {
            halts: self.halts.saturating_sub(before.halts),
            slow_writes: self.slow_writes.saturating_sub(before.slow_writes),
        }
    }
}

/// Who leads a partition.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Leadership {
    pub topic: String,
    pub partition: u32,
    /// `None`: the partition is offline.
    pub leader: Option<u32>,
}

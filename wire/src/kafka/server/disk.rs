//! Disks that are full or slow.

use super::command::{CommandError, Ending};
use super::{Server, index_of};
use squall_model::Nanos;
use squall_model::kafka::{DiskState, NodeId};
use std::time::Duration;

/// How the disk of a broker is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Disk {
    #[default]
    Sound,
    /// It takes no byte more: the first append fails, and with its only log directory the broker halts.
    Full,
    /// Every append waits for the device, and each write takes this much longer.
    Slow(Duration),
}

/// What a broker's disk has done since the cluster began: evidence of what a fault did to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskStats {
    /// Appends that found no room and ended the broker's process.
    pub halts: u64,
    /// Writes to the device that began while it was slow.
    pub slow_writes: u64,
}

/// The disk of a node, which outlives its process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Device {
    pub disk: Disk,
    pub stats: DiskStats,
}

impl Disk {
    pub const fn state(self) -> DiskState {
        match self {
            Self::Sound => DiskState::Sound,
            Self::Full => DiskState::Full,
            Self::Slow(_) => DiskState::Slow,
        }
    }
}

impl Server {
    pub(super) fn set_disk(&mut self, broker: i32, disk: Disk) -> Result<(), CommandError> {
        let index = self.broker_index(broker)?;
        let node = &mut self.nodes[index];
        node.device.disk = disk;
        if let Some(broker) = node.as_broker() {
            broker.set_disk(disk.state());
        }
        Ok(())
    }

    pub(super) fn disk_stats(&self, broker: i32) -> Result<DiskStats, CommandError> {
        let index = self.broker_index(broker)?;
        Ok(self.nodes[index].device.stats)
    }

    /// How long a flush that begins now takes.
    pub(super) fn flush_ns(&mut self, node: NodeId) -> Nanos {
        let nanos = |time: Duration| Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX / 4);
        let usual = nanos(self.config.flush_latency);
        let device = self.nodes.get_mut(index_of(node)).map(|n| &mut n.device);
        match device {
            Some(device) => match device.disk {
                Disk::Slow(by) => {
                    device.stats.slow_writes += 1;
                    usual.saturating_add(nanos(by))
                }
                Disk::Sound | Disk::Full => usual,
            },
            None => usual,
        }
    }

    /// Ends the process of a broker whose log directory failed in the step that is over. What it has answered goes out first,
    /// the error of the failed append among it.
    pub(super) fn end_if_halted(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let halted = |broker: &mut squall_model::kafka::Broker<_>| broker.halted_at().is_some();
        if !node.as_broker().is_some_and(halted) {
            return;
        }
        node.device.stats.halts += 1;
        let id = node.id;
        for connection in self.connections.values_mut() {
            if connection.broker == id {
                // Whoever does not take it at once sees the connection end, as from a process that is gone.
                let _ = connection.flush();
            }
        }
        self.end_process(index, Ending::Kill);
    }
}

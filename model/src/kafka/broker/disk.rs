//! What is wrong with a broker's disk, and what the broker makes of it.
//!
//! A broker has one log directory, as Kafka's default has it. An append that finds no room takes that directory offline, the client is told
//! KAFKA_STORAGE_ERROR, and a broker whose every log directory has failed halts (`LogManager.handleLogDirFailure`): it does not
//! hand its leaderships over, and it cannot go on before there is room and it is started again. On a slow disk everything goes on, late.

use super::Broker;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::TopicPartition;

/// How a disk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DiskState {
    #[default]
    Sound,
    /// It has no room for another byte.
    Full,
    /// Every append waits until it is on the device. How long that takes is the driver's: the time from
    /// [`crate::kafka::Out::Flush`] to [`crate::kafka::In::Flushed`].
    Slow,
}

/// The disk as the broker's process sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk {
    pub state: DiskState,
    /// The append that found no room.
    failed_at: Option<TopicPartition>,
}

impl<B: Body> Broker<B> {
    /// To be told again to a process that is started anew.
    pub const fn set_disk(&mut self, state: DiskState) {
        self.disk.state = state;
    }

    /// The partition whose append took the log directory offline. The process has halted then: whoever drives it must end it
    /// after this step, as a kill would.
    #[must_use]
    pub const fn halted_at(&self) -> Option<TopicPartition> {
        self.disk.failed_at
    }

    /// Whether the log takes another batch.
    pub(super) fn make_room(&mut self, partition: TopicPartition) -> Result<(), ErrorCode> {
        if self.disk.state != DiskState::Full {
            return Ok(());
        }
        self.disk.failed_at.get_or_insert(partition);
        Err(ErrorCode::KafkaStorageError)
    }

    /// After how many messages an append waits for the disk; `None`: never.
    pub(super) fn messages_before_flush(&self, partition: TopicPartition) -> Option<i64> {
        match self.disk.state {
            DiskState::Slow => Some(1),
            DiskState::Sound | DiskState::Full => {
                self.image.flush_messages(partition.topic, &self.config)
            }
        }
    }
}

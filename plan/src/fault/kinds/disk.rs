//! What the kinds that trouble a broker's disk have in common.

use super::Row;
use crate::fault::{Act, Aims, DiskTrouble, Proof};
use crate::plan::Environment;

/// A row of a kind that troubles a disk.
pub(super) const fn row(trouble: DiskTrouble) -> Row {
    Row {
        provable: Proof::OF_BROKERS,
        environments: &[Environment::Embedded, Environment::Sim],
        ..Row::of_processes(Act::Disk(trouble), Aims::BROKERS)
    }
}

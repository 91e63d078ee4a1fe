//! `disk_full` and `disk_slow`: what a broker's disk does, and what the broker made of it.

use super::broker_down::{await_back, await_gone};
use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::bus::{Disk, DiskSeen};
use squall_plan::fault::{DiskTrouble, Fault, Terms};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A disk in trouble until it heals.
pub struct DiskTroubled {
    env: Arc<dyn Environment>,
    broker: u32,
    trouble: DiskTrouble,
    before: DiskSeen,
    /// Told once a broker that halted is seen to be gone.
    gone: OnceLock<String>,
    healed: bool,
    back: bool,
}

/// # Errors
/// When there is no such broker, or the bus cannot do that to a disk.
pub fn inject(
    trouble: DiskTrouble,
    env: Arc<dyn Environment>,
    broker: u32,
    fault: &Fault,
) -> Result<DiskTroubled, FaultError> {
    let failed = |why: String| FaultError::Broker { broker, why };
    let disk = match (trouble, &fault.terms) {
        (DiskTrouble::Slow, Terms::Slow { by_ns }) => Disk::Slow(Duration::from_nanos(*by_ns)),
        (DiskTrouble::Slow, _) => Disk::Slow(Duration::ZERO),
        (DiskTrouble::Full, _) => Disk::Full,
    };
    let before = env.bus().disk_seen(broker).map_err(failed)?;
    env.bus().set_disk(broker, disk).map_err(failed)?;
    Ok(DiskTroubled {
        env,
        broker,
        trouble,
        before,
        gone: OnceLock::new(),
        healed: false,
        back: false,
    })
}

impl DiskTroubled {
    fn seen(&self) -> DiskSeen {
        let now = self.env.bus().disk_seen(self.broker);
        now.map_or_else(|_| DiskSeen::default(), |now| now.since(&self.before))
    }

    /// Whether the broker halted.
    fn halted(&self) -> bool {
        self.seen().halts > 0
    }
}

impl Injection for DiskTroubled {
    fn bite(&self) -> Option<String> {
        let (broker, seen) = (self.broker, self.seen());
        match self.trouble {
            DiskTrouble::Slow => (seen.slow_writes > 0)
                .then(|| format!("{} writes of broker {broker} were slow", seen.slow_writes)),
            DiskTrouble::Full if seen.halts == 0 => None,
            DiskTrouble::Full => {
                if self.gone.get().is_none()
                    && let Some(gone) = await_gone(&*self.env, broker)
                {
                    let text = format!("an append found no room, broker {broker} halted, {gone}");
                    let _ = self.gone.set(text);
                }
                self.gone.get().cloned()
            }
        }
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if std::mem::replace(&mut self.healed, true) {
            return Ok(String::new());
        }
        // Looked at while the broker is still away.
        let halted = self.halted();
        if halted {
            let _ = self.bite();
        }
        let broker = self.broker;
        let failed = |why: String| FaultError::Broker { broker, why };
        let bus = self.env.bus();
        bus.set_disk(broker, Disk::Sound).map_err(failed)?;
        // Between that look and this moment one more append may have found no room.
        if !halted && !self.halted() {
            return Ok(format!("the disk of broker {broker} is sound again"));
        }
        bus.start_broker(broker).map_err(failed)?;
        let text = await_back(&*self.env, broker)?;
        self.back = true;
        Ok(format!("there is room again, {text}"))
    }

    fn restarted(&self) -> Option<String> {
        let back = self.back && self.gone.get().is_some();
        back.then(|| format!("broker {} was gone and is back", self.broker))
    }
}

impl Drop for DiskTroubled {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}

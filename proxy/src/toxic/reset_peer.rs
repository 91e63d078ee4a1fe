//! `reset_peer`: the first bytes vanish, and a while later both sides are reset.

use super::channel::{End, Item};
use super::{Port, Toxic, ToxicKind, ms_to_ns};

pub struct ResetPeer {
    timeout_ns: u64,
    armed: Option<u64>,
}

impl ResetPeer {
    pub fn new(timeout_ms: i64) -> Self {
        Self {
            timeout_ns: ms_to_ns(timeout_ms),
            armed: None,
        }
    }
}

impl Toxic for ResetPeer {
    fn run(&mut self, now_ns: u64, port: &mut Port<'_>) {
        if self.armed.is_none()
            && let Some(item) = port.take()
        {
            if let Item::Chunk(chunk) = item {
                port.note_dropped(chunk.data.len());
            }
            self.armed = Some(now_ns.saturating_add(self.timeout_ns));
        }
        if self.armed.is_some_and(|due| due <= now_ns) {
            port.end(End::Reset);
        }
    }

    fn due(&self) -> Option<u64> {
        self.armed
    }

    /// Once bytes have vanished nothing but the reset can follow.
    fn removed(&mut self, port: &mut Port<'_>) {
        if self.armed.is_some() {
            port.end(End::Reset);
        }
    }

    fn change(&mut self, now_ns: u64, kind: &ToxicKind) -> Option<Box<dyn Toxic>> {
        // Armed, it goes off as it was set.
        self.armed.is_none().then(|| kind.build(now_ns))
    }
}

//! `timeout`: bytes vanish, and after a while without any the connection is closed.

use super::channel::{End, Item};
use super::{Port, Toxic, ms_to_ns};

pub struct Timeout {
    timeout_ns: u64,
    /// Counts from the last bytes; `None` is never.
    due_ns: Option<u64>,
}

impl Timeout {
    pub fn new(timeout_ms: i64, now_ns: u64) -> Self {
        let timeout_ns = ms_to_ns(timeout_ms);
        Self {
            timeout_ns,
            due_ns: (timeout_ns > 0).then(|| now_ns.saturating_add(timeout_ns)),
        }
    }
}

impl Toxic for Timeout {
    fn run(&mut self, now_ns: u64, port: &mut Port<'_>) {
        if self.due_ns.is_some_and(|due| due <= now_ns) {
            return port.end(End::Close);
        }
        while let Some(item) = port.take() {
            match item {
                Item::Chunk(chunk) => port.note_dropped(chunk.data.len()),
                Item::End(end) => return port.end(end),
            }
            if self.due_ns.is_some() {
                self.due_ns = Some(now_ns.saturating_add(self.timeout_ns));
            }
        }
    }

    fn due(&self) -> Option<u64> {
        self.due_ns
    }

    /// Bytes are missing: what is left of the stream is of no use.
    fn removed(&mut self, port: &mut Port<'_>) {
        port.end(End::Close);
    }
}

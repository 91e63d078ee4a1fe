//! `limit_data`: so many bytes pass, then the connection is closed.

use super::channel::{End, Item};
use super::{Port, Toxic, ToxicKind};

pub struct LimitData {
    limit_bytes: u64,
    passed_bytes: u64,
}

impl LimitData {
    pub fn new(bytes: i64) -> Self {
        Self {
            limit_bytes: u64::try_from(bytes).unwrap_or(0),
            passed_bytes: 0,
        }
    }
}

impl Toxic for LimitData {
    fn run(&mut self, _now_ns: u64, port: &mut Port<'_>) {
        while port.has_room() {
            let mut chunk = match port.take() {
                Some(Item::Chunk(chunk)) => chunk,
                Some(Item::End(end)) => return port.end(end),
                None => return,
            };
            let left = self.limit_bytes.saturating_sub(self.passed_bytes);
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            let dropped = chunk.data.len().saturating_sub(left);
            chunk.data.truncate(left);
            port.note_dropped(dropped);
            self.passed_bytes += chunk.data.len() as u64;
            port.give(chunk);
            if self.passed_bytes >= self.limit_bytes {
                return port.end(End::Close);
            }
        }
    }

    /// What has passed counts under a new limit too.
    fn change(&mut self, _now_ns: u64, kind: &ToxicKind) -> Option<Box<dyn Toxic>> {
        if let ToxicKind::LimitData { bytes } = kind {
            self.limit_bytes = u64::try_from(*bytes).unwrap_or(0);
        }
        None
    }
}

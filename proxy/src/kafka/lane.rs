//! One direction of a connection: what passes at once, and what waits for its time or for the end of a rule, in order.

use super::rules::Tracked;
use crate::layer::{Output, Side};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// A frame that waits, and because of which rule.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub arrived_ns: u64,
    /// `u64::MAX`: when the rule ends.
    pub release_ns: u64,
    pub rule: Arc<Tracked>,
}

#[derive(Debug)]
enum Item {
    /// `begins` is the stamp of the frame whose first bytes these are.
    Bytes(Bytes),
    /// The frame with this stamp has passed as a whole or its last byte waits behind.
    Begin(Stamp),
    End,
    Cut(Arc<Tracked>),
}

/// What [`Lane::flush`] came to.
#[derive(Debug)]
pub enum Flushed {
    Done,
    Cut(Arc<Tracked>),
}

#[derive(Debug)]
pub struct Lane {
    to: Side,
    items: VecDeque<Item>,
    bytes: usize,
}

impl Lane {
    pub fn new(to: Side) -> Self {
        Self {
            to,
            items: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What follows waits until then.
    pub fn wait(&mut self, stamp: Stamp) {
        self.items.push_back(Item::Begin(stamp));
    }

    pub fn send(&mut self, chunk: Bytes, out: &mut Output) {
        if self.items.is_empty() {
            out.send(self.to, chunk);
        } else {
            self.bytes += chunk.len();
            self.items.push_back(Item::Bytes(chunk));
        }
    }

    pub fn end(&mut self, out: &mut Output) {
        if self.items.is_empty() {
            out.end(self.to);
        } else {
            self.items.push_back(Item::End);
        }
    }

    /// The connection is cut when everything before has passed: by the next [`Self::flush`] that comes so far.
    pub fn cut(&mut self, rule: Arc<Tracked>) {
        self.items.push_back(Item::Cut(rule));
    }

    /// When [`Self::flush`] has something to do.
    pub fn next(&self) -> Option<u64> {
        match self.items.front()? {
            Item::Begin(stamp) => (stamp.release_ns < u64::MAX).then_some(stamp.release_ns),
            _ => Some(0),
        }
    }

    /// Lets pass what is due, or whose rule has ended.
    pub fn flush(
        &mut self,
        now_ns: u64,
        is_active: impl Fn(&Arc<Tracked>) -> bool,
        out: &mut Output,
    ) -> Flushed {
        while let Some(item) = self.items.front() {
            if let Item::Begin(stamp) = item {
                if stamp.release_ns > now_ns && is_active(&stamp.rule) {
                    break;
                }
                stamp.rule.acted(now_ns);
                stamp.rule.held(now_ns.saturating_sub(stamp.arrived_ns));
            }
            match self.items.pop_front() {
                Some(Item::Bytes(chunk)) => {
                    self.bytes -= chunk.len();
                    out.send(self.to, chunk);
                }
                Some(Item::End) => out.end(self.to),
                Some(Item::Cut(rule)) => return Flushed::Cut(rule),
                Some(Item::Begin(_)) | None => {}
            }
        }
        Flushed::Done
    }
}

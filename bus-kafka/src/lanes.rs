//! What was delivered of each partition and what of it is done, so that commits never go beyond the first open one.

use squall_env::{Settlement, Token};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// All partitions of this member, each with the lane of its present assignment.
#[derive(Default)]
pub(crate) struct Lanes {
    by_id: BTreeMap<u32, Lane>,
    next_id: u32,
    /// Partitions come in runs: the lane that was looked up last.
    last: Option<u32>,
    pub(crate) dirty: bool,
    /// A commit is on its way. The broker handles one request of a connection at a time, so a second one would only queue
    /// behind it, and commits would fall ever further behind what is done.
    pub(crate) committing: bool,
}

struct Lane {
    id: u32,
    topic: Arc<str>,
    partition: i32,
    /// Delivered and not yet below `done_up_to`, by offset; offsets may have gaps.
    open: VecDeque<Slot>,
    /// The offset to commit: all before it is done.
    done_up_to: Option<i64>,
    committed: Option<i64>,
}

struct Slot {
    offset: i64,
    done: bool,
}

/// What to do with a message from the broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Arrival {
    Deliver(Token, Arc<str>),
    /// It was delivered before the partition was wound back, and is done.
    Skip,
}

/// A position to wind back to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rewind {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl Lanes {
    /// A new lane for a partition: tokens of an earlier one are stale.
    pub(crate) fn open(&mut self, topic: &str, partition: i32) -> u32 {
        self.close(topic, partition);
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let lane = Lane {
            id,
            topic: Arc::from(topic),
            partition,
            open: VecDeque::new(),
            done_up_to: None,
            committed: None,
        };
        self.by_id.insert(id, lane);
        id
    }

    pub(crate) fn close(&mut self, topic: &str, partition: i32) {
        self.last = None;
        self.by_id
            .retain(|_, lane| !(lane.partition == partition && *lane.topic == *topic));
    }

    pub(crate) fn assignment(&self) -> Vec<(Arc<str>, i32)> {
        self.by_id
            .values()
            .map(|lane| (Arc::clone(&lane.topic), lane.partition))
            .collect()
    }

    pub(crate) fn arrive(&mut self, topic: &str, partition: i32, offset: i64) -> Arrival {
        let id = match self.find(topic, partition) {
            Some(id) => id,
            None => self.open(topic, partition),
        };
        self.last = Some(id);
        let Some(lane) = self.by_id.get_mut(&id) else {
            return Arrival::Skip;
        };
        if lane.arrive(offset) {
            let token = Token {
                lane: id,
                position: offset.unsigned_abs(),
            };
            Arrival::Deliver(token, Arc::clone(&lane.topic))
        } else {
            Arrival::Skip
        }
    }

    /// Notes how deliveries ended; gives the positions to wind back to.
    pub(crate) fn settle(&mut self, tokens: &[Token], how: Settlement) -> Vec<Rewind> {
        if how == Settlement::Retry {
            return self.rewinds(tokens);
        }
        let mut rest = tokens;
        while let Some(first) = rest.first() {
            let run = rest
                .iter()
                .take_while(|token| token.lane == first.lane)
                .count();
            let (now, later) = rest.split_at(run);
            rest = later;
            if let Some(lane) = self.by_id.get_mut(&first.lane) {
                for token in now {
                    lane.done(token.position.cast_signed());
                }
                self.dirty |= lane.advance();
            }
        }
        Vec::new()
    }

    fn rewinds(&self, tokens: &[Token]) -> Vec<Rewind> {
        let mut lowest: BTreeMap<u32, i64> = BTreeMap::new();
        for token in tokens {
            let offset = token.position.cast_signed();
            lowest
                .entry(token.lane)
                .and_modify(|known| *known = offset.min(*known))
                .or_insert(offset);
        }
        lowest
            .into_iter()
            .filter_map(|(id, offset)| {
                self.by_id.get(&id).map(|lane| Rewind {
                    topic: Arc::clone(&lane.topic),
                    partition: lane.partition,
                    offset,
                })
            })
            .collect()
    }

    /// Forgets what was delivered of a partition, because somebody reads on elsewhere.
    pub(crate) fn forget(&mut self, topic: &str, partition: i32) -> bool {
        let known = self.find(topic, partition).is_some();
        if known {
            self.open(topic, partition);
        }
        known
    }

    /// What is done and not committed, which is taken to be committed from here on.
    pub(crate) fn take_commits(&mut self) -> Vec<(Arc<str>, i32, i64)> {
        self.dirty = false;
        self.take_commits_of(|_, _| true)
    }

    pub(crate) fn take_commits_of(
        &mut self,
        wanted: impl Fn(&str, i32) -> bool,
    ) -> Vec<(Arc<str>, i32, i64)> {
        let mut commits = Vec::new();
        for lane in self.by_id.values_mut() {
            if lane.done_up_to != lane.committed
                && wanted(&lane.topic, lane.partition)
                && let Some(offset) = lane.done_up_to
            {
                lane.committed = Some(offset);
                commits.push((Arc::clone(&lane.topic), lane.partition, offset));
            }
        }
        commits
    }

    /// A commit of this partition failed.
    pub(crate) fn offer_again(&mut self, topic: &str, partition: i32) {
        if let Some(lane) = self
            .find(topic, partition)
            .and_then(|id| self.by_id.get_mut(&id))
        {
            lane.committed = None;
            self.dirty |= lane.done_up_to.is_some();
        }
    }

    fn find(&self, topic: &str, partition: i32) -> Option<u32> {
        let is_it = |lane: &Lane| lane.partition == partition && *lane.topic == *topic;
        if let Some(lane) = self.last.and_then(|id| self.by_id.get(&id))
            && is_it(lane)
        {
            return Some(lane.id);
        }
        self.by_id
            .values()
            .find(|lane| is_it(lane))
            .map(|lane| lane.id)
    }
}

impl Lane {
    /// True: deliver it.
    fn arrive(&mut self, offset: i64) -> bool {
        if self.done_up_to.is_some_and(|done| offset < done) {
            return false;
        }
        if self.open.back().is_none_or(|last| last.offset < offset) {
            self.open.push_back(Slot {
                offset,
                done: false,
            });
            return true;
        }
        match self.open.binary_search_by_key(&offset, |slot| slot.offset) {
            Ok(at) => !self.open[at].done,
            Err(at) => {
                self.open.insert(
                    at,
                    Slot {
                        offset,
                        done: false,
                    },
                );
                true
            }
        }
    }

    fn done(&mut self, offset: i64) {
        if let Ok(at) = self.open.binary_search_by_key(&offset, |slot| slot.offset) {
            self.open[at].done = true;
        }
    }

    /// Moves past all that is done from the front. True: there is more to commit.
    fn advance(&mut self) -> bool {
        let before = self.done_up_to;
        while let Some(slot) = self.open.front().filter(|slot| slot.done) {
            self.done_up_to = Some(slot.offset + 1);
            self.open.pop_front();
        }
        before != self.done_up_to
    }
}

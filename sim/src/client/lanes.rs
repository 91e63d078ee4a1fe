//! What was delivered of each partition and what of it is done, so that commits never go beyond the first open one.

use squall_env::{Settlement, Token};
use squall_model::kafka::{Offset, TopicPartition};
use std::collections::{BTreeMap, VecDeque};

/// All partitions of a member, each with the lane of its present assignment.
#[derive(Default)]
pub(super) struct Lanes {
    by_id: BTreeMap<u32, Lane>,
    last_id: u32,
}

pub(super) struct Lane {
    pub partition: TopicPartition,
    /// The next offset to fetch.
    pub position: Offset,
    /// Grows when the lane is wound back: what was being fetched before is dropped.
    pub winding: u32,
    open: VecDeque<(Offset, bool)>,
    /// All before it is done.
    done_up_to: Option<Offset>,
    committed: Option<Offset>,
}

impl Lanes {
    /// A lane for a partition that was assigned: tokens of an earlier one are stale.
    pub fn open(&mut self, partition: TopicPartition, position: Offset) -> u32 {
        self.last_id += 1;
        let lane = Lane {
            partition,
            position,
            winding: 0,
            open: VecDeque::new(),
            done_up_to: None,
            committed: None,
        };
        self.by_id.insert(self.last_id, lane);
        self.last_id
    }

    pub fn get(&mut self, id: u32) -> Option<&mut Lane> {
        self.by_id.get_mut(&id)
    }

    pub fn contains(&self, id: u32) -> bool {
        self.by_id.contains_key(&id)
    }

    pub fn close_all(&mut self) {
        self.by_id.clear();
    }

    /// Notes how deliveries ended. Gives the lanes that were wound back, and to where.
    pub fn settle(&mut self, tokens: &[Token], how: Settlement) -> Vec<(u32, Offset)> {
        let mut back: BTreeMap<u32, Offset> = BTreeMap::new();
        for token in tokens {
            let offset = token.position.cast_signed();
            let Some(lane) = self.by_id.get_mut(&token.lane) else {
                continue;
            };
            if how == Settlement::Retry {
                let lowest = back.entry(token.lane).or_insert(offset);
                *lowest = offset.min(*lowest);
            } else {
                lane.done(offset);
            }
        }
        for (id, offset) in &back {
            if let Some(lane) = self.by_id.get_mut(id) {
                lane.position = *offset;
                lane.winding += 1;
            }
        }
        back.into_iter().collect()
    }

    /// What is done and not committed.
    pub fn commits(&self) -> Vec<(u32, TopicPartition, Offset)> {
        let ahead = |(id, lane): (&u32, &Lane)| {
            let offset = lane
                .done_up_to
                .filter(|_| lane.done_up_to != lane.committed)?;
            Some((*id, lane.partition, offset))
        };
        self.by_id.iter().filter_map(ahead).collect()
    }

    pub fn committed(&mut self, id: u32, offset: Offset) {
        if let Some(lane) = self.by_id.get_mut(&id) {
            lane.committed = lane.committed.max(Some(offset));
        }
    }
}

impl Lane {
    /// True: deliver it. It was delivered before, and is done, when the lane was wound back past it.
    pub fn arrive(&mut self, offset: Offset) -> bool {
        if self.done_up_to.is_some_and(|done| offset < done) {
            return false;
        }
        match self.open.binary_search_by_key(&offset, |(known, _)| *known) {
            Ok(at) => !self.open[at].1,
            Err(at) => {
                self.open.insert(at, (offset, false));
                true
            }
        }
    }

    pub fn done(&mut self, offset: Offset) {
        if let Ok(at) = self.open.binary_search_by_key(&offset, |(known, _)| *known) {
            self.open[at].1 = true;
        }
        while let Some((offset, _)) = self.open.front().filter(|(_, done)| *done) {
            self.done_up_to = Some(*offset + 1);
            self.open.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_model::kafka::Name;

    fn token(lane: u32, position: u64) -> Token {
        Token { lane, position }
    }

    fn lanes(offsets: &[Offset]) -> (Lanes, u32) {
        let partition = TopicPartition {
            topic: Name(1),
            partition: 0,
        };
        let mut lanes = Lanes::default();
        let id = lanes.open(partition, 0);
        let lane = lanes.get(id).unwrap();
        assert!(offsets.iter().all(|offset| lane.arrive(*offset)));
        (lanes, id)
    }

    fn to_commit(lanes: &Lanes) -> Option<Offset> {
        lanes.commits().first().map(|(_, _, offset)| *offset)
    }

    #[test]
    fn a_commit_never_goes_beyond_the_first_open_delivery() {
        let (mut lanes, id) = lanes(&[5, 6, 8]);
        lanes.settle(&[token(id, 6)], Settlement::Done);
        assert_eq!(to_commit(&lanes), None);
        lanes.settle(&[token(id, 5)], Settlement::Reject);
        assert_eq!(to_commit(&lanes), Some(7));
        lanes.committed(id, 7);
        assert_eq!(to_commit(&lanes), None);
        lanes.settle(&[token(id, 8)], Settlement::Done);
        assert_eq!(to_commit(&lanes), Some(9));
    }

    #[test]
    fn a_retry_winds_back_and_skips_what_is_done() {
        let (mut lanes, id) = lanes(&[5, 6, 7]);
        lanes.settle(&[token(id, 6)], Settlement::Done);
        let back = lanes.settle(&[token(id, 7), token(id, 5)], Settlement::Retry);
        assert_eq!(back, [(id, 5)]);
        let lane = lanes.get(id).unwrap();
        assert_eq!((lane.position, lane.winding), (5, 1));
        let again: Vec<bool> = [5, 6, 7]
            .iter()
            .map(|offset| lane.arrive(*offset))
            .collect();
        assert_eq!(again, [true, false, true]);
    }

    #[test]
    fn tokens_of_a_share_that_was_taken_away_do_nothing() {
        let (mut lanes, id) = lanes(&[5]);
        lanes.close_all();
        assert_eq!(lanes.settle(&[token(id, 5)], Settlement::Retry), []);
        lanes.settle(&[token(id, 5)], Settlement::Done);
        assert_eq!(to_commit(&lanes), None);
    }
}

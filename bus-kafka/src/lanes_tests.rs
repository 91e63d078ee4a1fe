//! The lanes against a slow oracle: a set of everything delivered and done.

use crate::lanes::{Arrival, Lanes};
use proptest::prelude::*;
use squall_env::{Settlement, Token};
use std::collections::BTreeMap;

fn deliver(lanes: &mut Lanes, offset: i64) -> Option<Token> {
    match lanes.arrive("t", 0, offset) {
        Arrival::Deliver(token, _) => Some(token),
        Arrival::Skip => None,
    }
}

fn commit(lanes: &mut Lanes) -> Option<i64> {
    let commits = lanes.take_commits();
    assert!(commits.len() <= 1);
    commits.first().map(|commit| commit.2)
}

proptest! {
    /// Offsets with gaps are delivered, settled in any order, wound back and delivered again; a commit is always the end
    /// of the longest done prefix, and nothing done is delivered again.
    #[test]
    fn commits_are_the_end_of_the_done_prefix(
        gaps in prop::collection::vec(1_i64..4, 1..40),
        steps in prop::collection::vec((0_usize..40, 0_u8..10), 1..120),
    ) {
        let offsets: Vec<i64> = gaps
            .iter()
            .scan(0, |at, gap| { *at += gap; Some(*at) })
            .collect();
        let mut lanes = Lanes::default();
        lanes.open("t", 0);
        let mut next = 0;
        let mut done: BTreeMap<i64, bool> = BTreeMap::new();
        let mut committed = None;
        for (pick, kind) in steps {
            let offset = offsets[pick % offsets.len()];
            let token = Token { lane: 0, position: offset as u64 };
            match kind {
                0..4 => if next < offsets.len() {
                    let expected = !done.get(&offsets[next]).copied().unwrap_or(false);
                    prop_assert_eq!(deliver(&mut lanes, offsets[next]).is_some(), expected);
                    done.entry(offsets[next]).or_insert(false);
                    next += 1;
                },
                4..8 => if done.contains_key(&offset) {
                    lanes.settle(&[token], Settlement::Done);
                    done.insert(offset, true);
                },
                8 => if done.contains_key(&offset) {
                    let rewinds = lanes.settle(&[token], Settlement::Retry);
                    prop_assert_eq!(rewinds[0].offset, offset);
                    next = offsets.iter().position(|one| *one == offset).unwrap();
                },
                _ => if let Some(offset) = commit(&mut lanes) {
                    prop_assert!(committed < Some(offset));
                    committed = Some(offset);
                },
            }
            let prefix = done.iter().take_while(|(_, done)| **done).last().map(|(at, _)| at + 1);
            prop_assert!(committed <= prefix);
            if kind == 9 {
                prop_assert_eq!(committed, prefix);
            }
        }
    }
}

#[test]
fn tokens_of_a_partition_that_was_taken_away_are_stale() {
    let mut lanes = Lanes::default();
    lanes.open("t", 0);
    let old = deliver(&mut lanes, 7).unwrap();
    lanes.close("t", 0);
    lanes.open("t", 0);
    let new = deliver(&mut lanes, 7).unwrap();
    assert_ne!(old, new);
    lanes.settle(&[old], Settlement::Done);
    assert_eq!(commit(&mut lanes), None);
    lanes.settle(&[new], Settlement::Done);
    assert_eq!(commit(&mut lanes), Some(8));
    assert_eq!(commit(&mut lanes), None, "a commit is made once");
    lanes.offer_again("t", 0);
    assert_eq!(commit(&mut lanes), Some(8), "and again when it failed");
}

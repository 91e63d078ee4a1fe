//! A group of one member on a topic of one partition.

use super::TestEnv;
use squall_env::{BusError, Consumer, ConsumerSettings, Delivery, Settlement, Token};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

pub(crate) struct TestConsumer {
    env: TestEnv,
    topic: String,
    group: String,
    commits_itself: bool,
    state: RefCell<Reading>,
}

struct Reading {
    next: u64,
    done: BTreeSet<u64>,
    done_up_to: u64,
    again: BTreeSet<u64>,
}

impl TestConsumer {
    pub(super) fn new(env: &TestEnv, settings: &ConsumerSettings) -> Self {
        let group = settings.group.clone();
        let committed = env.world.borrow().committed.get(&group).copied();
        let next = committed.unwrap_or(0);
        Self {
            env: env.clone(),
            topic: settings.topics[0].clone(),
            group,
            commits_itself: settings.client.is_on("enable.auto.commit") == Some(true),
            state: RefCell::new(Reading {
                next,
                done: BTreeSet::new(),
                done_up_to: next,
                again: BTreeSet::new(),
            }),
        }
    }

    fn commit(&self, offset: u64) {
        if !self.env.is_dead() {
            let mut world = self.env.world.borrow_mut();
            world.committed.insert(self.group.clone(), offset);
        }
    }

    fn take(&self, max: usize) -> Vec<Delivery> {
        let world = self.env.world.borrow();
        let mut state = self.state.borrow_mut();
        let log = world.topics.get(&self.topic).map_or(&[][..], Vec::as_slice);
        let mut positions: Vec<u64> = std::mem::take(&mut state.again).into_iter().collect();
        while positions.len() < max && (state.next as usize) < log.len() {
            positions.push(state.next);
            state.next += 1;
        }
        positions
            .into_iter()
            .map(|position| Delivery {
                event: log[position as usize].clone(),
                token: Token { lane: 0, position },
            })
            .collect()
    }
}

impl Consumer for TestConsumer {
    async fn next_batch(&self, max: usize) -> Result<Vec<Delivery>, BusError> {
        self.env.step().await;
        // The broker learns what was settled when the next batch is asked for.
        if !self.commits_itself {
            self.commit(self.state.borrow().done_up_to);
        }
        let batch = poll_fn(|_| {
            let batch = self.take(max);
            if batch.is_empty() || self.env.is_dead() {
                return Poll::Pending;
            }
            Poll::Ready(batch)
        })
        .await;
        if self.commits_itself {
            self.commit(self.state.borrow().next);
        }
        Ok(batch)
    }

    fn settle(&self, tokens: &[Token], how: Settlement) {
        let mut state = self.state.borrow_mut();
        for token in tokens {
            if how == Settlement::Retry {
                state.again.insert(token.position);
            } else {
                state.done.insert(token.position);
            }
        }
        while state.done.contains(&state.done_up_to) {
            state.done_up_to += 1;
        }
    }

    async fn checkpoint(&self) -> Result<(), BusError> {
        self.env.step().await;
        if !self.commits_itself {
            self.commit(self.state.borrow().done_up_to);
        }
        self.env.step().await;
        Ok(())
    }

    async fn ready(&self) -> Result<(), BusError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), BusError> {
        self.checkpoint().await
    }
}

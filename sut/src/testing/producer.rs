//! A broker that has whatever is sent at once, unless it is silent.

use super::TestEnv;
use squall_env::{BusError, Message, Outcome, Position, Producer, SendError, Ticket};
use std::cell::RefCell;
use std::future::poll_fn;
use std::task::Poll;

pub(crate) struct TestProducer {
    env: TestEnv,
    outcomes: RefCell<Vec<(Ticket, Outcome)>>,
    tickets: RefCell<u64>,
}

impl TestProducer {
    pub(super) fn new(env: &TestEnv) -> Self {
        Self {
            env: env.clone(),
            outcomes: RefCell::default(),
            tickets: RefCell::new(0),
        }
    }
}

impl Producer for TestProducer {
    fn send(&self, message: Message<'_>) -> Result<Ticket, SendError> {
        *self.tickets.borrow_mut() += 1;
        let ticket = Ticket(*self.tickets.borrow());
        let mut world = self.env.world.borrow_mut();
        if !self.env.is_dead() && !world.broker_silent {
            let headers = message.headers.clone();
            let offset = world.append(message.topic, message.key, headers, message.payload);
            let at = Position {
                partition: 0,
                offset,
            };
            self.outcomes
                .borrow_mut()
                .push((ticket, Outcome::Acknowledged(Some(at))));
        }
        Ok(ticket)
    }

    async fn completions(&self, into: &mut Vec<(Ticket, Outcome)>) {
        poll_fn(|_| {
            let empty = self.outcomes.borrow().is_empty() || self.env.is_dead();
            if empty {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        self.env.step().await;
        into.append(&mut self.outcomes.borrow_mut());
    }

    async fn ready(&self, _: &str) -> Result<(), BusError> {
        Ok(())
    }

    fn in_flight(&self) -> usize {
        self.outcomes.borrow().len()
    }
}

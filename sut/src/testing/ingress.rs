//! Requests that wait to be taken, and their answers.

use super::TestEnv;
use squall_env::{Incoming, Ingress, Responder, Response};
use std::cell::RefCell;
use std::future::poll_fn;
use std::task::Poll;

pub(crate) struct TestIngress {
    env: TestEnv,
    next: RefCell<usize>,
    closed: RefCell<bool>,
}

impl TestIngress {
    pub(super) fn new(env: &TestEnv) -> Self {
        Self {
            env: env.clone(),
            next: RefCell::new(0),
            closed: RefCell::new(false),
        }
    }
}

pub(crate) struct TestResponder {
    env: TestEnv,
    number: usize,
}

impl Responder for TestResponder {
    fn respond(self, response: Response) {
        if !self.env.is_dead() {
            let mut world = self.env.world.borrow_mut();
            world.responses.insert(self.number, response);
        }
    }
}

impl Ingress for TestIngress {
    type Responder = TestResponder;

    async fn accept(&self, max: usize, into: &mut Vec<Incoming<TestResponder>>) -> bool {
        poll_fn(|_| {
            let world = self.env.world.borrow();
            let mut next = self.next.borrow_mut();
            let before = into.len();
            while into.len() - before < max && *next < world.requests.len() {
                into.push(Incoming {
                    request: world.requests[*next].clone(),
                    responder: TestResponder {
                        env: self.env.clone(),
                        number: *next,
                    },
                });
                *next += 1;
            }
            if into.len() > before {
                Poll::Ready(true)
            } else if *self.closed.borrow() {
                Poll::Ready(false)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn close(&self) {
        *self.closed.borrow_mut() = true;
    }

    async fn drained(&self) {}
}

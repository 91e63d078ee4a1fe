//! One life of a process: steps, a crash at any of them, and time that moves when nothing else can.

use super::{Shared, TestEnv, World};
use crate::service::run;
use crate::settings::Settings;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// One life of a process.
pub(super) struct Life {
    pub(super) now_ns: u64,
    /// Steps left before the crash.
    pub(super) fuel: Option<u32>,
    pub(super) dead: bool,
    pub(super) stop: bool,
    pub(super) ready: bool,
    pub(super) draws: u64,
    pub(super) sleepers: BTreeSet<u64>,
    pub(super) spawned: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Life {
    /// `number`: lives before it, so that no two draw the same random numbers.
    fn new(fuel: Option<u32>, number: u64) -> Self {
        Self {
            now_ns: 0,
            fuel,
            dead: false,
            stop: false,
            ready: false,
            draws: number << 32,
            sleepers: BTreeSet::new(),
            spawned: Vec::new(),
        }
    }
}

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Stopped,
    Crashed,
}

/// Runs a service on this world until `enough` and nothing more happens, or until the crash after `fuel` steps.
pub(crate) fn live(
    world: &Shared<World>,
    settings: &Settings,
    fuel: Option<u32>,
    enough: Duration,
) -> End {
    world.borrow_mut().lives += 1;
    let lives = world.borrow().lives;
    let env = TestEnv {
        world: Rc::clone(world),
        life: Rc::new(RefCell::new(Life::new(fuel, lives))),
    };
    let end_ns = enough.as_nanos() as u64;
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    let finished = Rc::new(RefCell::new(None));
    let (main_env, settings, slot) = (env.clone(), settings.clone(), Rc::clone(&finished));
    tasks.push(Box::pin(async move {
        let result = run(&main_env, settings.service, &settings).await;
        *slot.borrow_mut() = Some(result);
    }));
    loop {
        for _ in 0..8 {
            tasks.retain_mut(|task| {
                !env.is_dead()
                    && task
                        .as_mut()
                        .poll(&mut Context::from_waker(Waker::noop()))
                        .is_pending()
            });
            tasks.append(&mut env.life.borrow_mut().spawned);
        }
        if env.is_dead() {
            return End::Crashed;
        }
        if let Some(result) = finished.borrow_mut().take() {
            result.unwrap();
            return End::Stopped;
        }
        let mut life = env.life.borrow_mut();
        let now_ns = life.now_ns;
        match life.sleepers.range(now_ns + 1..).next().copied() {
            Some(next) if next < end_ns => life.now_ns = next,
            _ => {
                assert!(!life.stop || life.now_ns < end_ns * 4, "it does not stop");
                life.now_ns = life.now_ns.max(end_ns) + 100_000_000;
                life.stop = true;
            }
        }
    }
}

impl TestEnv {
    pub(super) fn is_dead(&self) -> bool {
        self.life.borrow().dead
    }

    /// One step: a place to crash at. A dead process never gets on.
    pub(super) async fn step(&self) {
        {
            let mut life = self.life.borrow_mut();
            match life.fuel.as_mut() {
                Some(0) => life.dead = true,
                Some(fuel) => *fuel -= 1,
                None => {}
            }
        }
        poll_fn(|_| {
            if self.is_dead() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

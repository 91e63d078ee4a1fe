//! `slow_start`: processes end in order, and those that come after them do not get going until it heals.
//!
//! What is started is a shell that stops itself and then becomes the service. So nothing of the service has run before it
//! goes on, however busy the machine is, and it has the pid from the beginning that it will have.

use super::{FaultError, Injection};
use crate::environment::processes;
use crate::environment::supervision::{Ended, ReplicaId, ReplicaSpec};
use crate::environment::{Environment, until};
use std::sync::Arc;
use std::time::Duration;

/// A shell stops and goes on within milliseconds; this long means that it does not.
const WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// `$0` and `$@` are the service's own program and arguments.
const STOP_THEN_BECOME: &str = "kill -STOP $$; exec \"$0\" \"$@\"";

pub struct SlowStart {
    env: Arc<dyn Environment>,
    victims: Vec<ReplicaId>,
    before: Vec<Option<Ended>>,
    pids: Vec<i32>,
    healed: bool,
}

/// # Errors
/// When the guard is lost, or a process does not end or start.
pub fn inject(env: Arc<dyn Environment>, victims: &[ReplicaId]) -> Result<SlowStart, FaultError> {
    let before = env.supervisor().stop(victims)?;
    // Made before anything is started, so that a failure on the way is taken back.
    let mut slow = SlowStart {
        victims: victims.to_vec(),
        before,
        pids: Vec::new(),
        healed: false,
        env,
    };
    for id in victims {
        let pid = start(&*slow.env, id)?;
        slow.pids.push(pid);
    }
    // One that went on before it stood still would stand still for good.
    until(WITHIN, LOOK_EVERY, || {
        slow.pids.iter().all(|pid| is_stopped(*pid))
    });
    Ok(slow)
}

fn is_stopped(pid: i32) -> bool {
    processes::read(pid).is_some_and(|process| process.is_stopped())
}

fn start(env: &dyn Environment, id: &ReplicaId) -> Result<i32, FaultError> {
    let own = env.supervisor().spec(id)?;
    env.supervisor().declare(stopped(own.clone()));
    let pid = env.supervisor().spawn(id);
    // Only this start is slow.
    env.supervisor().declare(own);
    Ok(pid?)
}

fn stopped(mut spec: ReplicaSpec) -> ReplicaSpec {
    let launch = &mut spec.launch;
    let program = std::mem::replace(&mut launch.program, "/bin/sh".to_owned());
    let own = std::mem::take(&mut launch.arguments);
    launch.arguments = vec!["-c".to_owned(), STOP_THEN_BECOME.to_owned(), program];
    launch.arguments.extend(own);
    spec
}

impl Injection for SlowStart {
    /// The kernel says of all of them that they are stopped.
    fn bite(&self) -> Option<String> {
        if self.healed || self.pids.is_empty() || !self.pids.iter().all(|pid| is_stopped(*pid)) {
            return None;
        }
        let both = self.victims.iter().zip(&self.pids);
        let texts: Vec<String> = both
            .map(|(id, pid)| format!("{id} (pid {pid}) stands still at its start"))
            .collect();
        Some(texts.join(", "))
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if std::mem::replace(&mut self.healed, true) {
            return Ok(String::new());
        }
        for id in &self.victims {
            self.env.supervisor().resume(id)?;
        }
        until(WITHIN, LOOK_EVERY, || {
            !self.pids.iter().any(|pid| is_stopped(*pid))
        });
        // One that did not come so far is started as it should be.
        self.env.supervisor().start_all(&self.victims)?;
        Ok(self.restarted().unwrap_or_default())
    }

    fn restarted(&self) -> Option<String> {
        let mut texts = Vec::new();
        for (id, before) in self.victims.iter().zip(&self.before) {
            let before = before.as_ref()?.pid;
            let now = self.env.supervisor().status(id).ok()?.pid()?;
            if now == before {
                return None;
            }
            texts.push(format!("{id} pid {before} -> {now}"));
        }
        Some(texts.join(", "))
    }
}

impl Drop for SlowStart {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}

//! `flapping`: a link that comes and goes.

use super::connections::{Connections, apart};
use super::ends::ends;
use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::network::Touched;
use squall_plan::fault::{Fault, Flow, Target, Terms};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Turns that run on a thread of their own until healed.
pub struct Flapping {
    who: String,
    sum: Arc<Mutex<Sum>>,
    /// Dropped to end the turns.
    stop: Option<Sender<()>>,
    turns: Option<JoinHandle<Result<(), FaultError>>>,
}

#[derive(Default)]
struct Sum {
    cuts: u64,
    touched: Touched,
}

/// # Errors
/// When no connection runs between the parties.
pub fn inject(env: Arc<dyn Environment>, fault: &Fault) -> Result<Flapping, FaultError> {
    let Terms::Flapping {
        from,
        down_ns,
        up_ns,
    } = fault.terms.clone()
    else {
        return Err(FaultError::Unfit {
            kind: fault.kind.name(),
            target: fault.target.to_string(),
        });
    };
    let first = cut(fault, &from, &*env)?;
    let sum = Arc::new(Mutex::new(Sum::default()));
    let (stop, stopped) = mpsc::channel();
    let turns = Turns {
        fault: fault.clone(),
        from,
        down: Duration::from_nanos(down_ns),
        up: Duration::from_nanos(up_ns),
        sum: Arc::clone(&sum),
        stopped,
        env,
    };
    let thread = std::thread::Builder::new().name(format!("flapping-{}", fault.name));
    let turns = thread.spawn(move || turns.run(first));
    Ok(Flapping {
        who: format!("{}{}", fault.target, fault.terms),
        sum,
        stop: Some(stop),
        turns: Some(turns.map_err(|error| FaultError::Network {
            what: fault.name.clone(),
            why: format!("no thread can be had: {error}"),
        })?),
    })
}

fn cut(fault: &Fault, from: &[Target], env: &dyn Environment) -> Result<Connections, FaultError> {
    apart(fault, &ends(&fault.target, env)?, from, Flow::Both, env)
}

struct Turns {
    fault: Fault,
    from: Vec<Target>,
    down: Duration,
    up: Duration,
    sum: Arc<Mutex<Sum>>,
    stopped: Receiver<()>,
    env: Arc<dyn Environment>,
}

impl Turns {
    fn run(self, first: Connections) -> Result<(), FaultError> {
        let mut now = first;
        loop {
            let stopped = self.wait(self.down);
            self.count(&now);
            now.heal()?;
            if stopped || self.wait(self.up) {
                return Ok(());
            }
            now = cut(&self.fault, &self.from, &*self.env)?;
        }
    }

    /// Says whether it is over.
    fn wait(&self, length: Duration) -> bool {
        self.stopped.recv_timeout(length) != Err(RecvTimeoutError::Timeout)
    }

    fn count(&self, connections: &Connections) {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        sum.cuts += 1;
        sum.touched += connections.touched();
    }
}

impl Flapping {
    fn text(&self) -> Option<String> {
        let sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        let (cuts, touched) = (sum.cuts, sum.touched);
        let times = if cuts == 1 { "once" } else { "times" };
        let cuts = if cuts == 1 {
            String::new()
        } else {
            format!("{cuts} ")
        };
        (!touched.is_nothing()).then(|| format!("{} cut {cuts}{times}, met {touched}", self.who))
    }
}

impl Injection for Flapping {
    fn bite(&self) -> Option<String> {
        self.text()
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        drop(self.stop.take());
        if let Some(turns) = self.turns.take() {
            turns.join().unwrap_or_else(|_| {
                Err(FaultError::Network {
                    what: self.who.clone(),
                    why: "the thread of its turns panicked".to_owned(),
                })
            })?;
        }
        Ok(self.text().unwrap_or_default())
    }
}

impl Drop for Flapping {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}

//! The containers' cluster as a [`Bus`].

use super::broker;
use super::client;
use super::engine::Engine;
use super::filter::Wall;
use super::layout::Layout;
use super::logs::Logs;
use super::network::Ways;
use super::watch::Watch;
use crate::environment::bus::{Bus, Leadership};
use crate::environment::embedded::coordinator;
use crate::environment::interrupt::Registered;
use crate::environment::network::{End, Treated};
use crate::environment::until;
use crate::environment::view::View;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A controlled shutdown moves leaders first.
const STOP_WITHIN_S: i32 = 30;
/// A node starts in seconds, on a busy machine in tens of them.
pub const UP_WITHIN: Duration = Duration::from_secs(120);
pub const LOOK_EVERY: Duration = Duration::from_millis(50);

pub struct DockerBus {
    pub engine: Arc<Engine>,
    pub layout: Arc<Layout>,
    pub watch: Watch,
    pub wall: Arc<Wall>,
    pub ways: Arc<Ways>,
    /// Of brokers that are dead. A machine whose process has ended answers those who connect at once, but a container takes its
    /// address along, and Toxiproxy would hold them for as long as nobody answers.
    pub closed: Mutex<BTreeMap<u32, Vec<Box<dyn Treated>>>>,
    /// `None` once it was shut down.
    pub logs: Mutex<Option<Logs>>,
    /// Removes the containers at a second Ctrl-C.
    pub _at_second: Option<Registered>,
}

impl DockerBus {
    fn container(&self, broker: u32) -> Result<String, String> {
        let known = self.layout.direct(broker);
        known
            .map(|_| broker::name(self.engine.run(), broker))
            .ok_or_else(|| format!("there is no broker {broker}"))
    }

    fn gone(&self, broker: u32) -> Result<(), String> {
        let closed = self.ways.close_all_to(&End::Broker(broker))?;
        self.closed().insert(broker, closed);
        Ok(())
    }

    fn closed(&self) -> MutexGuard<'_, BTreeMap<u32, Vec<Box<dyn Treated>>>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, broker: u32, wanted: bool) -> Result<String, String> {
        let name = self.container(broker)?;
        match (self.engine.look(&name)?.running, wanted) {
            (false, true) => Err(format!("broker {broker} is dead already")),
            (true, false) => Err(format!("broker {broker} is running")),
            _ => Ok(name),
        }
    }
}

impl Bus for DockerBus {
    fn bootstrap(&self) -> String {
        let brokers = self.layout.brokers().into_iter();
        let addresses = brokers.filter_map(|one| self.layout.direct(one));
        let addresses = addresses.map(|address| address.to_string());
        addresses.collect::<Vec<_>>().join(",")
    }

    fn address(&self, broker: u32) -> Option<SocketAddr> {
        self.layout.direct(broker)
    }

    fn leaders(&self) -> Vec<Leadership> {
        self.watch.view().leaders()
    }

    fn brokers(&self) -> Vec<u32> {
        self.layout.brokers()
    }

    fn followers(&self, topic: &str, partition: u32) -> Vec<u32> {
        let view = self.watch.view();
        let Some(known) = view.partitions.get(&(topic.to_owned(), partition)) else {
            return Vec::new();
        };
        let living = known.replicas.intersection(&view.brokers).copied();
        living.filter(|id| Some(*id) != known.leader).collect()
    }

    fn coordinator(&self, group: &str) -> Option<u32> {
        let brokers = self.layout.brokers().into_iter();
        let mut addresses = brokers.filter_map(|one| self.layout.direct(one));
        addresses.find_map(|address| coordinator::ask(address, group).ok().flatten())
    }

    /// None of them: it is a node of its own.
    fn controller(&self) -> Option<u32> {
        None
    }

    fn kill(&self, broker: u32) -> Result<(), String> {
        self.engine.kill(&self.running(broker, true)?)?;
        self.gone(broker)
    }

    fn stop_broker(&self, broker: u32) -> Result<(), String> {
        self.engine
            .stop(&self.running(broker, true)?, STOP_WITHIN_S)?;
        self.gone(broker)
    }

    /// Returns when it serves clients again, and the others know it.
    fn start_broker(&self, broker: u32) -> Result<(), String> {
        let name = self.running(broker, false)?;
        self.engine.start_again(&name)?;
        self.wall.renew()?;
        let address = self.layout.direct(broker);
        let address = address.ok_or_else(|| format!("there is no broker {broker}"))?;
        let log = format!("see logs/kafka-{broker}.log in the run's folder");
        let mut ended = false;
        let up = until(UP_WITHIN, LOOK_EVERY, || {
            let answer = client::metadata(address);
            if answer.is_ok_and(|answer| View::of(&answer).brokers.contains(&broker)) {
                return true;
            }
            ended = self.engine.look(&name).is_ok_and(|now| !now.running);
            ended
        });
        match (up, ended) {
            (_, true) => Err(format!("broker {broker} ended when it was started: {log}")),
            (true, _) => {
                let mut closed = self.closed().remove(&broker).into_iter().flatten();
                closed.try_for_each(|mut way| way.lift())
            }
            (false, _) => {
                let within_s = UP_WITHIN.as_secs();
                Err(format!(
                    "broker {broker} serves no clients {within_s} s after its start: {log}"
                ))
            }
        }
    }

    fn pause(&self, broker: u32) -> Result<(), String> {
        self.engine.pause(&self.running(broker, true)?)
    }

    fn resume(&self, broker: u32) -> Result<(), String> {
        self.engine.resume(&self.container(broker)?)
    }

    fn await_in_sync(&self, within: Duration) -> Result<(), String> {
        let brokers = self.layout.brokers().len();
        let whole = || {
            self.watch
                .fresh()
                .is_some_and(|view| view.is_whole(brokers))
        };
        match until(within, LOOK_EVERY, whole) {
            true => Ok(()),
            false => Err(format!(
                "not every replica was in sync within {} s",
                within.as_secs()
            )),
        }
    }

    fn shut_down(&self) {
        self.watch.end();
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(logs) = logs.take() {
            logs.end();
        }
        // Whoever wants to know whether anything is left asks the engine's labels.
        let _ = self.engine.shut_down();
    }
}

impl Drop for DockerBus {
    fn drop(&mut self) {
        self.shut_down();
    }
}

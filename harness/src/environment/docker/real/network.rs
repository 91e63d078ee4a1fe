//! Every connection of a run in containers: parties to brokers and to the servers of sinks through Toxiproxy, brokers to each other through
//! packet filters, and parties to the sinks that Squall serves through the fault proxy of its own.

use super::filter::{Meter, Passed, Wall};
use super::layout::{Layout, Way};
use super::toxics::{self, Toxics};
use super::toxiproxy::Toxiproxy;
use crate::environment::network::{End, Network, Touched, Treated};
use crate::environment::proxied::{Proxied, ProxiedNetwork};
use squall_plan::fault::Treatment;
use squall_proxy::toxic::Direction;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub struct DockerNetwork {
    ways: Arc<Ways>,
    wall: Arc<Wall>,
    sinks: ProxiedNetwork,
}

/// The ways through Toxiproxy.
pub struct Ways {
    pub layout: Arc<Layout>,
    pub toxiproxy: Toxiproxy,
    pub meter: Meter,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// By proxy, in the order in which they began.
    treatments: BTreeMap<String, BTreeMap<u64, (Direction, Treatment)>>,
    /// What Toxiproxy has.
    toxics: BTreeMap<String, Toxics>,
    /// How many faults close a proxy.
    closed: BTreeMap<String, u32>,
}

impl DockerNetwork {
    pub fn new(ways: Arc<Ways>, wall: Arc<Wall>, sinks: Proxied) -> Self {
        Self {
            ways,
            wall,
            sinks: ProxiedNetwork::new(sinks),
        }
    }

    fn between(&self, way: (u32, u32), treatment: &Treatment) -> Result<Box<dyn Treated>, String> {
        let id = self.wall.treat(way, treatment)?;
        Ok(Box::new(TreatedLink {
            wall: Arc::clone(&self.wall),
            id,
            lifted: None,
        }))
    }
}

impl Network for DockerNetwork {
    fn bootstrap(&self, of: &End) -> Result<String, String> {
        let ways = self.ways.layout.ways_of(of);
        if ways.is_empty() {
            return Err(format!(
                "no listener was made for {of}: Kafka's are settled when it starts, and neither the system nor a fault of the scenario names it"
            ));
        }
        let addresses = ways.iter().map(|way| way.address().to_string());
        Ok(addresses.collect::<Vec<_>>().join(","))
    }

    fn sink_address(&self, of: &End, sink: &str) -> Result<Option<String>, String> {
        match self.ways.layout.way(of, &End::Sink(sink.to_owned())) {
            Some(way) => Ok(Some(way.address().to_string())),
            None => self.sinks.sink_address(of, sink),
        }
    }

    fn passed_bytes(&self, of: &End) -> u64 {
        let ways = self.ways.layout.ways_of(of);
        self.ways.meter.forget();
        let passed = ways
            .iter()
            .filter_map(|way| self.ways.meter.passed(way).ok());
        let bytes = |passed: Passed| {
            let (up, down) = (Direction::Upstream, Direction::Downstream);
            passed.flow(up).left_bytes + passed.flow(down).left_bytes
        };
        passed.map(bytes).sum()
    }

    fn connections_to_sink(&self, sink: &str) -> u64 {
        self.sinks.connections_to_sink(sink)
    }

    fn treat(
        &self,
        from: &End,
        to: &End,
        treatment: &Treatment,
    ) -> Result<Option<Box<dyn Treated>>, String> {
        let node = |end: &End| match end {
            End::Broker(id) => Some(*id),
            End::Controller => Some(self.ways.layout.controller()),
            _ => None,
        };
        if let (Some(from), Some(to)) = (node(from), node(to)) {
            return self.between((from, to), treatment).map(Some);
        }
        let (party, far, direction) = match (from, to) {
            (End::Controller, _) | (_, End::Controller) => return Ok(None),
            (party, End::Broker(_) | End::Sink(_)) => (party, to, Direction::Upstream),
            (End::Broker(_) | End::Sink(_), party) => (party, from, Direction::Downstream),
            _ => return Ok(None),
        };
        match (self.ways.layout.way(party, far), far) {
            (Some(way), _) => self.ways.treat(way, direction, treatment).map(Some),
            // One that Squall serves; or a party that speaks with no sink.
            (None, End::Sink(_)) => self.sinks.treat(from, to, treatment),
            (None, _) => Err(format!("no listener was made for {party}")),
        }
    }

    fn close(&self, to: &End) -> Result<Vec<Box<dyn Treated>>, String> {
        match self.ways.layout.ways_to(to).is_empty() {
            true => self.sinks.close(to),
            false => self.ways.close_all_to(to),
        }
    }
}

impl Ways {
    pub fn new(layout: Arc<Layout>, toxiproxy: Toxiproxy, meter: Meter) -> Self {
        Self {
            layout,
            toxiproxy,
            meter,
            state: Mutex::default(),
        }
    }

    fn treat(
        self: &Arc<Self>,
        way: Way,
        direction: Direction,
        treatment: &Treatment,
    ) -> Result<Box<dyn Treated>, String> {
        toxics::check(treatment)?;
        self.meter.forget();
        let before = self.meter.passed(&way)?;
        let proxy = way.proxy();
        let mut state = self.lock();
        state.next += 1;
        let id = state.next;
        let here = state.treatments.entry(proxy.clone()).or_default();
        here.insert(id, (direction, treatment.clone()));
        let applied = self.apply(&mut state, &proxy);
        drop(state);
        // Made before the error is looked at, so that what was applied in part is taken back.
        let treated = TreatedWay {
            ways: Arc::clone(self),
            way,
            how: How::Toxic(id, direction, treatment.clone()),
            before,
            lifted: None,
        };
        applied.map(|()| Box::new(treated) as Box<dyn Treated>)
    }

    /// Closes every party's way to a broker or a sink.
    ///
    /// # Errors
    /// Text for users.
    pub fn close_all_to(self: &Arc<Self>, to: &End) -> Result<Vec<Box<dyn Treated>>, String> {
        let ways = self.layout.ways_to(to).into_iter();
        ways.map(|way| self.close(way)).collect()
    }

    fn close(self: &Arc<Self>, way: Way) -> Result<Box<dyn Treated>, String> {
        self.meter.forget();
        let before = self.meter.passed(&way)?;
        let proxy = way.proxy();
        let mut state = self.lock();
        *state.closed.entry(proxy.clone()).or_default() += 1;
        let switched = self.toxiproxy.switch(&proxy, false);
        drop(state);
        let treated = TreatedWay {
            ways: Arc::clone(self),
            way,
            how: How::Closed,
            before,
            lifted: None,
        };
        switched.map(|()| Box::new(treated) as Box<dyn Treated>)
    }

    fn apply(&self, state: &mut State, proxy: &str) -> Result<(), String> {
        let here = state.treatments.get(proxy);
        let here = here.into_iter().flat_map(BTreeMap::values);
        let wanted = toxics::toxics(here.map(|(direction, treatment)| (*direction, treatment)));
        let had = state.toxics.get(proxy).cloned().unwrap_or_default();
        self.toxiproxy.set(proxy, &had, &wanted)?;
        state.toxics.insert(proxy.to_owned(), wanted);
        Ok(())
    }

    fn lift(&self, proxy: &str, how: &How) -> Result<(), String> {
        let mut state = self.lock();
        match how {
            How::Toxic(id, ..) => {
                if let Some(here) = state.treatments.get_mut(proxy) {
                    here.remove(id);
                }
                self.apply(&mut state, proxy)
            }
            How::Closed => {
                let count = state.closed.entry(proxy.to_owned()).or_default();
                *count = count.saturating_sub(1);
                match count {
                    0 => self.toxiproxy.switch(proxy, true),
                    _ => Ok(()),
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum How {
    Toxic(u64, Direction, Treatment),
    Closed,
}

struct TreatedWay {
    ways: Arc<Ways>,
    way: Way,
    how: How,
    before: Passed,
    lifted: Option<Touched>,
}

impl Treated for TreatedWay {
    fn touched(&self) -> Touched {
        if let Some(lifted) = self.lifted {
            return lifted;
        }
        let now = self.ways.meter.passed(&self.way).unwrap_or(self.before);
        let ends = now.ends.saturating_sub(self.before.ends);
        let (bytes, connections) = match &self.how {
            How::Toxic(_, direction, treatment) => {
                let (now, before) = (now.flow(*direction), self.before.flow(*direction));
                let arrived = now.arrived_bytes.saturating_sub(before.arrived_bytes);
                let left = now.left_bytes.saturating_sub(before.left_bytes);
                match treatment {
                    Treatment::Stall => (arrived.saturating_sub(left), 0),
                    Treatment::SlowClose { .. } | Treatment::Reset => (0, ends),
                    Treatment::Timeout { .. } | Treatment::LimitData { .. } => (arrived, ends),
                    _ => (arrived, 0),
                }
            }
            How::Closed => (0, ends),
        };
        Touched {
            bytes,
            connections,
            ..Touched::default()
        }
    }

    fn lift(&mut self) -> Result<(), String> {
        if self.lifted.is_some() {
            return Ok(());
        }
        self.ways.meter.forget();
        self.lifted = Some(self.touched());
        self.ways.lift(&self.way.proxy(), &self.how)
    }
}

impl Drop for TreatedWay {
    fn drop(&mut self) {
        let _ = self.lift();
    }
}

struct TreatedLink {
    wall: Arc<Wall>,
    id: u64,
    lifted: Option<Touched>,
}

impl Treated for TreatedLink {
    fn touched(&self) -> Touched {
        self.lifted.unwrap_or_else(|| Touched {
            messages: self.wall.met(self.id),
            ..Touched::default()
        })
    }

    fn lift(&mut self) -> Result<(), String> {
        if self.lifted.is_some() {
            return Ok(());
        }
        self.lifted = Some(self.touched());
        self.wall.lift(self.id)
    }
}

impl Drop for TreatedLink {
    fn drop(&mut self) {
        let _ = self.lift();
    }
}

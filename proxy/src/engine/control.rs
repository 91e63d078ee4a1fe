//! What the handle asks of the event loop.

use super::connection::Over;
use super::counters::Counters;
use super::error::ProxyError;
use super::event_loop::EventLoop;
use super::proxy::{Door, Proxy, ProxyConfig, ProxyInfo, Refusal};
use crate::toxic::{Direction, Pipeline, ToxicSpec};
use std::net::{Ipv4Addr, SocketAddr};

type Address = Result<SocketAddr, ProxyError>;

impl EventLoop {
    pub fn all(&self) -> impl Iterator<Item = &Proxy> {
        let slots = self.names.values();
        slots.filter_map(|slot| self.proxies.get(slot))
    }

    fn slot(&self, name: &str) -> Result<usize, ProxyError> {
        let slot = self.names.get(name).copied();
        slot.ok_or(ProxyError::ProxyNotFound)
    }

    pub fn named(&mut self, name: &str) -> Result<&mut Proxy, ProxyError> {
        let slot = self.slot(name)?;
        self.proxies.get_mut(&slot).ok_or(ProxyError::ProxyNotFound)
    }

    pub fn create(
        &mut self,
        config: ProxyConfig,
        address: Address,
    ) -> Result<ProxyInfo, ProxyError> {
        if self.names.contains_key(&config.name) {
            return Err(ProxyError::ProxyAlreadyExists);
        }
        let name = config.name.clone();
        let enabled = config.enabled;
        // A disabled proxy may have any address until it is enabled.
        let unknown = (Ipv4Addr::LOCALHOST, 0).into();
        let address = if enabled {
            address?
        } else {
            address.unwrap_or(unknown)
        };
        let slot = self.next_proxy;
        self.next_proxy += 1;
        self.proxies.insert(slot, Proxy::new(config, address));
        if enabled && let Err(error) = self.open_door(slot) {
            self.proxies.remove(&slot);
            return Err(error);
        }
        self.names.insert(name.clone(), slot);
        self.named(&name).map(|proxy| proxy.info())
    }

    pub fn create_or_replace(
        &mut self,
        config: ProxyConfig,
        address: Address,
    ) -> Result<ProxyInfo, ProxyError> {
        if let Ok(existing) = self.named(&config.name) {
            let wanted = address.clone()?;
            if existing.listen == wanted.to_string() && existing.upstream == config.upstream {
                return Ok(existing.info());
            }
            let name = config.name.clone();
            let enabled = config.enabled;
            self.disable(&name)?;
            if enabled {
                // The one that is there stays, disabled, when the port of the new one cannot be had.
                drop(super::proxy::bind(wanted)?);
            }
            self.remove(&name)?;
        }
        self.create(config, address)
    }

    pub fn update(
        &mut self,
        name: &str,
        listen: String,
        address: SocketAddr,
        upstream: String,
        enabled: bool,
    ) -> Result<ProxyInfo, ProxyError> {
        let slot = self.slot(name)?;
        let proxy = self.named(name)?;
        if proxy.listen != address.to_string() || proxy.upstream != upstream {
            self.disable(name)?;
            let proxy = self.named(name)?;
            (proxy.listen, proxy.upstream) = (listen, upstream);
        }
        let proxy = self.named(name)?;
        if enabled && !proxy.is_enabled() {
            proxy.address = address;
            self.open_door(slot)?;
        } else if !enabled {
            self.disable(name)?;
        }
        self.named(name).map(|proxy| proxy.info())
    }

    fn disable(&mut self, name: &str) -> Result<(), ProxyError> {
        self.named(name)?.door = Door::Closed;
        self.end_all(name, Over::Closed).map(|_| ())
    }

    pub fn remove(&mut self, name: &str) -> Result<(), ProxyError> {
        self.disable(name)?;
        if let Some(slot) = self.names.remove(name) {
            self.proxies.remove(&slot);
        }
        Ok(())
    }

    fn end_all(&mut self, name: &str, over: Over) -> Result<u64, ProxyError> {
        let open = std::mem::take(&mut self.named(name)?.connections);
        for place in &open {
            self.end(*place, over);
        }
        Ok(open.len() as u64)
    }

    pub fn cut(&mut self, name: &str) -> Result<u64, ProxyError> {
        self.end_all(name, Over::Reset { wanted: true })
    }

    pub fn refuse(&mut self, name: &str, refusal: Refusal) -> Result<(), ProxyError> {
        let slot = self.slot(name)?;
        let proxy = self.named(name)?;
        if proxy.refusal == refusal {
            return Ok(());
        }
        proxy.refusal = refusal;
        match proxy.door {
            Door::Closed => Ok(()),
            Door::Open(_) if refusal != Refusal::Refuse => Ok(()),
            Door::Open(_) | Door::Refusing(_) => self.open_door(slot),
        }
    }

    /// Lets `change` work on a direction of every connection of a proxy that is past its beginning, then gives each a turn.
    fn each_flow(
        &mut self,
        name: &str,
        direction: Direction,
        mut change: impl FnMut(&mut super::flow::Flow, u64),
    ) -> Result<(), ProxyError> {
        let places: Vec<_> = self.named(name)?.connections.iter().copied().collect();
        for place in places {
            if let Some(Some(connection)) = self.connections.get_mut(place)
                && !connection.connecting
            {
                let ordinal = connection.ordinal;
                change(&mut connection.flows[direction.index()], ordinal);
                self.activate(place);
            }
        }
        Ok(())
    }

    pub fn add_toxic(&mut self, name: &str, toxic: ToxicSpec) -> Result<(), ProxyError> {
        let proxy = self.named(name)?;
        if proxy.toxic(&toxic.name).is_some() {
            return Err(ProxyError::ToxicAlreadyExists);
        }
        proxy.toxics[toxic.direction.index()].push(toxic.clone());
        let (now_ns, streams) = (self.now_ns(), self.streams);
        self.each_flow(name, toxic.direction, |flow, ordinal| {
            if !flow.done {
                let new = || Box::new(Pipeline::new(name, streams, ordinal));
                let pipeline = flow.pipeline.get_or_insert_with(new);
                pipeline.add(now_ns, &toxic);
            }
        })
    }

    pub fn update_toxic(&mut self, name: &str, toxic: &ToxicSpec) -> Result<(), ProxyError> {
        let found = self.named(name)?.toxic_mut(&toxic.name);
        let found = found.ok_or(ProxyError::ToxicNotFound)?;
        (found.kind, found.toxicity) = (toxic.kind, toxic.toxicity);
        let changed = found.clone();
        let now_ns = self.now_ns();
        self.each_flow(name, changed.direction, |flow, _| {
            if let Some(pipeline) = &mut flow.pipeline {
                pipeline.update(now_ns, &changed);
            }
        })
    }

    pub fn remove_toxic(&mut self, name: &str, toxic: &str) -> Result<(), ProxyError> {
        let proxy = self.named(name)?;
        let found = proxy.toxic(toxic).ok_or(ProxyError::ToxicNotFound)?;
        let direction = found.direction;
        proxy.toxics[direction.index()].retain(|t| t.name != toxic);
        self.each_flow(name, direction, |flow, _| {
            if let Some(pipeline) = &mut flow.pipeline {
                pipeline.remove(toxic);
            }
        })
    }

    pub fn stall(&mut self, name: &str, direction: Direction, on: bool) -> Result<(), ProxyError> {
        let proxy = self.named(name)?;
        proxy.stalled[direction.index()] = on;
        let mut caught = 0;
        self.each_flow(name, direction, |flow, _| {
            if on && !flow.stalled {
                caught += flow.ready.len() as u64;
            }
            flow.stalled = on;
        })?;
        let counters = &mut self.named(name)?.counters;
        counters.direction_mut(direction).held_bytes += caught;
        Ok(())
    }

    pub fn heal_all(&mut self) {
        let names: Vec<_> = self.names.keys().cloned().collect();
        for name in names {
            // None of these can fail on a proxy that exists, but for a port that cannot be listened on again: it was bound all the time.
            let _ = self.refuse(&name, Refusal::None);
            for direction in Direction::BOTH {
                let _ = self.stall(&name, direction, false);
            }
            let toxics = self.named(&name).map(|proxy| proxy.toxics.concat());
            for toxic in toxics.unwrap_or_default() {
                let _ = self.remove_toxic(&name, &toxic.name);
            }
        }
    }

    pub fn counters(&mut self, name: &str) -> Result<Counters, ProxyError> {
        let slot = self.slot(name)?;
        let proxy = self.proxies.get(&slot).ok_or(ProxyError::ProxyNotFound)?;
        let mut counters = proxy.counters;
        counters.connections_open = proxy.connections.len() as u64;
        for place in &proxy.connections {
            if let Some(Some(connection)) = self.connections.get(*place) {
                for direction in Direction::BOTH {
                    let holding = connection.flows[direction.index()].holding_bytes();
                    counters.direction_mut(direction).holding_bytes += holding;
                }
            }
        }
        Ok(counters)
    }

    pub fn poke(&mut self, name: &str) -> Result<(), ProxyError> {
        let places: Vec<_> = self.named(name)?.connections.iter().copied().collect();
        for place in places {
            if let Some(Some(connection)) = self.connections.get_mut(place) {
                connection.poked = true;
            }
            self.activate(place);
        }
        Ok(())
    }
}

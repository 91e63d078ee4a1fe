//! Every connection of an embedded run: links between brokers inside the cluster, all others through proxies.

use super::links::{Links, node};
use crate::environment::network::{End, Network, Treated};
use crate::environment::proxied::Proxied;
use squall_plan::fault::Treatment;
use squall_proxy::toxic::Direction;
use std::sync::Arc;

pub struct EmbeddedNetwork {
    links: Arc<Links>,
    proxied: Arc<Proxied>,
}

impl EmbeddedNetwork {
    pub fn new(links: Links, proxied: Proxied) -> Self {
        Self {
            links: Arc::new(links),
            proxied: Arc::new(proxied),
        }
    }
}

impl Network for EmbeddedNetwork {
    fn bootstrap(&self, of: &End) -> Result<String, String> {
        self.proxied.bootstrap(of)
    }

    fn passed_bytes(&self, of: &End) -> u64 {
        self.proxied.passed_bytes(of)
    }

    fn treat(
        &self,
        from: &End,
        to: &End,
        treatment: &Treatment,
    ) -> Result<Option<Box<dyn Treated>>, String> {
        let way = match (node(from), node(to)) {
            (Some(from), Some(to)) => return self.links.treat((from, to), treatment).map(Some),
            (None, Some(broker)) => (from, broker, Direction::Upstream),
            (Some(broker), None) => (to, broker, Direction::Downstream),
            (None, None) => return Ok(None),
        };
        // No client speaks with the controller itself.
        match [from, to].contains(&&End::Controller) {
            true => Ok(None),
            false => self.proxied.treat(way, treatment).map(Some),
        }
    }

    fn close(&self, to: &End) -> Result<Vec<Box<dyn Treated>>, String> {
        match (to, node(to)) {
            (End::Broker(_), Some(broker)) => self.proxied.close(broker),
            _ => Err(format!("nobody connects to {to} through a proxy")),
        }
    }
}

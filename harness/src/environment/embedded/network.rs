//! Every connection of an embedded run: links between brokers inside the cluster, all others through proxies.

use super::links::{Links, node};
use crate::environment::network::{End, Network, Treated};
use crate::environment::proxied::{Proxied, ProxiedNetwork};
use squall_plan::fault::Treatment;
use std::sync::Arc;

pub struct EmbeddedNetwork {
    links: Arc<Links>,
    proxied: ProxiedNetwork,
}

impl EmbeddedNetwork {
    pub fn new(links: Links, proxied: Proxied) -> Self {
        Self {
            links: Arc::new(links),
            proxied: ProxiedNetwork::new(proxied),
        }
    }
}

impl Network for EmbeddedNetwork {
    fn bootstrap(&self, of: &End) -> Result<String, String> {
        self.proxied.bootstrap(of)
    }

    fn sink_address(&self, of: &End, sink: &str) -> Result<Option<String>, String> {
        self.proxied.sink_address(of, sink)
    }

    fn passed_bytes(&self, of: &End) -> u64 {
        self.proxied.passed_bytes(of)
    }

    fn connections_to_sink(&self, sink: &str) -> u64 {
        self.proxied.connections_to_sink(sink)
    }

    fn treat(
        &self,
        from: &End,
        to: &End,
        treatment: &Treatment,
    ) -> Result<Option<Box<dyn Treated>>, String> {
        match (node(from), node(to)) {
            (Some(from), Some(to)) => self.links.treat((from, to), treatment).map(Some),
            _ => self.proxied.treat(from, to, treatment),
        }
    }

    fn close(&self, to: &End) -> Result<Vec<Box<dyn Treated>>, String> {
        self.proxied.close(to)
    }
}

//! Every connection of an embedded run: links between brokers inside the cluster.

use super::links::{Links, node};
use crate::environment::network::{End, Network, Treated};
use squall_plan::fault::Treatment;
use std::sync::Arc;

pub struct EmbeddedNetwork {
    links: Arc<Links>,
}

impl EmbeddedNetwork {
    pub fn new(links: Links) -> Self {
        Self {
            links: Arc::new(links),
        }
    }
}

impl Network for EmbeddedNetwork {
    fn bootstrap(&self, _of: &End) -> Result<String, String> {
        Ok(self.links.bootstrap())
    }

    fn treat(
        &self,
        from: &End,
        to: &End,
        treatment: &Treatment,
    ) -> Result<Option<Box<dyn Treated>>, String> {
        match (node(from), node(to)) {
            (Some(from), Some(to)) => self.links.treat((from, to), treatment).map(Some),
            _ => Ok(None),
        }
    }

    fn close(&self, to: &End) -> Result<Box<dyn Treated>, String> {
        Err(format!("nobody connects to {to} through a proxy"))
    }
}

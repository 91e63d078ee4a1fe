//! Every connection of an embedded run: links between brokers inside the cluster, all others through proxies.

use super::links::{Links, node};
use crate::environment::network::{End, Network, Treated};
use crate::environment::proxied::{Far, Proxied};
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
        if let (Some(from), Some(to)) = (node(from), node(to)) {
            return self.links.treat((from, to), treatment).map(Some);
        }
        let (party, far, direction) = match (far(from), far(to)) {
            (None, Some(far)) => (from, far, Direction::Upstream),
            // Requests run one way.
            (Some(_), None) if treatment.is_of_frames() => return Ok(None),
            (Some(far), None) => (to, far, Direction::Downstream),
            _ => return Ok(None),
        };
        // No client speaks with the controller itself, nor it with a sink; and no event is loaded into a sink.
        let to_sink = matches!(far, Far::Sink(_));
        match party {
            End::Controller => Ok(None),
            End::Load if to_sink => Ok(None),
            _ => self
                .proxied
                .treat((party, &far, direction), treatment)
                .map(Some),
        }
    }

    fn close(&self, to: &End) -> Result<Vec<Box<dyn Treated>>, String> {
        match far(to) {
            Some(far) => self.proxied.close(&far),
            None => Err(format!("nobody connects to {to} through a proxy")),
        }
    }
}

/// What the proxies of parties lead to.
fn far(end: &End) -> Option<Far> {
    match end {
        End::Broker(id) => i32::try_from(*id).ok().map(Far::Broker),
        End::Sink(name) => Some(Far::Sink(name.clone())),
        End::Controller | End::Replica(_) | End::Load => None,
    }
}

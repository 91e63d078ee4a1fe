//! Connections that run through proxies, as a [`Network`]: those of parties to brokers and to sinks, and no others.

use super::{Far, Proxied};
use crate::environment::network::{End, Network, Treated};
use squall_plan::fault::Treatment;
use squall_proxy::toxic::Direction;
use std::sync::Arc;

pub struct ProxiedNetwork(Arc<Proxied>);

impl ProxiedNetwork {
    #[must_use]
    pub fn new(proxied: Proxied) -> Self {
        Self(Arc::new(proxied))
    }
}

impl Network for ProxiedNetwork {
    fn bootstrap(&self, of: &End) -> Result<String, String> {
        self.0.bootstrap(of)
    }

    fn sink_address(&self, of: &End, sink: &str) -> Result<Option<String>, String> {
        self.0.sink_address(of, sink)
    }

    fn passed_bytes(&self, of: &End) -> u64 {
        self.0.passed_bytes(of)
    }

    fn connections_to_sink(&self, sink: &str) -> u64 {
        self.0.connections_to_sink(sink)
    }

    fn treat(
        &self,
        from: &End,
        to: &End,
        treatment: &Treatment,
    ) -> Result<Option<Box<dyn Treated>>, String> {
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
            _ => self.0.treat((party, &far, direction), treatment).map(Some),
        }
    }

    fn close(&self, to: &End) -> Result<Vec<Box<dyn Treated>>, String> {
        match far(to) {
            Some(far) => self.0.close(&far),
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

//! What every response may need: names and the advertised addresses of the brokers.

use crate::kafka::names::Names;
use squall_model::kafka::NodeId;
use std::collections::BTreeMap;

/// Context of encoding a response.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    pub names: &'a Names,
    /// Host and port that clients are told for each broker.
    pub addresses: &'a BTreeMap<NodeId, (String, u16)>,
    pub cluster_id: &'a str,
}

impl<'a> Answer<'a> {
    /// An empty host and port 0 for a node that is not a broker of this cluster.
    #[must_use]
    pub fn address(&self, node: NodeId) -> (&'a str, u16) {
        self.addresses
            .get(&node)
            .map_or(("", 0), |(host, port)| (host.as_str(), *port))
    }
}

//! The state of the cluster at one moment.

use super::{Counters, Server};

/// What the cluster looks like now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Snapshot {
    pub counters: Counters,
}

impl Server {
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            counters: Counters {
                connections_open: self.connections.len() as u64,
                appended_bytes: self.store.appended_bytes(),
                cached_bytes: self.store.cached_bytes() as u64,
                ..self.counters
            },
        }
    }

    /// Where each broker listens, broker 1 first.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes[1..].iter().map(|n| n.port).collect()
    }

    /// The configuration of the brokers as DescribeConfigs shows it: what was set, and what the server itself goes by.
    pub(super) fn broker_entries(&self) -> Vec<(String, String, bool)> {
        let set = &self.config.broker_properties;
        let own = [
            ("message.max.bytes", self.limits.batch_bytes_max),
            ("socket.request.max.bytes", self.limits.request_bytes_max),
        ];
        let defaults = own
            .into_iter()
            .filter(|(name, _)| !set.contains_key(*name))
            .map(|(name, value)| (name.to_owned(), value.to_string(), true));
        let set = set.iter().map(|(n, v)| (n.clone(), v.clone(), false));
        let mut entries: Vec<_> = set.chain(defaults).collect();
        entries.sort();
        entries
    }
}

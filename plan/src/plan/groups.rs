//! Who reads the bus, and where events come in on it.

use super::Plan;
use crate::scenario::LoadEntry;
use crate::system::SinkStore;
use std::collections::BTreeSet;

impl Plan {
    /// Consumer groups of services and sinks, each once, by name.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let groups = self.system.spec.groups().into_iter();
        groups.map(str::to_owned).collect()
    }

    /// Topics that no sink and no dead letter is kept on, and those that a load goes to.
    #[must_use]
    pub fn entry_topics(&self) -> Vec<String> {
        let sinks = &self.system.spec.sinks;
        let stores = sinks.iter().filter_map(|sink| match &sink.store {
            SinkStore::Topic { name, .. } => Some(name.as_str()),
            SinkStore::Directory { .. }
            | SinkStore::Sqlite { .. }
            | SinkStore::Postgres { .. }
            | SinkStore::Mails(_) => None,
        });
        let dead = sinks.iter().filter_map(|sink| {
            let letters = sink.dead_letters.as_ref();
            letters.map(|letters| letters.topic.as_str())
        });
        let outputs: BTreeSet<&str> = stores.chain(dead).collect();
        let given = self
            .loads
            .iter()
            .filter_map(|planned| match &planned.load.entry {
                LoadEntry::Topic { topic, .. } => Some(topic.clone()),
                LoadEntry::Http { .. } => None,
            });
        let topics = self.cluster.topics.iter().map(|topic| topic.name.clone());
        let inputs = topics.filter(|name| !outputs.contains(name.as_str()));
        let all: BTreeSet<String> = inputs.chain(given).collect();
        all.into_iter().collect()
    }
}

//! Settings of bus clients. Names and values are those of the client library (for Kafka: librdkafka's).

use std::collections::BTreeMap;

/// Settings by their own names, such as `acks` or `enable.idempotence`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ClientSettings(pub BTreeMap<String, String>);

impl ClientSettings {
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Sets it unless it is set.
    pub fn default_to(&mut self, name: &str, value: &str) {
        self.0
            .entry(name.to_owned())
            .or_insert_with(|| value.to_owned());
    }

    /// True for the values that librdkafka takes as true.
    #[must_use]
    pub fn is_on(&self, name: &str) -> Option<bool> {
        self.get(name)
            .map(|value| matches!(value, "true" | "t" | "1"))
    }
}

/// The environment adds the address of the broker to `client`, and its own defaults for what is not set.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ProducerSettings {
    pub client: ClientSettings,
}

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ConsumerSettings {
    pub group: String,
    pub topics: Vec<String>,
    /// With `enable.auto.commit=true` and `enable.auto.offset.store=true` the client commits what it has delivered, by
    /// itself and whatever becomes of it; `settle` then means nothing. Both are off unless set.
    pub client: ClientSettings,
}

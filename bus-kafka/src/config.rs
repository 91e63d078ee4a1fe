//! What is handed to librdkafka: the user's settings, over those of the service, over our defaults.

use rdkafka::ClientConfig;
use squall_env::{ClientSettings, ConsumerSettings, ProducerSettings};

pub(crate) fn producer(
    bootstrap: &str,
    client_id: &str,
    common: &ClientSettings,
    settings: &ProducerSettings,
) -> ClientConfig {
    let mut client = laid_over(common, &settings.client);
    client.default_to("acks", "all");
    let acks = client.get("acks").unwrap_or("all");
    // librdkafka refuses idempotence that was asked for together with weaker acks.
    let idempotent = if matches!(acks, "all" | "-1") {
        "true"
    } else {
        "false"
    };
    client.default_to("enable.idempotence", idempotent);
    if client.get("enable.idempotence") == Some("true") && client.get("max.in.flight").is_none() {
        // An idempotent librdkafka lets no batch of a partition go while five messages of it are under way, and as soon as one is due it
        // spins in poll until they are answered: up to a core of a slow cluster's producer. With one request at a time it waits.
        client.default_to("max.in.flight.requests.per.connection", "1");
    }
    complete(client, bootstrap, client_id)
}

pub(crate) fn consumer(
    bootstrap: &str,
    client_id: &str,
    common: &ClientSettings,
    settings: &ConsumerSettings,
) -> ClientConfig {
    let mut client = laid_over(common, &settings.client);
    client.default_to("group.id", &settings.group);
    client.default_to("enable.auto.commit", "false");
    client.default_to("enable.auto.offset.store", "false");
    client.default_to("auto.offset.reset", "earliest");
    complete(client, bootstrap, client_id)
}

/// The service's own settings win over those that all its clients share: a service asks for what it must have.
fn laid_over(common: &ClientSettings, own: &ClientSettings) -> ClientSettings {
    let mut all = common.clone();
    all.0.extend(
        own.0
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    all
}

fn complete(mut client: ClientSettings, bootstrap: &str, client_id: &str) -> ClientConfig {
    client.default_to("bootstrap.servers", bootstrap);
    client.default_to("client.id", client_id);
    // A broker that comes back is to be found at once; the defaults back off up to 10 s.
    client.default_to("reconnect.backoff.ms", "50");
    client.default_to("reconnect.backoff.max.ms", "1000");
    let mut config = ClientConfig::new();
    for (name, value) in &client.0 {
        config.set(name, value);
    }
    config.set_log_level(rdkafka::config::RDKafkaLogLevel::Warning);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> ClientSettings {
        let mut settings = ClientSettings::default();
        for (name, value) in pairs {
            settings.set(name, value);
        }
        settings
    }

    #[test]
    fn idempotence_follows_acks_and_the_service_wins() {
        let made = |common: &[(&str, &str)], own: &[(&str, &str)]| {
            let own = ProducerSettings {
                client: settings(own),
            };
            let config = producer("a:1", "x", &settings(common), &own);
            let value = |name| config.get(name).unwrap().to_owned();
            (value("acks"), value("enable.idempotence"))
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(made(&[], &[]), pair("all", "true"));
        assert_eq!(made(&[("acks", "1")], &[]), pair("1", "false"));
        assert_eq!(
            made(&[("acks", "-1"), ("enable.idempotence", "false")], &[]),
            pair("-1", "false")
        );
        assert_eq!(
            made(&[("acks", "all")], &[("acks", "1")]),
            pair("1", "false")
        );
    }

    #[test]
    fn an_idempotent_producer_sends_one_request_at_a_time_unless_asked_otherwise() {
        let made = |own: &[(&str, &str)]| {
            let own = ProducerSettings {
                client: settings(own),
            };
            let config = producer("a:1", "x", &settings(&[]), &own);
            let value = config.get("max.in.flight.requests.per.connection");
            value.map(str::to_owned)
        };
        assert_eq!(made(&[]).as_deref(), Some("1"));
        let asked = ("max.in.flight.requests.per.connection", "5");
        assert_eq!(made(&[asked]).as_deref(), Some("5"));
        assert_eq!(made(&[("max.in.flight", "5")]), None);
        assert_eq!(made(&[("enable.idempotence", "false")]), None);
    }

    #[test]
    fn commits_are_the_handlers_business_unless_asked_otherwise() {
        let made = |own: &[(&str, &str)]| {
            let own = ConsumerSettings {
                group: "g".to_owned(),
                topics: Vec::new(),
                client: settings(own),
            };
            let config = consumer("a:1", "x", &settings(&[]), &own);
            assert_eq!(config.get("group.id"), Some("g"));
            config.get("enable.auto.commit").unwrap().to_owned()
        };
        assert_eq!(made(&[]), "false");
        assert_eq!(made(&[("enable.auto.commit", "true")]), "true");
    }
}

//! Settings from environment variables, with all problems at once.

mod reader;

use crate::bugs::{Bug, Bugs};
use crate::service::Service;
use reader::Reader;
#[cfg(feature = "process")]
pub(crate) use reader::mail_server;
use squall_env::{ClientSettings, Level};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What a service is told. Made from variables by [`Settings::read`], or by hand in tests and in the simulator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub service: Service,
    /// Name and number of this process, for logs and client ids.
    pub service_name: String,
    pub replica: String,
    /// Log lines of a lesser level are not written.
    pub log_level: Level,
    pub bootstrap: String,
    /// librdkafka settings for every client of the service.
    pub client: ClientSettings,
    pub host: String,
    pub port: u16,
    /// Port for `/health`, `/ready` and `/metrics`; `None`: nowhere but on the producer's own port.
    pub metrics_port: Option<u16>,
    pub topic: String,
    /// Where the relay writes to.
    pub output_topic: String,
    pub dead_letter_topic: String,
    pub group: String,
    pub maildir: Option<String>,
    pub smtp_url: Option<String>,
    pub sqlite_path: Option<String>,
    /// A PostgreSQL server, which wins over a file. It may hold a password.
    pub database_url: Option<Secret>,
    /// How long a transaction waits for the lock of the database before it fails for now.
    pub sqlite_busy_timeout: Duration,
    pub mail: EffectSettings,
    pub rows: EffectSettings,
    /// How often a failed effect is tried again before the event is given up.
    pub retries_max: u32,
    pub batch_max: usize,
    /// How long a request waits for the broker.
    pub ack_timeout: Duration,
    pub bugs: Bugs,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The nature of what an effect is done by.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct EffectSettings {
    /// How long each effect takes beyond its work: a slow downstream.
    pub delay: Duration,
    /// How many of a thousand attempts fail for now: a flaky downstream.
    pub failures_per_mille: u16,
}

/// Every variable that is wrong or missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingsError {
    pub problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service cannot start with these environment variables:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Defaults for everything, and brokers at `bootstrap`.
    #[must_use]
    pub fn new(service: Service, bootstrap: &str) -> Self {
        let relay = service == Service::Relay;
        Self {
            service,
            service_name: service.name().to_owned(),
            replica: "0".to_owned(),
            log_level: Level::Info,
            bootstrap: bootstrap.to_owned(),
            client: ClientSettings::default(),
            host: "127.0.0.1".to_owned(),
            port: 3000,
            metrics_port: None,
            topic: if relay { "in" } else { "signups" }.to_owned(),
            output_topic: "out".to_owned(),
            dead_letter_topic: "signups-dead-letters".to_owned(),
            group: service.name().to_owned(),
            maildir: None,
            smtp_url: None,
            sqlite_path: None,
            database_url: None,
            sqlite_busy_timeout: Duration::from_secs(2),
            mail: EffectSettings::default(),
            rows: EffectSettings::default(),
            retries_max: 10,
            batch_max: if relay { 2000 } else { 500 },
            ack_timeout: Duration::from_secs(12),
            bugs: Bugs::default(),
        }
    }

    /// Reads the variables. An empty one counts as not set.
    ///
    /// # Errors
    /// Everything that is wrong or missing, each with the name of its variable.
    pub fn read(
        service: Service,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut reader = Reader {
            variables,
            problems: Vec::new(),
        };
        let mut settings = Self::new(service, "");
        reader.required("KAFKA_BOOTSTRAP", &mut settings.bootstrap);
        reader.text("SERVICE_NAME", &mut settings.service_name);
        reader.text("SERVICE_REPLICA", &mut settings.replica);
        reader.level("LOG_LEVEL", &mut settings.log_level);
        reader.text("HOST", &mut settings.host);
        reader.text("TOPIC", &mut settings.topic);
        reader.text("OUTPUT_TOPIC", &mut settings.output_topic);
        settings.dead_letter_topic = format!("{}-dead-letters", settings.topic);
        reader.text("DEAD_LETTER_TOPIC", &mut settings.dead_letter_topic);
        reader.text("GROUP", &mut settings.group);
        reader.number("PORT", &mut settings.port);
        reader.number("RETRIES_MAX", &mut settings.retries_max);
        reader.number("BATCH_MAX", &mut settings.batch_max);
        reader.duration("ACK_TIMEOUT_MS", &mut settings.ack_timeout);
        settings.metrics_port = reader.metrics_port(service);
        settings.maildir = reader.optional("MAILDIR");
        settings.smtp_url = reader.optional("SMTP_URL");
        let busy_timeout = &mut settings.sqlite_busy_timeout;
        reader.duration("SQLITE_BUSY_TIMEOUT_MS", busy_timeout);
        settings.sqlite_path = reader.optional("SQLITE_PATH");
        settings.database_url = reader.optional("DATABASE_URL").map(Secret);
        settings.mail = reader.effect("MAIL");
        settings.rows = reader.effect("DB");
        reader.client(&mut settings.client);
        match Bugs::parse(reader.get("SQUALL_BUGS").unwrap_or_default()) {
            Ok(bugs) => settings.bugs = bugs,
            Err(problems) => reader.problems.extend(problems),
        }
        reader.check(&settings);
        if reader.problems.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError {
                problems: reader.problems,
            })
        }
    }

    pub(crate) fn sends_mail(&self) -> bool {
        match self.service {
            Service::ConsumerEmail => true,
            Service::ConsumerDb => self.bugs.has(Bug::CoupledConsumers),
            Service::Producer | Service::Relay => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::reader::mail_server;
    use super::*;

    fn read(service: Service, pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::read(service, &variables)
    }

    #[test]
    fn all_problems_come_at_once() {
        let error = read(
            Service::ConsumerDb,
            &[
                ("PORT", "many"),
                ("SQUALL_BUGS", "acks-1,coupled"),
                ("KAFKA_CLIENT", "acks"),
                ("LOG_LEVEL", "loud"),
                ("SMTP_URL", "mail:25"),
                ("DATABASE_URL", "mysql://u:hidden@host/db"),
            ],
        )
        .unwrap_err();
        let text = error.to_string();
        assert!(!text.contains("hidden"), "{text}");
        for name in [
            "KAFKA_BOOTSTRAP",
            "PORT=many",
            "`coupled`",
            "`acks`",
            "DATABASE_URL",
            "LOG_LEVEL=loud",
            "SMTP_URL=mail:25",
        ] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
    }

    #[test]
    fn settings_are_read_and_the_special_wins_over_the_general() {
        let settings = read(
            Service::ConsumerEmail,
            &[
                ("KAFKA_BOOTSTRAP", "a:1,b:2"),
                ("KAFKA_CLIENT", "acks=1, linger.ms=0"),
                ("MAILDIR", "/m"),
                ("EFFECT_DELAY_MS", "3"),
                ("MAIL_DELAY_MS", "7"),
                ("SQUALL_BUGS", " dropped-retry ,"),
                ("PORT", "4001"),
                ("TOPIC", "t"),
                ("GROUP", ""),
            ],
        )
        .unwrap();
        assert_eq!(settings.client.get("linger.ms"), Some("0"));
        assert_eq!(settings.mail.delay, Duration::from_millis(7));
        assert_eq!(settings.rows.delay, Duration::from_millis(3));
        assert!(settings.bugs.has(Bug::DroppedRetry));
        assert!(!settings.bugs.has(Bug::Acks1));
        assert_eq!(settings.metrics_port, Some(4001));
        assert_eq!(settings.dead_letter_topic, "t-dead-letters");
        assert_eq!(settings.group, "consumer-email");
    }

    #[test]
    fn where_the_rows_go_may_be_a_secret() {
        let url = ("DATABASE_URL", "postgres://u:hidden@host/db");
        let bus = ("KAFKA_BOOTSTRAP", "a:1");
        let read = read(Service::ConsumerDb, &[bus, url]);
        assert_eq!(read.is_ok(), cfg!(feature = "postgres"));
        let told = match read {
            Ok(settings) => format!("{settings:?}"),
            Err(error) => error.to_string(),
        };
        assert!(!told.contains("hidden"), "{told}");
    }

    #[test]
    fn mail_servers_are_named_by_url() {
        assert_eq!(mail_server("smtp://[::1]:2525/"), Some(("[::1]", 2525)));
        assert_eq!(mail_server("smtp://mail"), Some(("mail", 25)));
        for wrong in ["mail:25", "smtp://", "smtp://u@mail", "smtp://mail:x"] {
            assert_eq!(mail_server(wrong), None, "{wrong}");
        }
    }
}

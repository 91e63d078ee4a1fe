//! Variables, read one by one, with every problem kept.

use super::{EffectSettings, Settings};
use crate::service::Service;
use squall_env::{ClientSettings, Level};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// Host and port of `smtp://host[:port]`: a relay on this machine or network, without encryption or password.
pub(crate) fn mail_server(url: &str) -> Option<(&str, u16)> {
    let rest = url.strip_prefix("smtp://")?.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (rest, 25),
    };
    (!host.is_empty() && !host.contains(['/', '@'])).then_some((host, port))
}

/// What is wrong with where the rows go. A URL is not shown: it may hold a password.
fn store_problem(settings: &Settings) -> Option<String> {
    let problem = match (&settings.database_url, &settings.sqlite_path) {
        (None, Some(_)) => return None,
        (None, None) => "SQLITE_PATH is not set: the database file (or DATABASE_URL, a server)",
        (Some(url), _) if !is_postgres(&url.0) => {
            "DATABASE_URL is not like postgres://USER:PASSWORD@HOST:5432/DATABASE"
        }
        (Some(_), _) if !cfg!(feature = "postgres") => {
            "DATABASE_URL is set, but this squall was built without PostgreSQL: cargo build --features postgres"
        }
        (Some(_), _) => return None,
    };
    Some(problem.to_owned())
}

fn is_postgres(url: &str) -> bool {
    ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
}

pub(super) struct Reader<'a> {
    pub(super) variables: &'a BTreeMap<String, String>,
    pub(super) problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn optional(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(super) fn text(&self, name: &str, into: &mut String) {
        if let Some(value) = self.get(name) {
            value.clone_into(into);
        }
    }

    pub(super) fn required(&mut self, name: &str, into: &mut String) {
        self.text(name, into);
        if into.is_empty() {
            let problem = format!("{name} is not set: the brokers, as host:port,host:port");
            self.problems.push(problem);
        }
    }

    pub(super) fn number<T: FromStr>(&mut self, name: &str, into: &mut T) {
        let Some(value) = self.get(name) else { return };
        match value.trim().parse() {
            Ok(number) => *into = number,
            Err(_) => self.problems.push(format!(
                "{name}={value} is not a whole number that fits here"
            )),
        }
    }

    pub(super) fn duration(&mut self, name: &str, into: &mut Duration) {
        let mut ms = u64::try_from(into.as_millis()).unwrap_or(u64::MAX);
        self.number(name, &mut ms);
        *into = Duration::from_millis(ms);
    }

    pub(super) fn level(&mut self, name: &str, into: &mut Level) {
        const LEVELS: [Level; 4] = [Level::Debug, Level::Info, Level::Warn, Level::Error];
        let Some(value) = self.get(name) else { return };
        match LEVELS.into_iter().find(|level| level.name() == value) {
            Some(level) => *into = level,
            None => self.problems.push(format!(
                "{name}={value} is none of debug, info, warn and error"
            )),
        }
    }

    /// `EFFECT_DELAY_MS` for all effects, `MAIL_DELAY_MS` for one kind; likewise failures.
    pub(super) fn effect(&mut self, kind: &str) -> EffectSettings {
        let mut effect = EffectSettings::default();
        for prefix in ["EFFECT", kind] {
            self.duration(&format!("{prefix}_DELAY_MS"), &mut effect.delay);
            let name = format!("{prefix}_FAILURES_PER_MILLE");
            self.number(&name, &mut effect.failures_per_mille);
        }
        effect
    }

    /// A service without an API of its own is asked for its state on `PORT` unless it is told otherwise.
    pub(super) fn metrics_port(&mut self, service: Service) -> Option<u16> {
        let name = match self.get("METRICS_PORT") {
            None if service != Service::Producer => "PORT",
            _ => "METRICS_PORT",
        };
        let mut port = 0;
        self.number(name, &mut port);
        (port != 0).then_some(port)
    }

    pub(super) fn client(&mut self, into: &mut ClientSettings) {
        let list = self.get("KAFKA_CLIENT").unwrap_or_default();
        for pair in list.split(',').filter(|pair| !pair.trim().is_empty()) {
            match pair.split_once('=') {
                Some((name, value)) => into.set(name.trim(), value.trim()),
                None => self.problems.push(format!(
                    "KAFKA_CLIENT: `{pair}` is not name=value, as in acks=all,linger.ms=5"
                )),
            }
        }
    }

    pub(super) fn check(&mut self, settings: &Settings) {
        if settings.sends_mail() && settings.maildir.is_none() && settings.smtp_url.is_none() {
            let problem = "MAILDIR is not set: the folder for mails (or SMTP_URL, a mail server)";
            self.problems.push(problem.to_owned());
        }
        if let Some(url) = &settings.smtp_url
            && mail_server(url).is_none()
        {
            let problem = format!("SMTP_URL={url} is not like smtp://127.0.0.1:25");
            self.problems.push(problem);
        }
        if settings.service == Service::ConsumerDb {
            self.problems.extend(store_problem(settings));
        }
        if settings.batch_max == 0 {
            self.problems
                .push("BATCH_MAX=0 would never handle an event".to_owned());
        }
    }
}

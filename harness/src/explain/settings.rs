//! What a user's clients and topics are set to, and what could be set otherwise.

use crate::exit::Failure;

/// Whose setting it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    Client,
    Topic,
}

/// One setting that was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    of: Of,
    name: String,
    value: String,
}

/// Settings of clients that the models heed, in librdkafka's words; Java's where they differ are read as these.
const CLIENT: &[&str] = &[
    "acks",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "batch.num.messages",
    "batch.size",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "group.instance.id",
    "heartbeat.interval.ms",
    "linger.ms",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "message.send.max.retries",
    "message.timeout.ms",
    "request.timeout.ms",
    "retries",
    "retry.backoff.ms",
    "session.timeout.ms",
];
const TOPIC: &[&str] = &[
    "flush.messages",
    "min.insync.replicas",
    "replicas",
    "unclean.leader.election.enable",
];
const ALIASES: &[(&str, &str)] = &[
    ("request.required.acks", "acks"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("replication.factor", "replicas"),
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
];

/// Values that lose nothing, by setting; what a sweep finds is tried again with them.
const SAFE: &[(&str, &str)] = &[
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "earliest"),
    ("max.in.flight.requests.per.connection", "1"),
    ("min.insync.replicas", "2"),
    ("replicas", "3"),
    ("unclean.leader.election.enable", "false"),
];

/// What was given, and what of it means nothing here.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Settings {
    pub given: Vec<Setting>,
    pub unheeded: Vec<String>,
}

impl Setting {
    fn new(of: Of, name: &str, value: &str) -> Self {
        Self {
            of,
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    /// As it is set in a stock scenario.
    pub fn set(&self) -> String {
        let place = match self.of {
            Of::Client => "bus.kafka.client",
            Of::Topic => "bus.kafka.topics.{topic}",
        };
        format!("{place}.{}", self.text())
    }

    pub fn text(&self) -> String {
        format!("{}={}", self.name, self.value)
    }

    /// The same setting with a value that loses nothing; `None`: it has that, or there is none.
    pub fn safe(&self) -> Option<Self> {
        let (_, value) = SAFE.iter().find(|(name, _)| *name == self.name)?;
        (*value != self.value).then(|| Self::new(self.of, &self.name, value))
    }

    pub fn is_of(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Settings {
    /// Takes `name=value` in.
    ///
    /// # Errors
    /// When there is no `=` in it.
    pub fn take(&mut self, text: &str) -> Result<(), Failure> {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Failure::bad_input(format!("`{text}` is no setting"))
                .hint("write name=value, as in acks=1")
        })?;
        let (name, value) = (name.trim(), value.trim());
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let name = alias.map_or(name, |(_, name)| name);
        let of = if CLIENT.contains(&name) {
            Of::Client
        } else if TOPIC.contains(&name) {
            Of::Topic
        } else {
            self.unheeded.push(name.to_owned());
            return Ok(());
        };
        let setting = Setting::new(of, name, value);
        self.given.retain(|known| !known.is_of(&setting));
        self.given.push(setting);
        Ok(())
    }

    /// Takes a properties file in: `name=value` lines, `#` and `!` begin a comment.
    ///
    /// # Errors
    /// When a line is no setting.
    pub fn take_file(&mut self, text: &str) -> Result<(), Failure> {
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '!'])) {
            self.take(line)?;
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&str> {
        let known = self.given.iter().find(|known| known.name == name);
        known.map(|known| known.value.as_str())
    }

    /// What follows from what was given, as librdkafka has it: with auto-commit, offsets are stored before the handler unless told otherwise.
    pub fn complete(&mut self) {
        const STORE: &str = "enable.auto.offset.store";
        if self.value("enable.auto.commit") == Some("true") && self.value(STORE).is_none() {
            self.given.push(Setting::new(Of::Client, STORE, "true"));
        }
    }

    /// As `--set`s of the stock scenarios, with some settings exchanged for others or added.
    pub fn sets(&self, changes: &[Setting]) -> Vec<String> {
        let kept = self.given.iter();
        let kept = kept.filter(|given| !changes.iter().any(|change| change.is_of(given)));
        kept.chain(changes).map(Setting::set).collect()
    }

    /// Single changes worth trying: what was given, made safe; then what was not given and may be missing.
    pub fn changes(&self) -> Vec<Setting> {
        let mut all: Vec<Setting> = self.given.iter().filter_map(Setting::safe).collect();
        let missing = [
            Setting::new(Of::Client, "acks", "all"),
            Setting::new(Of::Topic, "min.insync.replicas", "2"),
        ];
        for change in missing {
            if !self
                .given
                .iter()
                .chain(&all)
                .any(|known| known.is_of(&change))
            {
                all.push(change);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_properties_file_is_read_and_what_means_nothing_is_told() {
        let mut settings = Settings::default();
        let text = "# mine\n! yours\n\nrequest.required.acks = 1\nacks=all\nenable.auto.commit=true\nsasl.mechanism=PLAIN\nmin.insync.replicas=1\n";
        settings.take_file(text).unwrap();
        settings.complete();
        assert_eq!(settings.value("acks"), Some("all"));
        assert_eq!(settings.value("enable.auto.offset.store"), Some("true"));
        assert_eq!(settings.unheeded, ["sasl.mechanism"]);
        let changes: Vec<String> = settings.changes().iter().map(Setting::text).collect();
        let expected = [
            "enable.auto.commit=false",
            "min.insync.replicas=2",
            "enable.auto.offset.store=false",
        ];
        assert_eq!(changes, expected);
        let sets = settings.sets(&[Setting::new(Of::Topic, "min.insync.replicas", "2")]);
        assert!(sets.contains(&"bus.kafka.topics.{topic}.min.insync.replicas=2".to_owned()));
        assert!(settings.take("acks").is_err());
    }
}

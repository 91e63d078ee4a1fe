//! What a system file says: services, entry, topics and sinks. Pure data; the harness has no code path of its own
//! for any system.
//!
//! Texts marked *template* may hold `{{name}}` slots that the harness fills at run time; see
//! [`crate::template::SYSTEM_SLOTS`].

pub(crate) mod cross;
pub(crate) mod read;

pub use squall_check::Semantics;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A system under test, typed and checked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SystemSpec {
    pub name: String,
    pub description: String,
    /// The file it came from, as written in the scenario; empty when it was written inline.
    pub file: String,
    /// Folder of the system file: relative working directories are relative to it.
    pub folder: String,
    /// In file order, which is also the order of starting.
    pub services: Vec<ServiceSpec>,
    pub entry: EntrySpec,
    /// Topics that the system needs, in file order. The scenario's `bus.kafka.topics` overrides single settings.
    pub topics: Vec<TopicSettings>,
    /// In file order: the index is the `place` of [`squall_check::Op`] for effects and dead letters.
    pub sinks: Vec<SinkSpec>,
    /// Servers of somebody else's that services use: name to `HOST:PORT`. The way there is a proxy, as to a sink that Squall serves.
    #[serde(default)]
    pub servers: BTreeMap<String, String>,
}

/// One service: a command started once per replica, each in a process group of its own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServiceSpec {
    pub name: String,
    /// Program and arguments, each a template.
    pub command: Vec<String>,
    /// Variable to template.
    pub environment: BTreeMap<String, String>,
    /// Template; relative to [`SystemSpec::folder`]. `None`: the run's folder.
    pub working_directory: Option<String>,
    pub ready: Ready,
    /// How long it may take to become ready; else the scenario's `timing.ready`.
    pub ready_within_ns: Option<u64>,
    /// Named ports in file order with their usual numbers. A run gives each replica free ones instead;
    /// `{{port}}` is the first, `{{port.NAME}}` a named one.
    pub ports: Vec<PortSpec>,
    /// Default number of processes; `system.scale` of the scenario overrides it.
    pub replicas: u32,
    /// Consumer group, as fault targets and lag name it.
    pub group: Option<String>,
    /// Planted bugs that a scenario may switch on, by name.
    pub bugs: Vec<BugSpec>,
    /// Time between SIGTERM and SIGKILL.
    pub stop_timeout_ns: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PortSpec {
    pub name: String,
    pub number: u16,
}

/// When a service counts as ready.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// A GET of `path` on the named port answers 2xx.
    Http { port: String, path: String },
    /// The named port accepts a connection.
    Port { port: String },
    /// A line of its output contains the text.
    Log { text: String },
    /// It runs; the steady-state gate shows the rest.
    Running,
}

/// A planted bug: what changes in the service when it is on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BugSpec {
    pub name: String,
    pub description: String,
    /// Laid over [`ServiceSpec::environment`].
    pub environment: BTreeMap<String, String>,
    /// Appended to the command.
    pub arguments: Vec<String>,
}

/// How events get in, and their default body. At least one of `http` and `topic` is there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EntrySpec {
    pub http: Option<HttpEntry>,
    pub topic: Option<TopicEntry>,
    /// Any YAML value with load templates inside its strings. A string is sent as it is, all else as JSON.
    pub body: Option<serde_json::Value>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HttpEntry {
    pub method: String,
    /// Begins with `/`.
    pub path: String,
    pub service: String,
    /// Name of the service's port that takes the requests.
    pub port: String,
    pub id: IdPlace,
    /// Header to load template.
    pub headers: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TopicEntry {
    pub name: String,
    pub id: IdPlace,
    /// Header to load template.
    pub headers: BTreeMap<String, String>,
}

/// Where the id of an event (`{seed}-{stream}-{sequence}`) travels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdPlace {
    /// A header of the record, request or mail.
    Header(String),
    /// A JSON pointer (RFC 6901) into the body.
    Json(String),
    /// The record's key.
    Key,
    /// Anywhere in the file's name.
    FileName,
    /// Anywhere in the body or file: the first text of the run's id form.
    Body,
}

/// A topic as a system or a scenario writes it; what is `None` takes its default when all is laid together.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TopicSettings {
    pub name: String,
    pub partitions: Option<u32>,
    pub replicas: Option<u32>,
    pub min_insync_replicas: Option<u32>,
    /// Other topic configuration under Kafka's own names.
    pub config: BTreeMap<String, String>,
}

/// A topic of the cluster, complete.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: u32,
    pub replicas: u32,
    pub min_insync_replicas: u32,
    /// Other topic configuration under Kafka's own names.
    pub config: BTreeMap<String, String>,
}

/// A place where the effect of an event must show.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SinkSpec {
    pub name: String,
    pub store: SinkStore,
    /// Squall itself takes the effects and keeps them in the store: a service reaches it at `{{sink.NAME}}`.
    #[serde(default)]
    pub served: Option<Served>,
    /// Where the sink's service puts what it gave up on.
    pub dead_letters: Option<DeadLetterSpec>,
    /// Consumer group whose lag tells what is in flight.
    pub group: Option<String>,
    /// Event types (`type` of the body) that show here; empty: all.
    pub events: Vec<String>,
    /// Held to this when the scenario names no other.
    pub semantics: Semantics,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SinkStore {
    /// One file an effect. `path` is a template; files directly in it count, and those of `new/` and `cur/` when it is
    /// a maildir.
    Directory { path: String, id: IdPlace },
    /// One row an effect. `path` is a template. Reads `SELECT rowid, {column} FROM {table} WHERE rowid > ?`, or
    /// `query`, which yields (position, id) and may use `:after`.
    Sqlite {
        path: String,
        table: String,
        column: String,
        query: Option<String>,
    },
    /// One record an effect.
    Topic { name: String, id: IdPlace },
    /// One row an effect, in a PostgreSQL server that Squall starts for the run, with a database of this name.
    Postgres {
        database: String,
        table: String,
        column: String,
    },
    /// One mail an effect, in a mail catcher that Squall starts for the run. The event's id is in the Message-ID.
    Mails(Catcher),
}

/// A server that takes mails and keeps them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Catcher {
    Mailpit,
}

/// User and password of a database that Squall starts: it holds nothing but made-up events, on loopback.
pub const DATABASE_USER: &str = "squall";

/// Where a database that Squall starts is reached at `HOST:PORT`.
#[must_use]
pub fn postgres_url(at: &str, database: &str) -> String {
    format!("postgres://{DATABASE_USER}:{DATABASE_USER}@{at}/{database}")
}

/// What Squall speaks where it takes the effects of a sink.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Served {
    /// A mail server (RFC 5321) that files each mail in the sink's folder.
    Smtp,
    /// A server that takes POST and PUT at this path and files each in the sink's folder.
    Http { path: String },
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeadLetterSpec {
    pub topic: String,
    pub id: IdPlace,
}

impl SinkSpec {
    /// Its effects go to a server that is started for the run, in a container.
    #[must_use]
    pub const fn in_container(&self) -> bool {
        matches!(self.store, SinkStore::Postgres { .. } | SinkStore::Mails(_))
    }

    /// How services are told of its server, where that is a container: a template.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let slot = format!("{{{{sink.{}}}}}", self.name);
        match &self.store {
            SinkStore::Postgres { database, .. } => Some(postgres_url(&slot, database)),
            SinkStore::Mails(_) => Some(format!("smtp://{slot}")),
            _ => None,
        }
    }

    /// What a query asks, if its effects are rows: the path of a file or an address, a template either way.
    #[must_use]
    pub fn database(&self) -> Option<String> {
        match &self.store {
            SinkStore::Sqlite { path, .. } => Some(path.clone()),
            SinkStore::Postgres { .. } => self.url(),
            _ => None,
        }
    }

    /// Services reach it at `{{sink.NAME}}`.
    #[must_use]
    pub const fn is_reached(&self) -> bool {
        self.served.is_some() || self.in_container()
    }
}

impl SystemSpec {
    /// Consumer groups of services.
    #[must_use]
    pub fn service_groups(&self) -> BTreeSet<&str> {
        let services = self.services.iter();
        services
            .filter_map(|service| service.group.as_deref())
            .collect()
    }

    /// Consumer groups of services and sinks.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<&str> {
        let mut groups = self.service_groups();
        groups.extend(self.sinks.iter().filter_map(|sink| sink.group.as_deref()));
        groups
    }

    #[must_use]
    pub fn service(&self, name: &str) -> Option<&ServiceSpec> {
        self.services.iter().find(|service| service.name == name)
    }

    #[must_use]
    pub fn sink(&self, name: &str) -> Option<&SinkSpec> {
        self.sinks.iter().find(|sink| sink.name == name)
    }
}

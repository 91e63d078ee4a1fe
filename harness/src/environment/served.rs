//! The sinks that Squall serves itself, and what can be done to any sink.

use super::mail_server::{MailServer, Posts};
use super::placement::{Surroundings, fill};
use super::{Environment, EnvironmentError};
use squall_plan::Plan;
use squall_plan::system::{Served as How, SinkStore};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What services reach by a name: servers of a run, by sink, and those of somebody else.
#[derive(Default)]
pub struct Served {
    own: BTreeMap<String, Arc<MailServer>>,
    others: BTreeMap<String, SocketAddr>,
    /// Where Squall itself reaches the servers of sinks in containers; others do by the environment's own ways.
    containers: BTreeMap<String, SocketAddr>,
}

/// Where the effects of a sink go.
pub enum SinkAt {
    /// To a mail server of Squall's own.
    Mail(Arc<MailServer>),
    /// To a database file.
    Sqlite { path: PathBuf },
    /// To a server in a container of the run's.
    Container { direct: SocketAddr },
    /// To a server of somebody else's.
    Elsewhere,
}

impl Served {
    /// # Errors
    /// When a port or a folder cannot be had.
    pub fn start(plan: &Plan, run_folder: &Path) -> Result<Self, EnvironmentError> {
        let around = Surroundings {
            bootstrap: String::new(),
            run: std::path::absolute(run_folder).unwrap_or_else(|_| run_folder.to_owned()),
            squall: PathBuf::new(),
        };
        let mut servers = BTreeMap::new();
        for sink in &plan.system.spec.sinks {
            let (Some(how), SinkStore::Directory { path, id }) = (&sink.served, &sink.store) else {
                continue;
            };
            let posts = match how {
                How::Smtp => None,
                How::Http { path } => Some(Posts {
                    path: path.clone(),
                    id: id.clone(),
                }),
            };
            // One that nobody is told of would only make a folder where a service expects none.
            if !plan.system.tells_of(&sink.name) {
                continue;
            }
            let folder = PathBuf::from(fill(path, plan, &around)?);
            let server = MailServer::speaking(&folder, plan.seed, posts);
            let server = server.map_err(|error| EnvironmentError::Served {
                sink: sink.name.clone(),
                error,
            })?;
            servers.insert(sink.name.clone(), Arc::new(server));
        }
        Ok(Self {
            own: servers,
            others: others(plan)?,
            containers: BTreeMap::new(),
        })
    }

    /// With the servers of sinks in containers, by sink.
    #[must_use]
    pub fn with_containers(self, containers: BTreeMap<String, SocketAddr>) -> Self {
        Self { containers, ..self }
    }

    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let own = self.own.keys().chain(self.containers.keys());
        own.chain(self.others.keys()).cloned().collect()
    }

    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        let own = self.own.iter();
        let mut all: BTreeMap<String, SocketAddr> = own
            .map(|(name, server)| (name.clone(), server.address()))
            .collect();
        all.extend(self.others.clone());
        all
    }

    #[must_use]
    pub fn sink(&self, name: &str) -> Option<SinkAt> {
        if let Some(server) = self.own.get(name) {
            return Some(SinkAt::Mail(Arc::clone(server)));
        }
        if let Some(direct) = self.containers.get(name).copied() {
            return Some(SinkAt::Container { direct });
        }
        self.others.get(name).map(|_| SinkAt::Elsewhere)
    }
}

/// Where the servers of somebody else are.
fn others(plan: &Plan) -> Result<BTreeMap<String, SocketAddr>, EnvironmentError> {
    let mut others = BTreeMap::new();
    for (name, address) in &plan.system.spec.servers {
        let unknown = |error| EnvironmentError::Served {
            sink: name.clone(),
            error,
        };
        let mut resolved = address.to_socket_addrs().map_err(unknown)?;
        let first = resolved
            .next()
            .ok_or_else(|| unknown(io::ErrorKind::NotFound.into()))?;
        others.insert(name.clone(), first);
    }
    Ok(others)
}

/// Of each sink to which connections were made that no fault could reach, text for users.
pub fn past_the_faults(env: &dyn Environment) -> Vec<String> {
    let past = |sink: String| {
        let Some(SinkAt::Mail(server)) = env.sink(&sink) else {
            return None;
        };
        // Asked in this order, so that one that is being made is no evidence of another way.
        let taken = server.accepted();
        let past = taken.saturating_sub(env.network().connections_to_sink(&sink));
        (past > 0).then(|| {
            format!(
                "{past} of {taken} connections to sink {sink} did not pass the fault proxy, so no fault reached them: a service must take its address from {{{{sink.{sink}}}}} alone"
            )
        })
    };
    env.served_sinks().into_iter().filter_map(past).collect()
}

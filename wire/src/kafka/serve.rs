//! A cluster for anyone's tests: what `squall serve kafka` runs.

use super::{Cluster, ClusterConfig, StartError};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use thiserror::Error;

/// Options of `squall serve kafka`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServeOptions {
    pub brokers: i32,
    /// Port of the first broker, the others follow; `None` takes free ones.
    pub port: Option<u16>,
    /// Kafka's own names.
    pub broker_properties: BTreeMap<String, String>,
    /// Where the segment files go; `None` is a temporary folder that is removed at the end.
    pub data_dir: Option<PathBuf>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            brokers: 3,
            port: Some(9092),
            broker_properties: BTreeMap::new(),
            data_dir: None,
        }
    }
}

/// Why serving ended badly.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{brokers} brokers from port {port} on go past 65535; choose a lower port")]
    PortRange { brokers: i32, port: u16 },
    #[error("cannot write to the output: {0}")]
    Output(#[from] std::io::Error),
}

/// Starts a cluster, prints its bootstrap addresses once it is ready, and runs until `stop` brings something or its sender is gone.
///
/// # Errors
/// When the cluster does not start or `out` cannot be written.
pub fn serve(
    options: &ServeOptions,
    out: &mut impl Write,
    stop: &Receiver<()>,
) -> Result<(), ServeError> {
    serve_with(options, out, |_, _| {
        // A message or a sender that is gone: both mean stop.
        let _ = stop.recv();
    })
}

/// As [`serve`], for as long as `while_up` takes, which has the cluster and may say more than its addresses.
///
/// # Errors
/// As [`serve`].
pub fn serve_with<T, W: Write>(
    options: &ServeOptions,
    out: &mut W,
    while_up: impl FnOnce(&Arc<Cluster>, &mut W) -> T,
) -> Result<T, ServeError> {
    let temporary = std::env::temp_dir().join(format!("squall-kafka-{}", std::process::id()));
    let data_dir = options
        .data_dir
        .clone()
        .unwrap_or_else(|| temporary.clone());
    let config = ClusterConfig {
        ports: ports(options)?,
        broker_properties: options.broker_properties.clone(),
        ..ClusterConfig::new(options.brokers, data_dir)
    };
    let cluster = Arc::new(Cluster::start(config)?);
    let said = writeln!(out, "{}", cluster.bootstrap()).and_then(|()| out.flush());
    let result = said.map(|()| while_up(&cluster, out));
    drop(cluster);
    if options.data_dir.is_none() {
        // What cannot be removed is left to the system's own cleaning of its temporary folder.
        let _ = std::fs::remove_dir_all(&temporary);
    }
    Ok(result?)
}

fn ports(options: &ServeOptions) -> Result<Option<Vec<u16>>, ServeError> {
    let Some(first) = options.port.filter(|port| *port != 0) else {
        return Ok(None);
    };
    let port = |index: i32| u16::try_from(i32::from(first) + index).ok();
    let ports: Option<Vec<_>> = (0..options.brokers).map(port).collect();
    ports.map(Some).ok_or(ServeError::PortRange {
        brokers: options.brokers,
        port: first,
    })
}

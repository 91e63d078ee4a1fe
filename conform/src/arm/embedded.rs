//! Our own cluster, in virtual time: what is seen depends on the steps alone.

use super::{Arm, ArmError, BROKERS};
use crate::step::Act;
use squall_model::kafka::Defects;
use squall_wire::kafka::{Clock, Cluster, ClusterConfig, CommandError, Sent};
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

/// Patience in wall time for what is there already or comes at once.
const AT_ONCE: Duration = Duration::from_secs(30);

/// A fresh embedded cluster.
pub struct Embedded {
    cluster: Cluster,
    _folder: TempDir,
}

/// Settings that both arms run with, beside those of processes and ports.
pub const PROPERTIES: &[(&str, &str)] = &[
    ("broker.heartbeat.interval.ms", "200"),
    ("broker.session.timeout.ms", "2000"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "100"),
    ("offsets.topic.num.partitions", "1"),
    ("offsets.topic.replication.factor", "3"),
    ("auto.create.topics.enable", "false"),
];

const OURS: &[(&str, &str)] = &[
    // Shorter than a session, so that a leader misses its followers before the controller does.
    ("replica.lag.time.max.ms", "800"),
    // One batch at a time, so that a follower that fell behind stays behind for some fetches.
    ("replica.fetch.max.bytes", "1"),
];

impl Embedded {
    /// # Errors
    /// When the cluster does not start.
    pub fn start(defects: Defects) -> Result<Self, ArmError> {
        let folder = tempfile::tempdir()?;
        let mut config = ClusterConfig::new(BROKERS, folder.path().to_owned());
        config.clock = Clock::Virtual;
        config.defects = defects;
        config.start_timeout = AT_ONCE;
        config.broker_properties = PROPERTIES
            .iter()
            .chain(OURS)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Ok(Self {
            cluster: Cluster::start(config)?,
            _folder: folder,
        })
    }

    /// From the other brokers and from the controller, which is number 0; both ways.
    fn isolate(&self, broker: i32, isolated: bool) -> Result<(), CommandError> {
        for other in (0..=BROKERS).filter(|other| *other != broker) {
            self.cluster.set_blocked(broker, other, isolated)?;
            self.cluster.set_blocked(other, broker, isolated)?;
        }
        Ok(())
    }
}

impl Arm for Embedded {
    fn address(&self, broker: i32) -> SocketAddr {
        let index = usize::try_from(broker - 1).unwrap_or(0);
        self.cluster.addresses()[index]
    }

    fn act(&mut self, broker: i32, act: Act) -> Result<(), ArmError> {
        let cluster = &self.cluster;
        Ok(match act {
            Act::Kill => cluster.kill(broker),
            Act::LosePower => cluster.lose_power(broker),
            Act::ShutDown => cluster.shut_down(broker),
            Act::Restart => cluster.restart(broker),
            Act::Pause => cluster.pause(broker),
            Act::Resume => cluster.resume(broker),
            Act::Isolate => self.isolate(broker, true),
            Act::Rejoin => self.isolate(broker, false),
        }?)
    }

    fn pass(&mut self, ms: u64) -> Result<(), ArmError> {
        self.work(&[], ms).map(drop)
    }

    fn work(&mut self, sent: &[Sent], ms: u64) -> Result<Vec<Sent>, ArmError> {
        let until_answered = !sent.is_empty();
        let duration = Duration::from_millis(ms);
        Ok(self.cluster.pass(duration, until_answered, sent.to_vec())?)
    }

    fn read_timeout(&self, _ms: u64) -> Duration {
        AT_ONCE
    }

    fn rest_ms(&self) -> u64 {
        30
    }
}

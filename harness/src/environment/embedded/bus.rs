//! The embedded cluster as a [`Bus`].

use super::coordinator;
use super::facts::Pump;
use super::view::View;
use crate::environment::EnvironmentError;
use crate::environment::bus::{self, Bus, DiskSeen, Leadership};
use crate::environment::happenings::Happenings;
use crate::environment::notes::Notes;
use crate::environment::ports::PortLease;
use squall_plan::scenario;
use squall_plan::system::TopicSpec;
use squall_wire::kafka::{
    Cluster, ClusterConfig, CommandError, Disk, LinkConfig, PartitionName, TopicConfig,
};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

const TOPICS_WITHIN: Duration = Duration::from_secs(10);

pub struct EmbeddedBus {
    /// `None` once it was shut down.
    cluster: RwLock<Option<Cluster>>,
    view: Arc<View>,
    pump: Mutex<Option<Pump>>,
    /// Below the range of outgoing connections, so that nobody takes the port of a dead broker, and no client of one
    /// connects to itself.
    ports: Vec<PortLease>,
}

impl EmbeddedBus {
    /// # Errors
    /// [`EnvironmentError::Bus`], [`EnvironmentError::Ports`].
    pub fn start(
        plan: &scenario::Cluster,
        run_folder: &Path,
        notes: &Arc<dyn Notes>,
        happenings: &Arc<Happenings>,
    ) -> Result<Self, EnvironmentError> {
        let take = |_| PortLease::take().map_err(EnvironmentError::Ports);
        let ports: Vec<PortLease> = (0..plan.brokers).map(take).collect::<Result<_, _>>()?;
        let cluster = Cluster::start(config(plan, run_folder, &ports))
            .map_err(|error| EnvironmentError::Bus(error.to_string()))?;
        let view = Arc::new(View::default());
        // Topics come after the facts are listened to, so that their first leaders are known.
        let facts = cluster.facts().map_err(broken)?;
        let pump = Pump::start(facts, &view, notes, happenings)
            .map_err(|error| EnvironmentError::Bus(format!("no thread to watch them: {error}")))?;
        let topics: Vec<TopicConfig> = plan.topics.iter().map(topic).collect();
        if !topics.is_empty() {
            cluster.create_topics(topics).map_err(broken)?;
            cluster.wait_ready(TOPICS_WITHIN).map_err(broken)?;
        }
        Ok(Self {
            cluster: RwLock::new(Some(cluster)),
            view,
            pump: Mutex::new(Some(pump)),
            ports,
        })
    }

    /// Where the brokers listen, by number.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.ports.iter().map(address).collect()
    }

    /// # Errors
    /// What the cluster said, or that it was shut down.
    pub fn with_cluster<T>(
        &self,
        what: impl FnOnce(&Cluster) -> Result<T, CommandError>,
    ) -> Result<T, String> {
        let held = self.cluster.read().unwrap_or_else(PoisonError::into_inner);
        let cluster = held.as_ref().ok_or("the brokers were shut down")?;
        what(cluster).map_err(|error| error.to_string())
    }

    fn ask(
        &self,
        broker: u32,
        what: impl FnOnce(&Cluster, i32) -> Result<(), CommandError>,
    ) -> Result<(), String> {
        let broker = i32::try_from(broker).map_err(|_| "there is no such broker")?;
        self.with_cluster(|cluster| what(cluster, broker))
    }
}

impl Bus for EmbeddedBus {
    fn bootstrap(&self) -> String {
        let addresses = self.ports.iter().map(|port| address(port).to_string());
        addresses.collect::<Vec<_>>().join(",")
    }

    fn address(&self, broker: u32) -> Option<SocketAddr> {
        let index = usize::try_from(broker).ok()?.checked_sub(1)?;
        self.ports.get(index).map(address)
    }

    fn leaders(&self) -> Vec<Leadership> {
        self.view.leaders()
    }

    fn brokers(&self) -> Vec<u32> {
        (1..).take(self.ports.len()).collect()
    }

    fn followers(&self, topic: &str, partition: u32) -> Vec<u32> {
        let place = PartitionName {
            topic: topic.into(),
            partition: partition.cast_signed(),
        };
        let Ok(snapshot) = self.with_cluster(Cluster::snapshot) else {
            return Vec::new();
        };
        let Some(found) = snapshot.partitions.get(&place) else {
            return Vec::new();
        };
        let followers = found
            .log_ends
            .keys()
            .filter(|id| Some(**id) != found.leader);
        followers.filter_map(|id| u32::try_from(*id).ok()).collect()
    }

    fn coordinator(&self, group: &str) -> Option<u32> {
        // A dead broker refuses, and any that lives knows.
        let mut answers = self.ports.iter().filter_map(|port| {
            let answer = coordinator::ask(address(port), group);
            answer.ok()
        });
        answers.next().flatten()
    }

    /// The controller is a node of its own here.
    fn controller(&self) -> Option<u32> {
        None
    }

    fn kill(&self, broker: u32) -> Result<(), String> {
        self.ask(broker, Cluster::kill)
    }

    fn lose_power(&self, broker: u32) -> Result<(), String> {
        self.ask(broker, Cluster::lose_power)
    }

    fn stop_broker(&self, broker: u32) -> Result<(), String> {
        self.ask(broker, Cluster::shut_down)
    }

    fn pause(&self, broker: u32) -> Result<(), String> {
        self.ask(broker, Cluster::pause)
    }

    fn resume(&self, broker: u32) -> Result<(), String> {
        self.ask(broker, Cluster::resume)
    }

    fn set_disk(&self, broker: u32, disk: bus::Disk) -> Result<(), String> {
        let disk = match disk {
            bus::Disk::Sound => Disk::Sound,
            bus::Disk::Full => Disk::Full,
            bus::Disk::Slow(by) => Disk::Slow(by),
        };
        self.ask(broker, |cluster, broker| cluster.set_disk(broker, disk))
    }

    fn disk_seen(&self, broker: u32) -> Result<DiskSeen, String> {
        let broker = i32::try_from(broker).map_err(|_| "there is no such broker")?;
        let stats = self.with_cluster(|cluster| cluster.disk_stats(broker))?;
        Ok(DiskSeen {
            halts: stats.halts,
            slow_writes: stats.slow_writes,
        })
    }

    fn await_in_sync(&self, within: Duration) -> Result<(), String> {
        self.with_cluster(|cluster| cluster.wait_ready(within))
    }

    fn start_broker(&self, broker: u32) -> Result<(), String> {
        self.ask(broker, Cluster::restart)
    }

    fn shut_down(&self) {
        let mut held = self.cluster.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = held.take() {
            cluster.stop();
        }
        let mut pump = self.pump.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pump) = pump.take() {
            pump.finish();
        }
    }
}

impl Drop for EmbeddedBus {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn address(port: &PortLease) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()))
}

fn broken(error: CommandError) -> EnvironmentError {
    EnvironmentError::Bus(error.to_string())
}

fn config(plan: &scenario::Cluster, run_folder: &Path, ports: &[PortLease]) -> ClusterConfig {
    let brokers = i32::try_from(plan.brokers).unwrap_or(i32::MAX);
    ClusterConfig {
        ports: Some(ports.iter().map(PortLease::number).collect()),
        broker_properties: broker_properties(plan),
        links: ordinary_link(plan),
        ..ClusterConfig::new(brokers, run_folder.to_owned())
    }
}

fn topic(spec: &TopicSpec) -> TopicConfig {
    let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
    let replicas = i16::try_from(spec.replicas).unwrap_or(i16::MAX);
    let mut topic = TopicConfig::new(&spec.name, partitions, replicas);
    topic.configs.clone_from(&spec.config);
    let least = spec.min_insync_replicas.to_string();
    topic
        .configs
        .insert("min.insync.replicas".to_owned(), least);
    topic
}

/// The scenario's settings over ours. Kafka's 3 s before the first rebalance of a group would begin every run with idle seconds;
/// none at all would let the first replica join alone, and the second wait for its next heartbeat. Replicas start within 200 ms.
fn broker_properties(plan: &scenario::Cluster) -> BTreeMap<String, String> {
    let ours = BTreeMap::from([(
        "group.initial.rebalance.delay.ms".to_owned(),
        "200".to_owned(),
    )]);
    ours.into_iter().chain(plan.broker.clone()).collect()
}

/// A link between brokers when no fault acts on it.
pub fn ordinary_link(plan: &scenario::Cluster) -> LinkConfig {
    LinkConfig {
        latency: Duration::from_nanos(plan.links.latency_ns),
        jitter: Duration::ZERO,
        bandwidth_bytes_per_s: plan.links.bandwidth_bytes_per_s,
    }
}

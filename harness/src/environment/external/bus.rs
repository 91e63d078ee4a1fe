//! A cluster of others' as a [`Bus`]: it is asked and never touched.

use super::tidy::Tidy;
use crate::environment::EnvironmentError;
use crate::environment::bus::{Bus, Leadership};
use crate::environment::embedded::coordinator;
use crate::environment::interrupt::{Interrupt, Registered};
use crate::environment::notes::Notes;
use crate::environment::proxied::Proxied;
use crate::environment::until::until;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::Metadata;
use squall_plan::Plan;
use squall_proxy::kafka::Endpoint;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const ASK_WITHIN: Duration = Duration::from_secs(5);
const TOPICS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const NOT_OURS: &str = "the brokers are not Squall's";

pub struct ExternalBus {
    /// The way of Squall's own clients.
    bootstrap: String,
    brokers: Vec<u32>,
    topics: Vec<String>,
    asks: BaseConsumer,
    tidy: Arc<Tidy>,
    /// A second Ctrl-C leaves nothing behind either.
    _at_second: Option<Registered>,
    /// Ends last: everything above goes through it.
    _way: Proxied,
}

impl ExternalBus {
    /// Makes the topics. From here on they are taken away again, whatever happens.
    ///
    /// # Errors
    /// When the cluster refuses, or has no leaders for them in time.
    pub fn start(
        plan: &Plan,
        brokers: &[Endpoint],
        way: Proxied,
        bootstrap: String,
        notes: Arc<dyn Notes>,
    ) -> Result<Self, EnvironmentError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &bootstrap)
            .set("client.id", "squall");
        let refused =
            |error: rdkafka::error::KafkaError| EnvironmentError::Unreachable(error.to_string());
        let tidy = Arc::new(Tidy::new(&config, &plan.cluster.prefix, notes).map_err(refused)?);
        let interrupt = Interrupt::listen().ok();
        let at_second = Arc::clone(&tidy);
        let bus = Self {
            _at_second: interrupt.map(|all| all.at_second(move || at_second.run())),
            brokers: brokers
                .iter()
                .filter_map(|broker| u32::try_from(broker.node).ok())
                .collect(),
            topics: plan
                .cluster
                .topics
                .iter()
                .map(|topic| topic.name.clone())
                .collect(),
            asks: config.create().map_err(refused)?,
            tidy,
            bootstrap,
            _way: way,
        };
        let made = bus.tidy.make(&plan.cluster.topics);
        made.map_err(EnvironmentError::Unreachable)?;
        bus.await_in_sync(TOPICS_WITHIN)
            .map_err(EnvironmentError::Unreachable)?;
        Ok(bus)
    }

    fn ask(&self) -> Option<Metadata> {
        self.asks.fetch_metadata(None, ASK_WITHIN).ok()
    }

    /// Each partition of the run's topics, with its leader, its replicas and those in sync.
    fn partitions(&self) -> Vec<Partition> {
        let Some(metadata) = self.ask() else {
            return Vec::new();
        };
        let topics = metadata.topics().iter();
        let ours = topics.filter(|topic| self.topics.iter().any(|name| name == topic.name()));
        let numbers = |ids: &[i32]| {
            ids.iter()
                .filter_map(|id| u32::try_from(*id).ok())
                .collect()
        };
        let partitions = ours.flat_map(|topic| {
            topic.partitions().iter().filter_map(move |one| {
                Some(Partition {
                    place: Leadership {
                        topic: topic.name().to_owned(),
                        partition: u32::try_from(one.id()).ok()?,
                        leader: u32::try_from(one.leader()).ok(),
                    },
                    replicas: numbers(one.replicas()),
                    in_sync: one.isr().len(),
                })
            })
        });
        partitions.collect()
    }
}

struct Partition {
    place: Leadership,
    replicas: Vec<u32>,
    in_sync: usize,
}

impl Bus for ExternalBus {
    fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    fn address(&self, broker: u32) -> Option<SocketAddr> {
        let at = self.brokers.iter().position(|known| *known == broker)?;
        self.bootstrap.split(',').nth(at)?.parse().ok()
    }

    fn leaders(&self) -> Vec<Leadership> {
        let partitions = self.partitions().into_iter();
        partitions.map(|partition| partition.place).collect()
    }

    fn brokers(&self) -> Vec<u32> {
        self.brokers.clone()
    }

    fn followers(&self, topic: &str, partition: u32) -> Vec<u32> {
        let mut all = self.partitions().into_iter();
        let found = all.find(|one| one.place.topic == topic && one.place.partition == partition);
        let Some(found) = found else {
            return Vec::new();
        };
        let mut followers = found.replicas;
        followers.retain(|id| Some(*id) != found.place.leader);
        followers
    }

    fn coordinator(&self, group: &str) -> Option<u32> {
        let mut addresses = self.bootstrap.split(',').filter_map(|at| at.parse().ok());
        addresses.find_map(|address| coordinator::ask(address, group).ok().flatten())
    }

    fn controller(&self) -> Option<u32> {
        None
    }

    fn kill(&self, _: u32) -> Result<(), String> {
        Err(NOT_OURS.to_owned())
    }

    fn start_broker(&self, _: u32) -> Result<(), String> {
        Err(NOT_OURS.to_owned())
    }

    fn await_in_sync(&self, within: Duration) -> Result<(), String> {
        let whole =
            |one: &Partition| one.place.leader.is_some() && one.in_sync >= one.replicas.len();
        let all_whole = || {
            let partitions = self.partitions();
            let named = |name: &String| partitions.iter().any(|one| one.place.topic == *name);
            self.topics.iter().all(named) && partitions.iter().all(whole)
        };
        match until(within, LOOK_EVERY, all_whole) {
            true => Ok(()),
            false => Err(format!(
                "not every replica of the run's topics was in sync within {} s",
                within.as_secs()
            )),
        }
    }

    fn shut_down(&self) {
        self.tidy.run();
    }
}

impl Drop for ExternalBus {
    fn drop(&mut self) {
        self.shut_down();
    }
}

//! A cluster of others' as a [`Bus`]: it is asked and never touched.

use super::Way;
use super::left::{self, Left};
use super::tidy::{Broom, Tidy};
use super::watch::{self, Watch};
use crate::environment::EnvironmentError;
use crate::environment::bus::{Bus, Leadership};
use crate::environment::embedded::coordinator;
use crate::environment::happenings::Happenings;
use crate::environment::interrupt::{Interrupt, Registered};
use crate::environment::notes::Notes;
use crate::environment::owner::Owner;
use crate::environment::until::until;
use crate::environment::view::View;
use rdkafka::consumer::BaseConsumer;
use squall_plan::Plan;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const TOPICS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const NOT_OURS: &str = "the brokers are not Squall's";

pub struct ExternalBus {
    brokers: Vec<u32>,
    topics: Vec<String>,
    asks: BaseConsumer,
    watch: Watch,
    tidy: Arc<Tidy>,
    /// A second Ctrl-C leaves nothing behind either.
    _at_second: Option<Registered>,
    /// Ends last: everything above goes through it.
    way: Way,
}

impl ExternalBus {
    /// Makes the topics, where nothing is left of runs that were killed. From here on they are taken away again, whatever happens.
    ///
    /// # Errors
    /// When the cluster refuses, or has no leaders for them in time.
    pub fn start(
        plan: &Plan,
        run_folder: &Path,
        way: Way,
        notes: &Arc<dyn Notes>,
        happenings: &Arc<Happenings>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self, EnvironmentError> {
        let config = way.config();
        let refused =
            |error: rdkafka::error::KafkaError| EnvironmentError::Unreachable(error.to_string());
        let prefix = &plan.cluster.prefix;
        let broom = Broom::new(&config, prefix).map_err(refused)?;
        let cluster = broom.cluster().unwrap_or_default();
        if let Some(reports) = run_folder.parent() {
            left::sweep_here(reports, &cluster, &config, say);
        }
        let record = Left {
            prefix: prefix.clone(),
            cluster,
            owner: Owner::this_process(),
        };
        let record = record.write(run_folder).map_err(|error| {
            EnvironmentError::Unreachable(format!(
                "nothing is made there without a note of it: {error}"
            ))
        })?;
        let tidy = Arc::new(Tidy::new(broom, record, Arc::clone(notes)));
        let interrupt = Interrupt::listen().ok();
        let at_second = Arc::clone(&tidy);
        let topics = plan.cluster.topics.iter();
        let topics: Vec<String> = topics.map(|topic| topic.name.clone()).collect();
        let groups = plan.system.spec.service_groups();
        let watched = watch::Watched {
            topics: topics.clone(),
            groups: groups.into_iter().map(str::to_owned).collect(),
        };
        let bus = Self {
            _at_second: interrupt.map(|all| all.at_second(move || at_second.run())),
            brokers: way
                .brokers
                .iter()
                .filter_map(|broker| u32::try_from(broker.node).ok())
                .collect(),
            topics,
            asks: config.create().map_err(refused)?,
            watch: Watch::start(watched, &config, notes, happenings)
                .map_err(EnvironmentError::Unreachable)?,
            tidy,
            way,
        };
        let made = bus.tidy.make(&plan.cluster.topics);
        made.map_err(EnvironmentError::Unreachable)?;
        bus.await_in_sync(TOPICS_WITHIN)
            .map_err(EnvironmentError::Unreachable)?;
        Ok(bus)
    }

    /// The run's topics as they are now.
    fn view(&self) -> View {
        watch::look(&self.asks, &self.topics).unwrap_or_default()
    }
}

impl Bus for ExternalBus {
    fn bootstrap(&self) -> String {
        self.way.bootstrap.clone()
    }

    fn address(&self, broker: u32) -> Option<SocketAddr> {
        let at = self.brokers.iter().position(|known| *known == broker)?;
        self.way.bootstrap.split(',').nth(at)?.parse().ok()
    }

    fn leaders(&self) -> Vec<Leadership> {
        self.view().leaders()
    }

    fn brokers(&self) -> Vec<u32> {
        self.brokers.clone()
    }

    fn followers(&self, topic: &str, partition: u32) -> Vec<u32> {
        let view = self.view();
        let Some(found) = view.partitions.get(&(topic.to_owned(), partition)) else {
            return Vec::new();
        };
        let replicas = found.replicas.iter().copied();
        replicas.filter(|id| Some(*id) != found.leader).collect()
    }

    fn coordinator(&self, group: &str) -> Option<u32> {
        let mut addresses = self
            .way
            .bootstrap
            .split(',')
            .filter_map(|at| at.parse().ok());
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
        let all_whole = || {
            let view = self.view();
            let named = |name: &String| view.partitions.keys().any(|(topic, _)| topic == name);
            self.topics.iter().all(named) && view.is_whole(view.brokers.len())
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
        self.watch.end();
        self.tidy.run();
    }
}

impl Drop for ExternalBus {
    fn drop(&mut self) {
        self.shut_down();
    }
}

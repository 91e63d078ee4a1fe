//! What the cluster tells of the run's own topics and groups: a thread asks who leads, who is in sync and who is in a group, and tells the
//! history and those who wait for consequences. Others' topics and groups are not asked for.

use crate::environment::happenings::{Happening, Happenings};
use crate::environment::notes::Notes;
use crate::environment::view::{Partition, View};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use squall_history::{Fact, What};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const ASK_WITHIN: Duration = Duration::from_secs(5);
/// Others use these brokers, too.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// As brokers call a group that is not about to rebalance.
const STABLE: &str = "Stable";

/// What is asked for.
pub struct Watched {
    pub topics: Vec<String>,
    pub groups: Vec<String>,
}

/// Topics as the cluster tells them now, those that it has.
pub fn look(asks: &BaseConsumer, topics: &[String]) -> KafkaResult<View> {
    let id = |id: &i32| u32::try_from(*id).ok();
    let mut view = View::default();
    for name in topics {
        let metadata = asks.fetch_metadata(Some(name), ASK_WITHIN)?;
        let brokers = metadata.brokers().iter().map(|broker| broker.id());
        view.brokers = brokers.filter_map(|number| id(&number)).collect();
        let found = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions());
        for one in found {
            let Some(number) = id(&one.id()) else {
                continue;
            };
            let known = Partition {
                leader: id(&one.leader()),
                epoch: None,
                replicas: one.replicas().iter().filter_map(id).collect(),
                in_sync: one.isr().iter().filter_map(id).collect(),
            };
            view.partitions.insert((name.clone(), number), known);
        }
    }
    Ok(view)
}

/// The thread.
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Watch {
    /// # Errors
    /// Text for users: no client or no thread can be had.
    pub fn start(
        watched: Watched,
        config: &ClientConfig,
        notes: &Arc<dyn Notes>,
        happenings: &Arc<Happenings>,
    ) -> Result<Self, String> {
        let over = Arc::new(AtomicBool::new(false));
        let asks: BaseConsumer = config.create().map_err(|error| error.to_string())?;
        let watching = Watching {
            watched,
            asks,
            notes: Arc::clone(notes),
            happenings: Arc::clone(happenings),
            over: Arc::clone(&over),
            groups: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new().name("cluster".to_owned());
        let thread = thread.spawn(move || watching.run());
        Ok(Self {
            over,
            thread: Mutex::new(Some(thread.map_err(|error| error.to_string())?)),
        })
    }

    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

struct Watching {
    watched: Watched,
    asks: BaseConsumer,
    notes: Arc<dyn Notes>,
    happenings: Arc<Happenings>,
    over: Arc<AtomicBool>,
    groups: BTreeMap<String, Members>,
}

/// Who is in a group, and how often that changed.
#[derive(Default)]
struct Members {
    ids: BTreeSet<String>,
    changes: i32,
}

impl Members {
    /// Those of a group that has come to rest; true when others were there before. The first ones are no change.
    fn are_now(&mut self, ids: BTreeSet<String>) -> bool {
        if ids.is_empty() || ids == self.ids {
            return false;
        }
        let before = std::mem::replace(&mut self.ids, ids);
        self.changes += i32::from(!before.is_empty());
        !before.is_empty()
    }
}

impl Watching {
    fn run(mut self) {
        let mut before = View::default();
        while !self.over.load(Ordering::Relaxed) {
            let seen = Instant::now();
            // A cluster that does not answer tells nothing; why not is in the proxy's log.
            if let Ok(view) = look(&self.asks, &self.watched.topics) {
                let tell = |fact: Fact| self.notes.note_at(seen, What::Fact(fact));
                view.tell_since(&before, &tell, &self.happenings);
                before = view;
            }
            for group in self.watched.groups.clone() {
                self.look_at(group);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn look_at(&mut self, group: String) {
        let Ok(listed) = self.asks.fetch_group_list(Some(&group), ASK_WITHIN) else {
            return;
        };
        let found = listed.groups().iter().find(|one| one.name() == group);
        let Some(found) = found.filter(|one| one.state() == STABLE) else {
            return;
        };
        let ids: BTreeSet<String> = found
            .members()
            .iter()
            .map(|one| one.id().to_owned())
            .collect();
        let count = ids.len();
        let known = self.groups.entry(group.clone()).or_default();
        if known.are_now(ids) {
            // The cluster does not tell the number of the generation: it is that of the changes that were seen.
            let generation = known.changes;
            self.notes
                .note(What::Fact(Fact::rebalanced(&group, generation, count)));
            self.happenings
                .saw(Happening::Rebalanced { group, generation });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_rebalanced_when_others_are_in_it_than_before() {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let mut members = Members::default();
        let mut now = |ids: &[&str]| members.are_now(set(ids));
        assert!(!now(&["a"]), "the first ones");
        assert!(!now(&["a"]));
        assert!(!now(&[]), "nobody is there to share anything");
        assert!(now(&["a", "b"]));
        assert!(now(&["b"]));
        assert!(!now(&["b"]));
        assert_eq!(members.changes, 2);
    }
}

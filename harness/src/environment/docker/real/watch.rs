//! What the brokers say of themselves: a thread asks who leads, who is in sync and who is there, and tells the history and those
//! who wait for consequences.
//!
//! It asks the broker that has followed the controller's log furthest: one that is cut off from the controller would go on telling
//! what was true before.

use super::client;
use super::layout::Layout;
use crate::environment::happenings::Happenings;
use crate::environment::notes::Notes;
use crate::environment::view::{Partition, View};
use kafka_protocol::messages::MetadataResponse;
use squall_history::{Fact, What};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A broker that dies shows at once: it no longer answers. One that is cut off stays behind; the log grows twice a second.
const CHOOSE_EVERY: Duration = Duration::from_secs(1);

impl View {
    pub fn of(answer: &MetadataResponse) -> Self {
        let id = |id: i32| u32::try_from(id).ok();
        let brokers = answer
            .brokers
            .iter()
            .filter_map(|broker| id(broker.node_id.0));
        let mut partitions = BTreeMap::new();
        for topic in &answer.topics {
            let Some(name) = &topic.name else { continue };
            for partition in &topic.partitions {
                let Some(number) = id(partition.partition_index) else {
                    continue;
                };
                let ids = |ids: &[kafka_protocol::messages::BrokerId]| {
                    ids.iter().filter_map(|one| id(one.0)).collect()
                };
                let known = Partition {
                    leader: id(partition.leader_id.0),
                    epoch: Some(partition.leader_epoch),
                    replicas: ids(&partition.replica_nodes),
                    in_sync: ids(&partition.isr_nodes),
                };
                partitions.insert((name.0.to_string(), number), known);
            }
        }
        Self {
            partitions,
            brokers: brokers.collect(),
        }
    }
}

/// The thread, and what it saw last.
pub struct Watch {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    layout: Arc<Layout>,
    view: Mutex<View>,
    /// The broker that is asked.
    asked: Mutex<Option<u32>>,
    notes: Arc<dyn Notes>,
    happenings: Arc<Happenings>,
    over: AtomicBool,
}

impl Watch {
    /// # Errors
    /// When no thread can be had.
    pub fn start(
        layout: &Arc<Layout>,
        notes: &Arc<dyn Notes>,
        happenings: &Arc<Happenings>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            layout: Arc::clone(layout),
            view: Mutex::default(),
            asked: Mutex::default(),
            notes: Arc::clone(notes),
            happenings: Arc::clone(happenings),
            over: AtomicBool::new(false),
        });
        let watching = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("brokers".to_owned());
        let thread = thread.spawn(move || watching.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub fn view(&self) -> View {
        self.shared.view().clone()
    }

    /// Asks at once, and not for what was seen last.
    pub fn fresh(&self) -> Option<View> {
        self.shared.look()
    }

    pub fn end(&self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let thread = self.thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut chosen = None;
        while !self.over.load(Ordering::Relaxed) {
            let fresh = chosen.is_some_and(|at: Instant| at.elapsed() < CHOOSE_EVERY);
            if !fresh {
                self.choose(None);
                chosen = Some(Instant::now());
            }
            let asked = *self.asked();
            match self.look() {
                Some(view) => self.take_in(view),
                // Once without the one that did not answer: it may have been the furthest before it fell silent.
                None => self.choose(asked),
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn asked(&self) -> MutexGuard<'_, Option<u32>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(&self, silent: Option<u32>) {
        let known = client::followed(self.layout.controller_direct());
        let others = known.into_iter().flatten();
        let others = others.filter(|(broker, _)| Some(*broker) != silent);
        let furthest = others.max_by_key(|(_, end)| *end);
        *self.asked() = furthest.map(|(broker, _)| broker);
    }

    fn look(&self) -> Option<View> {
        let asked = *self.asked();
        let answer = client::metadata(self.layout.direct(asked?)?).ok()?;
        Some(View::of(&answer))
    }

    fn take_in(&self, view: View) {
        let before = std::mem::replace(&mut *self.view(), view.clone());
        let seen = Instant::now();
        let tell = |fact: Fact| self.notes.note_at(seen, What::Fact(fact));
        view.tell_since(&before, &tell, &self.happenings);
    }
}

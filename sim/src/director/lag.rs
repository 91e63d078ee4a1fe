//! How far consumer groups are behind, looked at as the harness does on real processes. Nothing in the world notices: no event is made
//! for it, and the trace is the same without.

use crate::Detail;
use crate::kernel::{MS, Nanos, SECOND};
use crate::world::World;
use squall_history::What;
use squall_plan::Plan;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

const EVERY: Nanos = 200 * MS;
/// Partitions are told less often, so that an hour stays small; that one has none left is told at once.
const PARTITIONS_EVERY: Nanos = SECOND;

/// Writes each change of lag: samples of `lag` by group, and of `lag_partition` by group, topic and partition.
pub struct LagWatch {
    groups: Vec<String>,
    entry_topics: Vec<String>,
    next: Cell<Nanos>,
    partitions_next: Cell<Nanos>,
    told: RefCell<BTreeMap<Labels, u64>>,
}

type Labels = BTreeMap<String, String>;

impl LagWatch {
    /// Follows no group where a verdict is all that is wanted and no limit is on lag.
    pub fn new(plan: &Plan, detail: Detail) -> Self {
        let limits = plan.expect.thresholds.iter();
        let mut limited = limits.map(|limit| limit.metric.starts_with("lag_"));
        let wanted = detail == Detail::Full || limited.any(|is| is);
        Self {
            groups: if wanted { plan.groups() } else { Vec::new() },
            entry_topics: plan.entry_topics(),
            next: Cell::new(0),
            partitions_next: Cell::new(0),
            told: RefCell::default(),
        }
    }

    /// To be called after every event; looks when it is time.
    pub fn look(&self, world: &World) {
        let now = world.kernel.now();
        if now < self.next.get() {
            return;
        }
        self.next.set(now + EVERY);
        let with_partitions = now >= self.partitions_next.get();
        if with_partitions {
            self.partitions_next.set(now + PARTITIONS_EVERY);
        }
        for group in &self.groups {
            let Some(lags) = world.cluster.lags(group, &self.entry_topics) else {
                continue;
            };
            let of_group = BTreeMap::from([("group".to_owned(), group.clone())]);
            let due = |lag: u64| with_partitions || lag == 0;
            for ((topic, partition), lag) in lags.iter().filter(|(_, lag)| due(**lag)) {
                let mut labels = of_group.clone();
                labels.insert("topic".to_owned(), topic.clone());
                labels.insert("partition".to_owned(), partition.to_string());
                self.tell(world, "lag_partition", labels, *lag);
            }
            self.tell(world, "lag", of_group, lags.values().sum());
        }
    }

    fn tell(&self, world: &World, metric: &str, labels: Labels, lag: u64) {
        if self.told.borrow_mut().insert(labels.clone(), lag) == Some(lag) {
            return;
        }
        #[allow(clippy::cast_precision_loss)]
        let value = lag as f64;
        world.journal.untraced(What::Sample {
            metric: metric.to_owned(),
            labels,
            value,
        });
    }
}

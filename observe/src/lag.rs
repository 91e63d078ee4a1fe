//! How far consumer groups are behind, from their committed offsets and the ends of the logs.

use crate::effects::Watch;
use crate::error::TapError;
use crate::topic::client_config;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use squall_history::{Note, What};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(200);
const REQUEST: Duration = Duration::from_secs(2);
/// A partition's lag is written this often at most, unless it more than doubles, halves or returns to 0: a history of an hour
/// stays small.
const PARTITION_EVERY_NS: u64 = 1_000_000_000;
/// Partitions of a group whose lag is written, the first by topic and number: labels of a sample are bounded.
pub const PARTITIONS_MAX: usize = 128;

/// What to watch.
#[derive(Clone, Debug)]
pub struct LagSpec {
    pub groups: Vec<String>,
    /// Topics that groups may consume. A group that has committed on some of them is measured on those.
    pub topics: Vec<String>,
    /// Topics on which a group that has committed nowhere yet is measured: those that the load goes to.
    pub entry_topics: Vec<String>,
    /// librdkafka's, `bootstrap.servers` among them.
    pub settings: BTreeMap<String, String>,
}

/// One look at the groups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LagSample {
    /// When the look began, nanoseconds of the run.
    pub at_ns: u64,
    /// Group to records committed past by nobody yet; an error text where it could not be found out.
    pub groups: BTreeMap<String, Result<u64, String>>,
    /// When the first of the looks began that, without a break until this one, found no group behind. `None`: one is.
    pub clear_since_ns: Option<u64>,
}

/// Watches on a thread of its own until it is dropped. Writes each change of lag and of committed offsets into the history:
/// samples of `lag` by group, and of `lag_partition` by group, topic and partition.
pub struct LagWatch {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    latest: Mutex<LagSample>,
}

impl LagWatch {
    /// # Errors
    /// When librdkafka refuses the settings.
    pub fn start(spec: LagSpec, watch: Watch) -> Result<Self, TapError> {
        let shared = Arc::new(Shared::default());
        let mut consumers = Vec::new();
        for group in &spec.groups {
            let mut config = client_config(&spec.settings);
            config
                .set("group.id", group)
                .set("client.id", "squall-lag")
                .set("enable.auto.commit", "false");
            // It never subscribes, so it never joins the group.
            let consumer = config.create().map_err(|source| TapError::Topic {
                topic: spec.topics.join(", "),
                source,
            })?;
            consumers.push((group.clone(), consumer));
        }
        let worker = Worker {
            spec,
            watch,
            shared: Arc::clone(&shared),
            consumers,
            committed: BTreeMap::new(),
            lags: BTreeMap::new(),
            partitions: BTreeMap::new(),
        };
        std::thread::Builder::new()
            .name("lag".to_owned())
            .spawn(move || worker.run())
            .map_err(|source| TapError::Start {
                sink: "consumer lag".to_owned(),
                source,
            })?;
        Ok(Self { shared })
    }

    #[must_use]
    pub fn latest(&self) -> LagSample {
        self.shared.lock().clone()
    }
}

impl Drop for LagWatch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, LagSample> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Topic and partition.
type Place = (String, i32);

struct Worker {
    spec: LagSpec,
    watch: Watch,
    shared: Arc<Shared>,
    consumers: Vec<(String, BaseConsumer)>,
    /// Last known, by group.
    committed: BTreeMap<String, BTreeMap<Place, i64>>,
    lags: BTreeMap<String, u64>,
    /// By group, what was written of its partitions.
    partitions: BTreeMap<String, BTreeMap<Place, Told>>,
}

/// The lag of a partition as it was last written.
#[derive(Clone, Copy)]
struct Told {
    at_ns: u64,
    lag: u64,
}

impl Worker {
    fn run(mut self) {
        while !self.shared.stop.load(Relaxed) {
            let mut sample = self.look();
            let mut latest = self.shared.lock();
            if sample.groups.values().all(|lag| *lag == Ok(0)) {
                let since = latest.clear_since_ns.unwrap_or(sample.at_ns);
                sample.clear_since_ns = Some(since);
            }
            *latest = sample;
            drop(latest);
            std::thread::sleep(EVERY);
        }
    }

    fn look(&mut self) -> LagSample {
        let at_ns = self.watch.now_ns();
        // Ends before commits: a record that comes in between is counted by the next look, never missed by this one.
        let ends = self.ends();
        let mut groups = BTreeMap::new();
        for index in 0..self.consumers.len() {
            let group = self.consumers[index].0.clone();
            let lag = match &ends {
                Ok(ends) => self.lag(index, ends),
                Err(error) => Err(error.clone()),
            };
            let lag = lag.map_err(|error| error.to_string());
            if let Ok(lag) = lag {
                self.note_lag(&group, lag);
            }
            groups.insert(group, lag);
        }
        LagSample {
            at_ns,
            groups,
            clear_since_ns: None,
        }
    }

    /// Low and high watermark of every partition.
    fn ends(&self) -> Result<BTreeMap<Place, (i64, i64)>, KafkaError> {
        let mut ends = BTreeMap::new();
        let Some((_, consumer)) = self.consumers.first() else {
            return Ok(ends);
        };
        for topic in &self.spec.topics {
            let metadata = consumer.fetch_metadata(Some(topic), REQUEST)?;
            let partitions = metadata
                .topics()
                .iter()
                .find(|found| found.name() == topic)
                .map_or(0, |found| found.partitions().len());
            for partition in 0..i32::try_from(partitions).unwrap_or(0) {
                ends.insert(
                    (topic.clone(), partition),
                    consumer.fetch_watermarks(topic, partition, REQUEST)?,
                );
            }
        }
        Ok(ends)
    }

    fn lag(&mut self, index: usize, ends: &BTreeMap<Place, (i64, i64)>) -> Result<u64, KafkaError> {
        let (group, consumer) = &self.consumers[index];
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in ends.keys() {
            asked.add_partition(topic, *partition);
        }
        let answered = consumer.committed_offsets(asked, REQUEST)?;
        let mut committed = BTreeMap::new();
        for element in answered.elements() {
            element.error()?;
            if let Offset::Offset(offset) = element.offset() {
                committed.insert((element.topic().to_owned(), element.partition()), offset);
            }
        }
        let group = group.clone();
        self.note_commits(&group, &committed);
        let behind = behind(ends, &committed, &self.spec.entry_topics);
        self.note_partitions(&group, &behind);
        Ok(behind.values().sum())
    }

    fn note_commits(&mut self, group: &str, committed: &BTreeMap<Place, i64>) {
        let known = self.committed.entry(group.to_owned()).or_default();
        for (place, offset) in committed {
            if known.get(place) != Some(offset) {
                known.insert(place.clone(), *offset);
                let (topic, partition) = place.clone();
                let what = What::Commit {
                    group: group.to_owned(),
                    member: String::new(),
                    topic,
                    partition,
                    offset: *offset,
                };
                self.watch
                    .recorder
                    .note(Note::new(self.watch.now_ns(), what));
            }
        }
    }

    fn note_lag(&mut self, group: &str, lag: u64) {
        if self.lags.insert(group.to_owned(), lag) != Some(lag) {
            let labels = BTreeMap::from([("group".to_owned(), group.to_owned())]);
            self.note_sample("lag", labels, lag);
        }
    }

    fn note_partitions(&mut self, group: &str, behind: &BTreeMap<Place, u64>) {
        let at_ns = self.watch.now_ns();
        let told = self.partitions.entry(group.to_owned()).or_default();
        for ((topic, partition), lag) in due(told, behind, at_ns) {
            let labels = BTreeMap::from([
                ("group".to_owned(), group.to_owned()),
                ("topic".to_owned(), topic),
                ("partition".to_owned(), partition.to_string()),
            ]);
            self.note_sample("lag_partition", labels, lag);
        }
    }

    fn note_sample(&self, metric: &str, labels: BTreeMap<String, String>, lag: u64) {
        #[allow(clippy::cast_precision_loss)]
        let what = What::Sample {
            metric: metric.to_owned(),
            labels,
            value: lag as f64,
        };
        self.watch
            .recorder
            .note(Note::new(self.watch.now_ns(), what));
    }
}

/// What is to be written of the partitions now, and remembered as written.
fn due(
    told: &mut BTreeMap<Place, Told>,
    behind: &BTreeMap<Place, u64>,
    at_ns: u64,
) -> Vec<(Place, u64)> {
    let mut due = Vec::new();
    for (place, lag) in behind {
        let is_due = match told.get(place) {
            None => told.len() < PARTITIONS_MAX,
            Some(last) => {
                let waited = at_ns.saturating_sub(last.at_ns) >= PARTITION_EVERY_NS;
                last.lag != *lag && (*lag == 0 || waited || has_leapt(last.lag, *lag))
            }
        };
        if is_due {
            told.insert(place.clone(), Told { at_ns, lag: *lag });
            due.push((place.clone(), *lag));
        }
    }
    due
}

/// Twice or half, and more than the few records that come and go.
const fn has_leapt(before: u64, now: u64) -> bool {
    const FEW: u64 = 20;
    before.abs_diff(now) > FEW && (now > 2 * before || before > 2 * now)
}

/// Records that a group has not committed past, by partition of the topics that it consumes.
fn behind(
    ends: &BTreeMap<Place, (i64, i64)>,
    committed: &BTreeMap<Place, i64>,
    entry_topics: &[String],
) -> BTreeMap<Place, u64> {
    let consumes = |topic: &String| {
        if committed.is_empty() {
            entry_topics.contains(topic)
        } else {
            committed.keys().any(|(known, _)| known == topic)
        }
    };
    let rest = ends
        .iter()
        .filter(|((topic, _), _)| consumes(topic))
        .map(|(place, (low, high))| {
            let done = committed.get(place).copied().unwrap_or(*low).max(*low);
            (place.clone(), u64::try_from(high - done).unwrap_or(0))
        });
    rest.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_what_is_not_committed_on_the_topics_of_the_group() {
        let place = |topic: &str, partition| (topic.to_owned(), partition);
        let ends = BTreeMap::from([
            (place("in", 0), (0, 10)),
            (place("in", 1), (2, 5)),
            (place("out", 0), (0, 7)),
        ]);
        let entry = ["in".to_owned()];
        let behind = |ends: &_, committed: &_, entry: &[String]| -> u64 {
            super::behind(ends, committed, entry).values().sum()
        };
        assert_eq!(
            behind(&ends, &BTreeMap::new(), &entry),
            13,
            "nothing committed: all of the entry topic"
        );
        let some = BTreeMap::from([(place("in", 0), 4)]);
        assert_eq!(behind(&ends, &some, &entry), 6 + 3);
        let other = BTreeMap::from([(place("out", 0), 7)]);
        assert_eq!(behind(&ends, &other, &entry), 0, "a group of a later stage");
        let ahead = BTreeMap::from([(place("in", 0), 12), (place("in", 1), 5)]);
        assert_eq!(
            behind(&ends, &ahead, &entry),
            0,
            "a log that was cut under the group"
        );
    }

    #[test]
    fn a_partition_is_told_once_a_second_at_most_and_at_once_when_it_has_caught_up() {
        const SECOND: u64 = 1_000_000_000;
        let place = ("in".to_owned(), 0);
        let mut told = BTreeMap::new();
        let mut lags = |at_ns: u64, lag: u64| {
            let due = due(&mut told, &BTreeMap::from([(place.clone(), lag)]), at_ns);
            due.into_iter().map(|(_, lag)| lag).next()
        };
        assert_eq!(lags(0, 5), Some(5), "the first");
        assert_eq!(lags(SECOND / 5, 9), None, "too soon");
        assert_eq!(lags(SECOND, 9), Some(9));
        assert_eq!(lags(2 * SECOND, 9), None, "no change");
        assert_eq!(lags(2 * SECOND + 1, 8), Some(8));
        assert_eq!(lags(2 * SECOND + 2, 0), Some(0), "caught up");
        assert_eq!(lags(2 * SECOND + 3, 15), None, "a few");
        assert_eq!(lags(2 * SECOND + 4, 300), Some(300), "a leap");
    }

    #[test]
    fn partitions_that_are_told_are_bounded() {
        let place = |partition| ("in".to_owned(), partition);
        let all: BTreeMap<Place, u64> = (0..1000).map(|index| (place(index), 1)).collect();
        let mut told = BTreeMap::new();
        assert_eq!(due(&mut told, &all, 0).len(), PARTITIONS_MAX);
        let later: BTreeMap<Place, u64> = (0..1000).map(|index| (place(index), 2)).collect();
        assert_eq!(due(&mut told, &later, u64::MAX).len(), PARTITIONS_MAX);
    }
}

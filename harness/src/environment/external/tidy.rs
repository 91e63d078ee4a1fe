//! The run's topics and groups on a cluster of others': made, and taken away again.

use crate::environment::notes::Notes;
use crate::environment::until::until;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use squall_history::What;
use squall_plan::system::TopicSpec;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;

const ASK_WITHIN: Duration = Duration::from_secs(30);
/// A member that was killed is in its group until its session ends.
const GONE_WITHIN: Duration = Duration::from_secs(60);
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Takes away what has a run's prefix.
pub struct Broom {
    /// Whatever is named so is the run's, those that the cluster made by itself too.
    prefix: String,
    admin: AdminClient<DefaultClientContext>,
    asks: BaseConsumer,
    runtime: Runtime,
}

/// Makes the topics of a run, and takes away all of it once.
pub struct Tidy {
    broom: Broom,
    /// Where it is noted that there is something; goes with it.
    record: PathBuf,
    notes: Arc<dyn Notes>,
    done: AtomicBool,
}

impl Tidy {
    pub fn new(broom: Broom, record: PathBuf, notes: Arc<dyn Notes>) -> Self {
        Self {
            broom,
            record,
            notes,
            done: AtomicBool::new(false),
        }
    }

    /// # Errors
    /// Text for users: what the cluster says to a topic.
    pub fn make(&self, topics: &[TopicSpec]) -> Result<(), String> {
        let minimum: Vec<String> = topics
            .iter()
            .map(|topic| topic.min_insync_replicas.to_string())
            .collect();
        let new = topics.iter().zip(&minimum).map(|(topic, minimum)| {
            let partitions = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
            let replicas = i32::try_from(topic.replicas).unwrap_or(i32::MAX);
            let replication = TopicReplication::Fixed(replicas);
            let new = NewTopic::new(&topic.name, partitions, replication);
            let new = new.set("min.insync.replicas", minimum);
            let settings = topic.config.iter();
            settings.fold(new, |new, (key, value)| new.set(key, value))
        });
        let new: Vec<NewTopic<'_>> = new.collect();
        if new.is_empty() {
            return Ok(());
        }
        let asked = self.broom.admin.create_topics(&new, &options());
        let results = self.broom.runtime.block_on(asked);
        for result in results.map_err(|error| error.to_string())? {
            match result {
                // One of others', which the system names: it is used as it is, and stays.
                Err((topic, RDKafkaErrorCode::TopicAlreadyExists))
                    if !topic.starts_with(&self.broom.prefix) => {}
                Err((topic, why)) => return Err(format!("topic {topic} cannot be made: {why}")),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// Takes away all that has the run's prefix; what is left is noted. Does nothing the second time.
    pub fn run(&self) {
        if self.done.swap(true, Ordering::SeqCst) {
            return;
        }
        match self.broom.until_gone(GONE_WITHIN) {
            // One that stays would only be looked for in vain.
            Ok(()) => drop(std::fs::remove_file(&self.record)),
            Err(text) => self.notes.note(What::Problem {
                source: "tear-down".to_owned(),
                text,
            }),
        }
    }
}

impl Broom {
    /// # Errors
    /// When no client can be made.
    pub fn new(config: &ClientConfig, prefix: &str) -> KafkaResult<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Self {
            prefix: prefix.to_owned(),
            admin: config.create()?,
            asks: config.create()?,
            runtime: runtime.map_err(|error| KafkaError::ClientCreation(error.to_string()))?,
        })
    }

    /// What the cluster calls itself.
    pub fn cluster(&self) -> Option<String> {
        self.asks.client().fetch_cluster_id(ASK_WITHIN)
    }

    /// Deletes until nothing is left. At least once.
    ///
    /// # Errors
    /// Text for users: what is left after this time.
    pub fn until_gone(&self, within: Duration) -> Result<(), String> {
        let mut left = Ok(Vec::new());
        let gone = until(within, AGAIN_AFTER, || {
            left = self.sweep();
            left.as_ref().is_ok_and(Vec::is_empty)
        });
        if gone {
            return Ok(());
        }
        let what = match left {
            Ok(names) => names.join(", "),
            Err(error) => format!("the cluster does not say what ({error})"),
        };
        let prefix = &self.prefix;
        Err(format!(
            "left on the cluster, all named {prefix}...: {what}"
        ))
    }

    /// Deletes what is there, and says what was.
    fn sweep(&self) -> KafkaResult<Vec<String>> {
        let is_ours = |name: &&str| name.starts_with(&self.prefix);
        let metadata = self.asks.fetch_metadata(None, ASK_WITHIN)?;
        let topics = metadata.topics().iter().map(|topic| topic.name());
        let topics: Vec<&str> = topics.filter(is_ours).collect();
        let listed = self.asks.fetch_group_list(None, ASK_WITHIN)?;
        let groups = listed.groups().iter().map(|group| group.name());
        let groups: Vec<&str> = groups.filter(is_ours).collect();
        self.runtime.block_on(async {
            // One that cannot be deleted yet is there at the next look.
            if !groups.is_empty() {
                passing(self.admin.delete_groups(&groups, &options()).await)?;
            }
            if !topics.is_empty() {
                passing(self.admin.delete_topics(&topics, &options()).await)?;
            }
            Ok::<(), KafkaError>(())
        })?;
        let all = topics.into_iter().chain(groups);
        Ok(all.map(str::to_owned).collect())
    }
}

/// An answer about each is an answer; none at all is not.
fn passing<T>(answers: KafkaResult<Vec<Result<T, (String, RDKafkaErrorCode)>>>) -> KafkaResult<()> {
    answers.map(|_| ())
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(ASK_WITHIN))
}

//! The historic defects that brokers can be told to have.

/// Makes the switches, each a field that is false, and the table of their names.
macro_rules! defects {
    ($($(#[$about:meta])* $name:ident,)+) => {
        /// Historic defects of Kafka, switched on by tests and simulations to see that they are found.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Defects {
            $($(#[$about])* pub $name: bool,)+
        }

        impl Defects {
            /// Names of all switches, as [`Defects::parse`] takes them.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            fn switch(&mut self, name: &str) -> bool {
                match name {
                    $(stringify!($name) => self.$name = true,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

defects! {
    /// A new follower cuts its log to its high watermark instead of asking where it diverges (before KIP-101).
    truncate_to_high_watermark,
    /// The leader takes its own log end for the high watermark.
    high_watermark_at_log_end,
    /// A new leader knows nothing of its idempotent producers.
    forget_producers_at_failover,
    /// The leader shrinks the in-sync set on its own, without the controller.
    shrink_isr_alone,
    /// Appends do not wait for the disk, whatever `flush.messages` says.
    never_flush,
    /// A produce with acks=all is answered when the leader has it.
    acknowledge_at_once,
    /// The controller elects whoever is alive when no in-sync replica is, whatever the topic says.
    elect_unclean,
    /// In-sync replicas that ended in order are not held in reserve below `min.insync.replicas` (before KIP-966).
    forget_eligible_replicas,
    /// A new coordinator knows its groups and not what they committed.
    forget_commits_at_failover,
    /// A leader does not look whether a follower's log left its own: nothing is ever truncated (neither KIP-101 nor KIP-279).
    never_truncate,
    /// A produce with acks=all is taken however few replicas are in sync.
    ignore_min_insync,
    /// Sequences of idempotent producers are not looked at.
    admit_duplicates,
    /// A follower comes back into the in-sync set with its first fetch, however far behind.
    rejoin_at_once,
    /// Consumers are given what is not replicated yet.
    read_beyond_high_watermark,
    /// What was sent to a follower counts as replicated.
    count_sent_as_replicated,
    /// A leader that steps down answers what waits for replication as if it were done.
    acknowledge_at_step_down,
    /// A commit of offsets is answered when the coordinator has it in memory, and not kept in its log.
    keep_commits_in_memory,
}

impl Defects {
    /// Reads names with commas between them.
    ///
    /// # Errors
    /// A sentence about the first name that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut defects = Self::default();
        let names = text.split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            if !defects.switch(name) {
                return Err(format!(
                    "there is no defect `{name}`; there are {}",
                    Self::NAMES.join(", ")
                ));
            }
        }
        Ok(defects)
    }
}

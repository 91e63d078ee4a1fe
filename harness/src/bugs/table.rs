//! Every planted bug: where it is, how it is switched on, and which anomaly must be found.

use std::fmt::Write as _;

/// Who is to blame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    System,
    Client,
    Broker,
}

impl Layer {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Client => "configuration",
            Self::Broker => "broker",
        }
    }
}

/// One planted bug.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    pub name: &'static str,
    pub layer: Layer,
    pub about: &'static str,
    /// Values set in the stock scenarios; for a bug of a system its name does that.
    sets: &'static [&'static str],
    /// Any of these in any sink.
    pub anomalies: &'static [&'static str],
}

/// What gives the brokers of any scenario a defect.
#[must_use]
pub fn set_defect(name: &str) -> String {
    format!("bus.kafka.broker.squall.defects={name}")
}

/// What gives the system of any scenario one of its planted bugs.
#[must_use]
pub fn set_bug(name: &str) -> String {
    format!("system.bugs=[{name}]")
}

impl Planted {
    #[must_use]
    pub fn sets(&self) -> Vec<String> {
        match self.layer {
            Layer::System => Vec::new(),
            Layer::Client => self.sets.iter().map(|set| (*set).to_owned()).collect(),
            Layer::Broker => vec![set_defect(self.name)],
        }
    }

    /// The bug's name, where it is one of a system.
    #[must_use]
    pub fn of_system(&self) -> Option<&'static str> {
        (self.layer == Layer::System).then_some(self.name)
    }
}

const LOST: &[&str] = &["lost-write", "unseen"];
const DOUBLE: &[&str] = &["duplicate-effect"];
const ORDER: &[&str] = &["order"];

const fn system(
    name: &'static str,
    anomalies: &'static [&'static str],
    about: &'static str,
) -> Planted {
    Planted {
        name,
        layer: Layer::System,
        about,
        sets: &[],
        anomalies,
    }
}

const fn broker(
    name: &'static str,
    anomalies: &'static [&'static str],
    about: &'static str,
) -> Planted {
    Planted {
        layer: Layer::Broker,
        ..system(name, anomalies, about)
    }
}

const fn client(
    name: &'static str,
    sets: &'static [&'static str],
    anomalies: &'static [&'static str],
    about: &'static str,
) -> Planted {
    Planted {
        layer: Layer::Client,
        sets,
        ..system(name, anomalies, about)
    }
}

/// All of them.
pub const PLANTED: &[Planted] = &[
    system(
        "commit-before-effect",
        LOST,
        "offsets are committed before the effects are done",
    ),
    system(
        "acks-1",
        LOST,
        "the producer is content with the leader's word",
    ),
    system(
        "auto-commit-async",
        LOST,
        "the client commits on a timer while handlers still run",
    ),
    system(
        "missing-idempotence",
        DOUBLE,
        "whatever is delivered again is done again",
    ),
    system(
        "dropped-retry",
        LOST,
        "an effect that fails for now is not tried again",
    ),
    system(
        "swallowed-dead-letter",
        LOST,
        "what cannot be handled vanishes",
    ),
    system(
        "answer-before-ack",
        LOST,
        "yes is said as soon as the event is in the client's buffer",
    ),
    system(
        "in-doubt-as-taken",
        LOST,
        "yes is said though the broker's answer is not known",
    ),
    system(
        "in-doubt-as-refused",
        &["rejected-effect"],
        "no is said though the broker's answer is not known",
    ),
    system("no-key", ORDER, "events of one user go to any partition"),
    system(
        "answer-at-shutdown",
        LOST,
        "whoever still waits at the shutdown hears yes",
    ),
    system(
        "settle-first",
        LOST,
        "the whole batch counts as done with its first effect",
    ),
    system(
        "settle-at-shutdown",
        LOST,
        "the rest of the batch counts as done at the shutdown",
    ),
    system(
        "retry-in-memory",
        LOST,
        "what failed waits in memory while its offset is committed",
    ),
    system(
        "give-up-at-once",
        &["unexpected-dead-letter"],
        "what fails for now is dead-lettered at once",
    ),
    system(
        "poison-forever",
        &["stuck"],
        "what cannot be read is tried again for ever",
    ),
    system(
        "poison-takes-batch",
        LOST,
        "what cannot be read takes the rest of its batch with it",
    ),
    system(
        "concurrent-batches",
        ORDER,
        "the next batch begins before the last one has ended",
    ),
    system(
        "unordered-retry",
        ORDER,
        "what failed is tried again behind the rest of its batch",
    ),
    system(
        "dead-letter-unacknowledged",
        LOST,
        "a dead letter counts as written when it is in the client's buffer",
    ),
    system(
        "dedup-in-memory",
        DOUBLE,
        "which events were handled is known to the process alone",
    ),
    system(
        "dedup-window",
        DOUBLE,
        "the last few handled events alone are known",
    ),
    system(
        "dedup-by-user",
        LOST,
        "two events of one user are taken for the same",
    ),
    system(
        "marker-before-row",
        LOST,
        "that it was handled is noted in a transaction before the row's",
    ),
    client("acks-0", &["bus.kafka.client.acks=0"], LOST, "`acks=0`"),
    client(
        "acks-leader",
        &["bus.kafka.client.acks=1"],
        LOST,
        "`acks=1`",
    ),
    client(
        "no-idempotence",
        &[
            "bus.kafka.client.enable.idempotence=false",
            "bus.kafka.client.max.in.flight.requests.per.connection=1",
        ],
        DOUBLE,
        "`enable.idempotence=false`, one request in flight",
    ),
    client(
        "in-flight",
        &["bus.kafka.client.enable.idempotence=false"],
        ORDER,
        "`enable.idempotence=false`, several requests in flight",
    ),
    client(
        "auto-commit",
        &[
            "bus.kafka.client.enable.auto.commit=true",
            "bus.kafka.client.enable.auto.offset.store=true",
            "bus.kafka.client.auto.commit.interval.ms=200",
        ],
        LOST,
        "`enable.auto.commit=true` with librdkafka's `enable.auto.offset.store=true`",
    ),
    client(
        "min-insync-1",
        &["bus.kafka.topics.{topic}.min.insync.replicas=1"],
        LOST,
        "`min.insync.replicas=1`",
    ),
    client(
        "unclean-election",
        &[
            "bus.kafka.topics.{topic}.unclean.leader.election.enable=true",
            "bus.kafka.topics.{topic}.min.insync.replicas=1",
        ],
        LOST,
        "`unclean.leader.election.enable=true` with `min.insync.replicas=1`",
    ),
    client(
        "one-replica",
        &[
            "bus.kafka.topics.{topic}.replicas=1",
            "bus.kafka.topics.{topic}.min.insync.replicas=1",
        ],
        LOST,
        "a topic with one replica",
    ),
    broker(
        "truncate_to_high_watermark",
        LOST,
        "no KIP-101: a follower cuts its log at its own high watermark",
    ),
    broker(
        "never_truncate",
        LOST,
        "neither KIP-101 nor KIP-279: a log that left its leader's is never cut",
    ),
    broker(
        "high_watermark_at_log_end",
        LOST,
        "the leader's log end counts as replicated",
    ),
    broker(
        "count_sent_as_replicated",
        LOST,
        "what was sent to a follower counts as replicated",
    ),
    broker(
        "acknowledge_at_once",
        LOST,
        "acks=all is answered when the leader has it",
    ),
    broker(
        "acknowledge_at_step_down",
        LOST,
        "a leader that steps down answers yes to all that waits",
    ),
    broker(
        "ignore_min_insync",
        LOST,
        "acks=all is taken however few replicas are in sync",
    ),
    broker(
        "forget_producers_at_failover",
        DOUBLE,
        "a new leader knows nothing of its idempotent producers",
    ),
    broker(
        "admit_duplicates",
        DOUBLE,
        "sequences of idempotent producers are not looked at",
    ),
    broker(
        "shrink_isr_alone",
        LOST,
        "the leader shrinks the in-sync set without the controller",
    ),
    broker(
        "rejoin_at_once",
        LOST,
        "a follower is in sync with its first fetch, however far behind",
    ),
    broker(
        "never_flush",
        LOST,
        "`flush.messages` is not heeded: what counts is in the page cache alone",
    ),
    broker(
        "elect_unclean",
        LOST,
        "whoever is alive leads when nobody is in sync",
    ),
    broker(
        "forget_eligible_replicas",
        LOST,
        "no KIP-966: who was in sync at the last is not held in reserve",
    ),
    broker(
        "forget_commits_at_failover",
        LOST,
        "a new coordinator does not know what its groups committed",
    ),
    broker(
        "keep_commits_in_memory",
        LOST,
        "commits of offsets are answered and not replicated",
    ),
    broker(
        "read_beyond_high_watermark",
        LOST,
        "consumers read what is not replicated, commit it, and skip what takes its place",
    ),
];

/// The text of docs/planted-bugs.md.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(
        "# Planted bugs

Made from harness/src/bugs/table.rs (`SQUALL_UPDATE_DOCS=1 cargo test -p squall --lib bugs` writes it anew).

Each of these is planted alone into the five stock scenarios in [scenarios/sim/](../scenarios/sim/), whose faults the seed draws, and which
are the same for all of them. `squall bugs` looks for each from 20 starting seeds and tells how many seeds and seconds it takes until the
anomaly is found that the table names; `squall bugs --correct 100000` sweeps the same scenarios without any bug, and any violation is an
alarm. What was measured stands in [simulator.md](simulator.md#planted-bugs).

    squall bugs                              # all, 20 starts each
    squall bugs never_truncate in-flight     # some
    squall sim scenarios/sim/log.yaml --seeds 1000 --set bus.kafka.broker.squall.defects=never_truncate --shrink

",
    );
    let _ = writeln!(
        text,
        "| bug | where | what is wrong | must be found |\n|---|---|---|---|"
    );
    for planted in PLANTED {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            planted.name,
            planted.layer.name(),
            planted.about,
            planted.anomalies.join(" or "),
        );
    }
    text
}

//! The shape of scenario files.

use super::names::{BROKER, CLIENT, EXTERNAL};
use super::system::{sink, system, topic};
use super::{Either, Object, Shape, list, map_of, one_or_many, text_or};
use crate::fault::{KINDS, Proof};
use crate::template::{INVARIANT_SLOTS, LOAD_SLOTS, SYSTEM_SLOTS};
use squall_check::{AnomalyName, LIVE, METRICS, MetricKind};
use std::sync::LazyLock;

/// What may be limited, from the table that thresholds are read by.
static THRESHOLDS: LazyLock<String> = LazyLock::new(|| {
    let metric = |metric: &MetricKind| format!("{} ({})", metric.name, metric.meaning);
    let metrics: Vec<String> = METRICS.iter().map(metric).collect();
    format!(
        "limits of metrics, as in effect_ms{{sink:users}}: [\"p(99)<3000\"]. There are {}",
        metrics.join("; ")
    )
});

/// What may stop a run.
static LIVE_LIMITS: LazyLock<String> = LazyLock::new(|| {
    let metric = |metric: &MetricKind| format!("{} ({})", metric.name, metric.meaning);
    let metrics: Vec<String> = LIVE.iter().map(metric).collect();
    format!(
        "stops the run when a live measure is so for a time, as in error_share: {{ limit: value>0.5, for: 3s }}. There are {}",
        metrics.join("; ")
    )
});

const LEVELS: &[&str] = &["fail", "warn"];
const LEVEL_ABOUT: &str = "what it does when it is not met: fail (default), or only warn";
const IN_ABOUT: &str = "environments in which it counts (default: all)";

pub(crate) const VERDICTS: &[&str] = &["held", "violated", "inconclusive"];
pub(crate) const SEMANTICS: &[&str] = &["exactly-once", "at-least-once", "at-most-once"];
pub(crate) const OUTCOMES: &[&str] = &["effect", "dead-letter", "nothing"];
pub(crate) const STAGE_KINDS: &[&str] = &["rate", "ramp", "burst", "pause", "sine"];
pub(crate) const KEY_KINDS: &[&str] = &["zipf", "uniform", "sequential"];

const MEBI: i64 = 1 << 20;

/// The shape of a scenario file.
#[must_use]
pub fn scenario() -> &'static Shape {
    static SHAPE: LazyLock<Shape> = LazyLock::new(build);
    &SHAPE
}

fn build() -> Shape {
    Object::new("a scenario")
        .required(
            "squall",
            Shape::Integer { min: 1, max: 1 },
            "version of the file's form: 1",
        )
        .required(
            "name",
            Shape::Name,
            "name of the scenario, as reports show it",
        )
        .field("description", Shape::Text, "what it shows, in a sentence")
        .required("system", system_use(), "the system under test")
        .field("bus", bus(), "the message bus")
        .required(
            "load",
            one_or_many(load()),
            "the events that are offered: one load or a list of them",
        )
        .field("faults", list(fault()), "what goes wrong, and when")
        .field(
            "nemesis",
            text_or(Shape::Choice(&["random"]), nemesis()),
            "faults that the seed draws: `random`, or bounds for the draw",
        )
        .field("expect", expect(), "what must hold")
        .field("abort_if", map_of(abort()), &LIVE_LIMITS)
        .field("timing", timing(), "lengths of the phases around the load")
        .field("sim", sim(), "a sweep of simulated seeds")
        .field(
            "variants",
            map_of(variant()),
            "changed forms of the scenario, chosen with --variant NAME",
        )
        .shape()
}

fn system_use() -> Shape {
    let environment = map_of(map_of(Shape::Template(SYSTEM_SLOTS)));
    Object::new("a system")
        .required(
            "use",
            text_or(Shape::Text, system().clone()),
            "path of a system file, or the system itself",
        )
        .field(
            "scale",
            map_of(Shape::Integer { min: 0, max: 64 }),
            "processes of a service, by its name",
        )
        .field("bugs", list(Shape::Name), "planted bugs to switch on")
        .field(
            "env",
            environment,
            "environment variables by service, laid over the system's own",
        )
        .field(
            "sinks",
            map_of(sink(true)),
            "sinks by name, laid over the system's own: with another store in place of the one that it has",
        )
        .shape()
}

fn bus() -> Shape {
    let links = Object::new("links")
        .field(
            "latency",
            Shape::Duration,
            "one way between two brokers (default 200us)",
        )
        .field(
            "bandwidth",
            Shape::Bandwidth,
            "each way between two brokers (default 1GiB/s)",
        )
        .shape();
    let kafka = Object::new("a Kafka cluster")
        .field(
            "brokers",
            Shape::Integer { min: 1, max: 9 },
            "number of brokers (default 3)",
        )
        .field(
            "topics",
            map_of(topic()),
            "topics, laid over those that the system needs",
        )
        .field(
            "broker",
            Shape::Settings(BROKER),
            "settings of the brokers, under Kafka's own names",
        )
        .field(
            "client",
            Shape::Settings(CLIENT),
            "settings of the system's clients, under librdkafka's own names",
        )
        .field("links", links, "the network between the brokers")
        .field(
            "external",
            Shape::Settings(EXTERNAL),
            "for --on external: how the cluster is reached, under librdkafka's own names; `file`: a file with more of them, secrets too",
        )
        .shape();
    Object::new("a bus")
        .required("kafka", kafka, "a Kafka cluster")
        .shape()
}

fn load() -> Shape {
    let expect = text_or(Shape::Choice(OUTCOMES), map_of(Shape::Choice(OUTCOMES)));
    Object::new("a load")
        .field("name", Shape::Name, "name of the load, as reports show it")
        .field(
            "http",
            Shape::Text,
            "entry through an HTTP API: METHOD service/path (default: the system's own entry)",
        )
        .field(
            "topic",
            Shape::Name,
            "entry straight onto the bus: name of the topic",
        )
        .field(
            "headers",
            map_of(Shape::Template(LOAD_SLOTS)),
            "headers, laid over the entry's own",
        )
        .field(
            "body",
            Shape::Body(LOAD_SLOTS),
            "body: any value; text is sent as it is, all else as JSON (default: the system's)",
        )
        .field("size", Shape::Size, "pad the body to this size")
        .field(
            "key",
            Shape::Template(LOAD_SLOTS),
            "key of the record, for entry onto the bus (default {{key}})",
        )
        .field("keys", keys(), "how keys are drawn (default uniform: 1000)")
        .field(
            "arrival",
            Shape::Choice(&["uniform", "poisson"]),
            "evenly spaced (default) or as a Poisson process",
        )
        .required(
            "stages",
            list(stage()),
            "the rate over time, stage after stage",
        )
        .field(
            "expect",
            expect,
            "what becomes of each accepted event, for all sinks or by sink (default effect)",
        )
        .field(
            "timeout",
            Shape::Duration,
            "without an answer for this long an event is indeterminate (default 5s)",
        )
        .field(
            "connections",
            Shape::Integer { min: 1, max: 4_096 },
            "HTTP connections at most, opened as they are needed (default 512)",
        )
        .at_most_one_of(&["http", "topic"])
        .shape()
}

fn keys() -> Shape {
    let count = Shape::Integer { min: 1, max: MEBI };
    Object::new("keys")
        .field(
            "zipf",
            Shape::Number {
                min: 0.0,
                max: 10.0,
            },
            "exponent: the key of rank r has weight 1 / r^exponent",
        )
        .field(
            "count",
            count.clone(),
            "number of distinct keys, with zipf (default 1000)",
        )
        .field(
            "uniform",
            count.clone(),
            "number of distinct keys, all equally likely",
        )
        .field(
            "sequential",
            count,
            "number of distinct keys, one after the other",
        )
        .one_of(KEY_KINDS)
        .shape()
}

fn stage() -> Shape {
    let ramp = Object::new("a ramp")
        .required("from", Shape::Rate, "rate at its beginning, such as 0/s")
        .required("to", Shape::Rate, "rate at its end, such as 2000/s")
        .shape();
    let sine = Object::new("a sine")
        .required("mean", Shape::Rate, "mean rate")
        .required(
            "amplitude",
            Shape::Rate,
            "most that the rate departs from the mean, which it cannot exceed",
        )
        .required("period", Shape::Duration, "length of one wave")
        .shape();
    Object::new("a stage")
        .field("rate", Shape::Rate, "a constant rate, such as 200/s")
        .field("ramp", ramp, "a rate that changes evenly")
        .field(
            "burst",
            Shape::Integer {
                min: 1,
                max: 1_000_000_000,
            },
            "this many events at once",
        )
        .field("pause", Shape::Duration, "no events for this long")
        .field("sine", sine, "a rate that swings")
        .field(
            "for",
            Shape::Duration,
            "length of the stage (rate, ramp, sine)",
        )
        .one_of(STAGE_KINDS)
        .shape()
}

fn nemesis() -> Shape {
    let count = Shape::Integer { min: 1, max: 100 };
    Object::new("a nemesis")
        .field(
            "kinds",
            list(Shape::DrawnKind),
            "kinds to draw from (default: all that the environment can inject but power_loss and slow_close)",
        )
        .field(
            "every",
            Shape::Duration,
            "mean time between two of them (default 3s)",
        )
        .field("shortest", Shape::Duration, "shortest length (default 1s)")
        .field("longest", Shape::Duration, "longest length (default 5s)")
        .field("at_most", count.clone(), "in force at once (default 2)")
        .field(
            "brokers_at_most",
            count,
            "brokers that are hit at once (default 1)",
        )
        .field(
            "calm",
            Shape::Duration,
            "from the end of one to the beginning of the next, at least, where at_most or brokers_at_most counts them together (default 0s)",
        )
        .field(
            "quiet",
            Shape::Duration,
            "no fault in this last part of the load, in which the system must get well (default 0s)",
        )
        .field(
            "style",
            Shape::Choice(&["even", "swarm"]),
            "with `swarm` each seed draws which of the kinds are on, how often they come and how long they last (default even)",
        )
        .field(
            "power_loss_at",
            Shape::Choice(&["any", "one-broker"]),
            "whether all losses of power hit one and the same broker, which the seed draws (default any)",
        )
        .field(
            "only",
            list(Shape::Name),
            "of the faults that the seed draws, only those by these names, as a plan shows them",
        )
        .shape()
}

fn fault() -> Shape {
    static PROOFS: LazyLock<Vec<&'static str>> =
        LazyLock::new(|| Proof::ALL.iter().map(|proof| proof.name()).collect());
    static KEYS: LazyLock<Vec<&'static str>> =
        LazyLock::new(|| KINDS.iter().map(|row| row.key).collect());
    let fault = Object::new("a fault")
        .required(
            "name",
            Shape::Name,
            "name of the fault, as thresholds and reports use it",
        )
        .required(
            "at",
            Shape::Duration,
            "when, from the beginning of the load",
        )
        .field(
            "for",
            Shape::Duration,
            "how long (default: until the load ends)",
        )
        .field(
            "prove",
            list(Shape::Choice(&PROOFS)),
            "what it must be seen to cause; else the run is inconclusive",
        );
    KINDS
        .iter()
        .fold(fault, |fault, row| {
            fault.field(row.key, (row.shape)(), row.about)
        })
        .one_of(&KEYS)
        .shape()
}

/// Expectations, all optional; a variant lays its own over them.
fn expect() -> Shape {
    static ANOMALIES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        AnomalyName::ALL
            .iter()
            .map(|anomaly| anomaly.name())
            .collect()
    });
    Object::new("an expectation")
        .field(
            "verdict",
            Shape::Choice(VERDICTS),
            "the verdict that `squall test` expects (default held)",
        )
        .field(
            "anomalies",
            list(Shape::Choice(&ANOMALIES)),
            "anomalies that a violated run must show",
        )
        .field(
            "sinks",
            map_of(Shape::Choice(SEMANTICS)),
            "what each sink promises (default: as the system says)",
        )
        .field(
            "order",
            list(Shape::Name),
            "sinks in which the effects of each key keep their order",
        )
        .field(
            "dead_letters",
            Shape::Choice(&["allowed", "expected-only"]),
            "whether a dead letter may stand for an expected effect (default allowed)",
        )
        .field("thresholds", map_of(limits()), &THRESHOLDS)
        .field(
            "invariants",
            map_of(invariant()),
            "what must be true of the business when the system has come to rest, by name",
        )
        .field(
            "rate",
            Shape::Share,
            "least share of the events that must go out on time (default 99%)",
        )
        .field(
            "pacing",
            Shape::Duration,
            "within this of its time 99.9 % of the events must go out (default 50ms)",
        )
        .field(
            "http_error_rate",
            Shape::Share,
            "largest share of HTTP answers that may be errors",
        )
        .shape()
}

fn environments() -> Shape {
    list(Shape::Choice(&["embedded", "sim", "docker"]))
}

/// One limit or several, each a text or a mapping with what hangs on it.
fn limits() -> Shape {
    let limit = Object::new("a limit")
        .required("limit", Shape::Text, "the limit, such as p(99)<3000")
        .field("level", Shape::Choice(LEVELS), LEVEL_ABOUT)
        .field("in", environments(), IN_ABOUT)
        .shape();
    let one = text_or(Shape::Text, limit.clone());
    Shape::Either(Box::new(Either {
        scalar: Some(Shape::Text),
        list: Some(list(one)),
        map: Some(limit),
    }))
}

fn invariant() -> Shape {
    let row = Shape::Either(Box::new(Either {
        scalar: Some(Shape::Setting),
        list: Some(list(Shape::Setting)),
        map: None,
    }));
    Object::new("an invariant")
        .field("sql", Shape::Text, "a query on an SQLite or PostgreSQL database, which it cannot change")
        .field("database", Shape::Text, "with sql: name of a sink with sqlite or postgres, or a path such as {{run}}/orders.db (default: the only such sink)")
        .field("rows", list(row), "with sql: the rows that it yields, each value as text (default: none)")
        .field("command", list(Shape::Template(INVARIANT_SLOTS)), "a program and its arguments, run in the run's folder")
        .field("within", Shape::Duration, "with command: it must end within this time (default 10s)")
        .field("exit", Shape::Integer { min: 0, max: 255 }, "with command: its exit code (default 0)")
        .field("output", Shape::Text, "with command: a text that it must print")
        .field("level", Shape::Choice(LEVELS), LEVEL_ABOUT)
        .field("in", environments(), IN_ABOUT)
        .one_of(&["sql", "command"])
        .shape()
}

fn abort() -> Shape {
    let limit = Object::new("a live limit")
        .required("limit", Shape::Text, "what must not be, such as value>0.5")
        .field(
            "for",
            Shape::Duration,
            "for how long without a break (default 3s)",
        )
        .shape();
    text_or(Shape::Text, limit)
}

fn timing() -> Shape {
    Object::new("timing")
        .field(
            "ready",
            Shape::Duration,
            "all services must be ready within this time (default 10s)",
        )
        .field(
            "steady",
            Shape::Duration,
            "probe events must show in every sink within this time (default 10s)",
        )
        .field(
            "warm_up",
            Shape::Duration,
            "the first stage's rate before the load, in no threshold (default 0s)",
        )
        .field(
            "drain",
            Shape::Duration,
            "longest time to wait until all is accounted for (default 30s)",
        )
        .shape()
}

fn sim() -> Shape {
    Object::new("a sweep")
        .field(
            "events",
            Shape::Integer {
                min: 1,
                max: 1_000_000_000,
            },
            "events that the load of a seed is scaled down to, in the shape of its stages (default 500)",
        )
        .field(
            "jitter",
            Shape::Duration,
            "how much earlier or later than written each seed may let a fault begin, the order of faults as it is (default 500ms)",
        )
        .shape()
}

fn variant() -> Shape {
    Object::new("a variant")
        .field("description", Shape::Text, "what it changes and why")
        .field(
            "set",
            map_of(Shape::Anything),
            "values by dotted path, each replacing what was there; null takes a key away",
        )
        .field(
            "expect",
            expect(),
            "laid over the scenario's own expectations",
        )
        .shape()
}

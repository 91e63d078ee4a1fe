//! The shape of system files.

use super::names::TOPIC;
use super::scenario::SEMANTICS;
use super::{Either, Object, Shape, list, map_of, text_or};
use crate::template::{LOAD_SLOTS, SINK_SLOTS, SYSTEM_SLOTS};
use std::sync::LazyLock;

const PORT: Shape = Shape::Integer {
    min: 0,
    max: 65_535,
};

/// The shape of a system file.
#[must_use]
pub fn system() -> &'static Shape {
    static SHAPE: LazyLock<Shape> = LazyLock::new(build);
    &SHAPE
}

fn build() -> Shape {
    Object::new("a system file")
        .required(
            "squall-system",
            Shape::Integer { min: 1, max: 1 },
            "version of the file's form: 1",
        )
        .required("name", Shape::Name, "name of the system")
        .field("description", Shape::Text, "what it does, in a sentence")
        .required(
            "services",
            map_of(service()),
            "the processes to start, in this order",
        )
        .required("entry", entry(), "how events get in")
        .field("topics", map_of(topic()), "topics that the system needs")
        .required(
            "sinks",
            map_of(sink(false)),
            "places where the effects of events must show",
        )
        .field(
            "servers",
            map_of(Shape::Text),
            "servers of somebody else's that services use, such as a database: HOST:PORT; services reach each at {{sink.NAME}}, and faults name it sink(NAME)",
        )
        .shape()
}

/// A topic, as systems and scenarios write it.
pub(super) fn topic() -> Shape {
    Object::new("a topic")
        .field(
            "partitions",
            Shape::Integer { min: 1, max: 1_000 },
            "number of partitions (default 6)",
        )
        .field(
            "replicas",
            Shape::Integer { min: 1, max: 9 },
            "copies of each partition (default 3, or all brokers when fewer)",
        )
        .field(
            "min.insync.replicas",
            Shape::Integer { min: 1, max: 9 },
            "copies that must have a write with acks=all (default 1, as in Kafka)",
        )
        .settings(TOPIC)
        .shape()
}

fn service() -> Shape {
    let environment = || map_of(Shape::Template(SYSTEM_SLOTS));
    let bug = Object::new("a planted bug")
        .field("description", Shape::Text, "what is wrong when it is on")
        .field(
            "environment",
            environment(),
            "variables laid over the service's own",
        )
        .field(
            "arguments",
            list(Shape::Template(SYSTEM_SLOTS)),
            "arguments appended to the command",
        )
        .shape();
    let bugs = Either {
        scalar: None,
        list: Some(list(Shape::Name)),
        map: Some(map_of(bug)),
    };
    Object::new("a service")
        .required(
            "command",
            list(Shape::Template(SYSTEM_SLOTS)),
            "program and arguments, as a list",
        )
        .field("environment", environment(), "environment variables")
        .field(
            "directory",
            Shape::Template(SYSTEM_SLOTS),
            "working directory, relative to this file (default: the run's folder)",
        )
        .field(
            "ready",
            ready(),
            "when it counts as ready (default: running)",
        )
        .field(
            "ready_within",
            Shape::Duration,
            "how long it may take to become ready (default: timing.ready)",
        )
        .field(
            "ports",
            text_or(PORT, map_of(PORT)),
            "usual port, or several by name; runs give free ones as {{port}}",
        )
        .field(
            "replicas",
            Shape::Integer { min: 0, max: 64 },
            "number of processes (default 1)",
        )
        .field("group", Shape::Name, "its consumer group")
        .field(
            "bugs",
            Shape::Either(Box::new(bugs)),
            "planted bugs that scenarios can switch on",
        )
        .field(
            "stop_timeout",
            Shape::Duration,
            "time between SIGTERM and SIGKILL (default 5s)",
        )
        .shape()
}

fn ready() -> Shape {
    let how = Object::new("readiness")
        .field(
            "http",
            Shape::Template(SYSTEM_SLOTS),
            "a GET of this path answers 2xx",
        )
        .field(
            "port",
            Shape::Name,
            "the port of this name accepts connections, or is asked by http (default: the first)",
        )
        .field("log", Shape::Text, "a line of its output contains this")
        .at_most_one_of(&["http", "log"])
        .shape();
    text_or(Shape::Choice(&["running", "port"]), how)
}

fn entry() -> Shape {
    let headers = || map_of(Shape::Template(LOAD_SLOTS));
    let http = Object::new("an HTTP entry")
        .field(
            "method",
            Shape::Choice(&["POST", "PUT", "PATCH"]),
            "HTTP method (default POST)",
        )
        .required(
            "path",
            Shape::Text,
            "path of the requests, beginning with /",
        )
        .required("service", Shape::Name, "the service that takes them")
        .field("port", Shape::Name, "name of its port (default: its first)")
        .field(
            "id",
            id(),
            "where the event's id travels (default: header ce-id)",
        )
        .field("headers", headers(), "headers of each request")
        .shape();
    let topic = Object::new("a topic entry")
        .required("name", Shape::Name, "name of the topic")
        .field(
            "id",
            id(),
            "where the event's id travels (default: header ce_id)",
        )
        .field("headers", headers(), "headers of each record")
        .shape();
    Object::new("an entry")
        .field("http", http, "through an HTTP API")
        .field("topic", topic, "straight onto a topic")
        .field(
            "body",
            Shape::Body(LOAD_SLOTS),
            "default body: any value; text is sent as it is, all else as JSON",
        )
        .shape()
}

/// Keys of which each says where the effects are kept.
pub(crate) const STORES: [&str; 6] = ["directory", "sqlite", "topic", "http", "postgres", "mails"];

/// A sink; one that is `laid_over` another says only what is different.
pub(super) fn sink(laid_over: bool) -> Shape {
    let dead_letters = Object::new("dead letters")
        .required("topic", Shape::Name, "name of the topic")
        .field(
            "id",
            id(),
            "where the event's id travels (default: header ce_id)",
        )
        .shape();
    let sink = Object::new("a sink")
        .field("directory", Shape::Template(SINK_SLOTS), "a folder with one file an effect (a maildir too)")
        .field("serve", Shape::Choice(&["smtp"]), "Squall listens as a mail server at {{sink.NAME}}, with a directory, and files there what it takes")
        .field("sqlite", Shape::Template(SINK_SLOTS), "path of an SQLite database with one row an effect")
        .field("topic", Shape::Name, "a topic with one record an effect")
        .field("http", Shape::Text, "path, such as /effects, at which Squall listens: services post their effects to http://{{sink.NAME}}/effects")
        .field("postgres", Shape::Name, "name of a database, with one row an effect, in a PostgreSQL server that Squall starts in a container: services reach it at postgres://squall:squall@{{sink.NAME}}/DATABASE (--on docker)")
        .field("mails", Shape::Choice(&["mailpit"]), "a mail catcher that Squall starts in a container, with one mail an effect: services reach it at smtp://{{sink.NAME}} (--on docker)")
        .field("id", id(), "where the event's id is: file-name, key, body, {header: NAME}, {json: /pointer}; a column of a table")
        .field("table", Shape::Name, "the table, with sqlite and postgres")
        .field("query", Shape::Text, "instead of a table: yields (position, id) for positions after :after, ascending")
        .field("group", Shape::Name, "the consumer group whose lag tells what is in flight")
        .field("events", list(Shape::Name), "types of event that show here (default: all)")
        .field("dead_letters", dead_letters, "where its service puts what it gave up on")
        .field("semantics", Shape::Choice(SEMANTICS), "what it promises (default at-least-once)");
    match laid_over {
        true => sink.at_most_one_of(&STORES),
        false => sink.one_of(&STORES),
    }
    .shape()
}

fn id() -> Shape {
    let place = Object::new("an id")
        .field("header", Shape::Text, "name of a header")
        .field(
            "json",
            Shape::Text,
            "JSON pointer into the body, such as /data/id",
        )
        .one_of(&["header", "json"])
        .shape();
    text_or(Shape::Text, place)
}

//! What a fault may do to a sink.

use super::Context;
use crate::problem::Problems;
use crate::shape::did_you_mean;
use crate::system::SinkStore;
use crate::yaml::Place;

/// Whether a sink is there and something can be done to it: to what it keeps (`to_trouble`), or to connections to it.
pub(super) fn check(
    name: &str,
    to_trouble: bool,
    place: &Place,
    context: &Context<'_>,
    problems: &mut Problems,
) {
    if !context.found {
        return;
    }
    let spec = &context.system.spec;
    let sink = spec.sink(name);
    let is_reached = spec.servers.contains_key(name) || sink.is_some_and(|s| s.served.is_some());
    if is_reached {
        if !context.system.tells_of(name) {
            let what = format!("no service is told where sink `{name}` is, so none goes there");
            let fix = format!(
                "give a service `{{{{sink.{name}}}}}`, such as SMTP_URL: \"smtp://{{{{sink.{name}}}}}\""
            );
            problems.at(place, what, fix);
        }
        return;
    }
    let Some(sink) = sink else {
        let names = spec.sinks.iter().map(|sink| sink.name.as_str());
        let names = names.chain(spec.servers.keys().map(String::as_str));
        let fix = did_you_mean(name, names, "sinks");
        return problems.at(place, format!("unknown sink `{name}`"), fix);
    };
    let (why, fix) = match &sink.store {
        SinkStore::Sqlite { .. } if to_trouble => return,
        SinkStore::Sqlite { .. } => (
            "is a file, and no connection goes there",
            "for a database: sink_down, sink_slow, sink_error",
        ),
        SinkStore::Topic { .. } => ("is a topic", "aim at the brokers that hold it"),
        SinkStore::Directory { .. } => (
            "is a folder that services write to themselves",
            "let Squall serve it: `serve: smtp`",
        ),
    };
    problems.at(place, format!("sink `{name}` {why}"), fix);
}

//! What a fault may do to a sink.

use super::Context;
use crate::fault::Terms;
use crate::problem::Problems;
use crate::shape::did_you_mean;
use crate::system::{SinkSpec, SinkStore};
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
    let is_reached = spec.servers.contains_key(name) || sink.is_some_and(SinkSpec::is_reached);
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
        // The other two are reached, so they do not come as far as this.
        SinkStore::Directory { .. } | SinkStore::Postgres { .. } | SinkStore::Mails(_) => (
            "is a folder that services write to themselves",
            "let Squall serve it: `serve: smtp`",
        ),
    };
    problems.at(place, format!("sink `{name}` {why}"), fix);
}

/// Whether a fault would have to change the answers of a server that is not Squall's own.
pub(super) fn answers_by_itself(name: &str, terms: &Terms, context: &Context<'_>) -> bool {
    let spec = &context.system.spec;
    match terms {
        Terms::Slow { .. } => spec.servers.contains_key(name),
        Terms::Errors { .. } => {
            spec.servers.contains_key(name) || spec.sink(name).is_some_and(SinkSpec::in_container)
        }
        _ => false,
    }
}

//! What only the system can tell of what was asked for.

use super::{Context, frames, sink};
use crate::fault::{Target, Terms, Treatment, ways};
use crate::problem::Problems;
use crate::scenario::{Load, LoadEntry};
use crate::shape::did_you_mean;
use crate::yaml::Node;

/// What is wrong, and how to mend it.
type Wrong = (String, String);

pub(super) fn check(
    target: &Target,
    terms: &Terms,
    aim: &Node,
    context: &Context<'_>,
    problems: &mut Problems,
) {
    let wrong = no_way(target, terms, context)
        .or_else(|| others_answers(target, terms, context))
        .or_else(|| does_nothing(terms));
    if let Some((what, fix)) = wrong {
        return problems.at(&aim.place, what, fix);
    }
    if let Terms::Link { to, treatment } = terms {
        return frames::check(target, to, treatment, aim, problems);
    }
    if let Target::Service { service, replica } = target {
        for (what, fix) in of_service(service, *replica, terms, context) {
            problems.at(&aim.place, what, fix);
        }
    }
}

/// Connections that nobody has.
fn no_way(target: &Target, terms: &Terms, context: &Context<'_>) -> Option<Wrong> {
    if !ways::lead_somewhere(target, terms, true) {
        let what = format!("no connection runs between `{target}` and these");
        let fix = "connections run from services and the load to brokers, between brokers and to the controller, and from services to sinks";
        return Some((what, fix.to_owned()));
    }
    let is_http = |load: &Load| matches!(load.entry, LoadEntry::Http { .. });
    let load_on_bus = !context.loads.iter().all(is_http) || context.loads.is_empty();
    (!ways::lead_somewhere(target, terms, load_on_bus)).then(|| {
        let what = "the load connects to no broker: its requests go straight to the services";
        let fix = "name the services that it calls, or let the load enter by `topic`";
        (what.to_owned(), fix.to_owned())
    })
}

/// Answers of a server that is somebody else's.
fn others_answers(target: &Target, terms: &Terms, context: &Context<'_>) -> Option<Wrong> {
    let Target::Sink(name) = target else {
        return None;
    };
    sink::answers_by_itself(name, terms, context).then(|| {
        let what = format!("what `{name}` answers is its own: Squall only stands before it");
        let fix = "use sink_down, isolate, delay, bandwidth or another fault of connections";
        (what, fix.to_owned())
    })
}

fn does_nothing(terms: &Terms) -> Option<Wrong> {
    let no_time = |turn| {
        let fix = "write how long it lasts, such as 300ms; isolate cuts off for good";
        (format!("`{turn}` takes no time"), fix.to_owned())
    };
    match terms {
        Terms::Flapping { down_ns: 0, .. } => Some(no_time("down")),
        Terms::Flapping { up_ns: 0, .. } => Some(no_time("up")),
        Terms::Link {
            treatment: Treatment::Bandwidth { bytes_per_s: 0 },
            ..
        } => {
            let fix = "write at least 1B/s; isolate and drop let nothing through";
            Some(("nothing flows at this rate".to_owned(), fix.to_owned()))
        }
        _ => None,
    }
}

fn of_service(
    service: &str,
    replica: Option<u32>,
    terms: &Terms,
    context: &Context<'_>,
) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    match terms {
        Terms::Deploy { environment, bugs } => {
            if environment.is_empty() && bugs.is_empty() {
                let what = format!("the new version of `{service}` is the old one");
                wrong.push((what, "give it `env` or `bugs`".to_owned()));
            }
            let known = context.system.spec.service(service);
            let known = known.map_or(&[][..], |spec| &spec.bugs).iter();
            let known: Vec<&str> = known.map(|bug| bug.name.as_str()).collect();
            for bug in bugs
                .iter()
                .filter(|bug| context.found && !known.contains(&bug.as_str()))
            {
                let fix = did_you_mean(bug, known.iter().copied(), "bugs");
                wrong.push((format!("`{service}` has no bug `{bug}`"), fix));
            }
        }
        Terms::Scale { to } => {
            if let Some(replica) = replica {
                let what = format!("`{service}/{replica}` is one replica, and a service is scaled");
                wrong.push((what, format!("write `{service}`")));
            }
            if context.system.scale.get(service) == Some(to) {
                let what = format!("`{service}` has {to} replicas already");
                wrong.push((what, "scale it to another number".to_owned()));
            }
        }
        _ => {}
    }
    wrong
}

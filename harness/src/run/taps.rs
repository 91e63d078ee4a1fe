//! What watches a run: a tap on each sink and its dead letters, and the lag of each consumer group.

use super::pipeline::Context;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::verdict::{TAP_RESOLUTION, health_key};
use squall_check::Kind;
use squall_history::What;
use squall_observe::{LagSpec, LagWatch, Taps, Watch};
use std::collections::BTreeMap;
use std::time::Duration;

const FINAL_READ_WITHIN: Duration = Duration::from_secs(60);

/// Starts the taps. A sink that is not there yet is no error: its service makes it.
pub fn start(context: &Context<'_>, env: &dyn Environment) -> Result<Taps, Failure> {
    let fill = |template: &str| env.fill(template).map_err(|error| error.to_string());
    let settings = client_settings(env);
    let at = |sink: &str| env.server(sink);
    Taps::start(context.plan, &settings, fill, at, &watch(context))
        .map_err(|error| Failure::environment(error.to_string()))
}

/// Watches the groups of the plan's services and sinks.
pub fn lag(context: &Context<'_>, env: &dyn Environment) -> Result<LagWatch, Failure> {
    let plan = context.plan;
    let spec = LagSpec {
        groups: plan.groups(),
        topics: plan
            .cluster
            .topics
            .iter()
            .map(|topic| topic.name.clone())
            .collect(),
        entry_topics: plan.entry_topics(),
        settings: client_settings(env),
    };
    LagWatch::start(spec, watch(context)).map_err(|error| Failure::environment(error.to_string()))
}

/// Settings of every client of ours on the bus.
pub fn client_settings(env: &dyn Environment) -> BTreeMap<String, String> {
    BTreeMap::from([("bootstrap.servers".to_owned(), env.bus().bootstrap())])
}

fn watch(context: &Context<'_>) -> Watch {
    Watch {
        start: context.started,
        recorder: context.recorder.clone(),
        run: context.plan.seed,
    }
}

/// Reads every sink to its end; what could not be read is noted as such.
pub fn final_read(context: &Context<'_>, taps: Taps) {
    let mut problems: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    resolution(context, &taps);
    for end in taps.final_read(FINAL_READ_WITHIN) {
        let found = problems.entry(end.place).or_default();
        let told = match end.read {
            Ok(read) => read.problems,
            Err(error) => vec![error.to_string()],
        };
        // Dead letters have a tap of their own.
        let whose = |problem: String| match end.kind {
            Kind::DeadLettered => format!("{}: {problem}", end.name),
            _ => problem,
        };
        found.extend(told.into_iter().map(whose));
        if end.status.foreign > 0 {
            let (source, name) = (end.name, "foreign".to_owned());
            context.notes.note(What::Counter {
                source,
                name,
                value: end.status.foreign,
            });
        }
    }
    for (place, found) in problems {
        let Some(sink) = context.plan.system.spec.sinks.get(usize::from(place)) else {
            continue;
        };
        let name = &sink.name;
        let ok = found.is_empty();
        let detail = if ok {
            String::new()
        } else {
            format!(
                "The sink {name} was not read to its end: {}.",
                found.join("; ")
            )
        };
        context.notes.note(What::Health {
            key: health_key::final_read(name),
            ok,
            detail,
        });
    }
}

/// How finely each sink was watched until now: as its coarsest tap.
fn resolution(context: &Context<'_>, taps: &Taps) {
    let mut coarsest: BTreeMap<u16, f64> = BTreeMap::new();
    for status in taps.status() {
        if let Some(ms) = status.resolution_ms {
            let known = coarsest.entry(status.place).or_default();
            *known = known.max(ms);
        }
    }
    for (place, value) in coarsest {
        let Some(sink) = context.plan.system.spec.sinks.get(usize::from(place)) else {
            continue;
        };
        context.notes.note(What::Sample {
            metric: TAP_RESOLUTION.to_owned(),
            labels: BTreeMap::from([("sink".to_owned(), sink.name.clone())]),
            value,
        });
    }
}

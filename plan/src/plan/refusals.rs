//! What a scenario asks for and an environment cannot do: said when the plan is made, not in the middle of a run.

use super::{Environment, prefix};
use crate::fault::{ELSEWHERE, Fault, refused_links, refused_settings};
use crate::problem::{Problem, Problems};
use crate::scenario::Scenario;

const ITS_OWN_NAMES: &str = "have the service told it, run it elsewhere, or use the name that others may use too: --allow-disturbing";

const IN_CONTAINERS: &str = "run it with --on docker, or give the sink another store";

/// All of it at once; none is no error.
pub fn refusals(scenario: &Scenario, faults: &[Fault], environment: Environment) -> Problems {
    let mut problems = Problems::default();
    let mut cannot = |what: String, fix: &str| {
        let what = format!("{} cannot {what}", environment.name());
        problems.push(Problem::of(&scenario.file, what, fix));
    };
    for fault in faults {
        if let Some(refused) = fault.refused_in(environment) {
            let (kind, name) = (fault.kind.name(), &fault.name);
            let what = format!("inject `{kind}` of fault `{name}`: {}", refused.why);
            cannot(what, refused.fix);
        }
    }
    let cluster = &scenario.cluster;
    let sinks = scenario.system.spec.sinks.iter();
    let containers = sinks.filter(|sink| sink.in_container() && environment != Environment::Docker);
    for sink in containers {
        cannot(
            format!(
                "start the server of sink `{}`: it is a container",
                sink.name
            ),
            IN_CONTAINERS,
        );
    }
    match environment {
        Environment::Embedded => {}
        Environment::Sim => {
            let servers = scenario.system.spec.servers.keys();
            let names: Vec<&str> = servers.map(String::as_str).collect();
            if !names.is_empty() {
                let names = names.join(", ");
                cannot(format!("reach the system's servers ({names})"), ELSEWHERE);
            }
        }
        Environment::Docker => {
            let sinks = scenario.system.spec.sinks.iter();
            let untold = sinks.filter(|sink| !scenario.system.tells_of(&sink.name));
            for (sink, url) in untold.filter_map(|sink| Some((sink, sink.url()?))) {
                let what = format!("fill sink `{}`: no service is told where it is", sink.name);
                cannot(
                    what,
                    &format!("give a service the address `{url}` under system.env"),
                );
            }
            if let Some(why) = refused_links(&cluster.links) {
                cannot(
                    format!("make the links of bus.kafka.links: {why}"),
                    ELSEWHERE,
                );
            }
        }
        Environment::External => {
            if let Some((key, why)) = refused_settings(cluster) {
                cannot(format!("set {key}: {why}"), ELSEWHERE);
            }
            let fixed = prefix::fixed_names(&scenario.system, &cluster.topics, "");
            for one in fixed.iter().filter(|_| !cluster.may_disturb) {
                cannot(one.told(), ITS_OWN_NAMES);
            }
        }
    }
    problems
}
